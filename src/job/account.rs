//! The account of a task: the API and the key that created it.

use std::fmt;

use url::Url;

/// The account that a task was created with. A key can be rotated and a host can change; both matter for finding
/// the task again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Account {
    /// The API: host, port unless it is the scheme's own, and path without a slash at its end. In lower case.
    pub host: String,
    /// The name of the key: a digest, from which no credential can be derived.
    pub key: String,
}

impl Account {
    /// Creates the account of the API at `base_url` that `key` names.
    #[must_use]
    pub fn new(base_url: &Url, key: String) -> Self {
        let host = base_url.host_str().unwrap_or_default();
        let port = base_url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let path = base_url.path().trim_end_matches('/');
        Self { host: format!("{host}{port}{path}").to_lowercase(), key }
    }
}

/// Writes `KEY at HOST`.
impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.key, self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of accounts are kept in users' databases: they must stay what they are.
    #[test]
    fn an_account_is_named_by_key_and_host() {
        for (base_url, host) in [
            ("https://api-singapore.klingai.com", "api-singapore.klingai.com"),
            ("https://API.klingai.com:443/", "api.klingai.com"),
            ("https://api.klingai.com:8443", "api.klingai.com:8443"),
            ("http://127.0.0.1:8787/", "127.0.0.1:8787"),
            ("http://127.0.0.1:80", "127.0.0.1"),
            ("http://[::1]:8787", "[::1]:8787"),
            ("https://gate.example/Kling/api//", "gate.example/kling/api"),
        ] {
            let account = Account::new(&base_url.parse().unwrap(), "key-ba7816bf".to_owned());
            assert_eq!(account.host, host, "{base_url}");
            assert_eq!(account.to_string(), format!("key-ba7816bf at {host}"));
        }
    }
}
