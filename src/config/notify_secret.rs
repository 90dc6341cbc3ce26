//! The secret that signs webhooks: `NOTIFY_SECRET`.

use std::ffi::OsString;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use secrecy::{ExposeSecret, SecretString, zeroize::Zeroizing};

use super::{credential_error::CredentialsError, credential_lookup::CredentialLookup};

const NOTIFY_SECRET: &str = "NOTIFY_SECRET";
/// What Standard Webhooks puts before a secret for HMAC-SHA256.
const PREFIX: &str = "whsec_";
/// The length of the key in bytes, as Standard Webhooks requires it.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The key that signs webhooks.
#[derive(Debug, Clone)]
pub struct NotifySecret(SecretString);

impl NotifySecret {
    /// Looks `NOTIFY_SECRET` up as the credentials of the API are looked up; none if it is not set.
    ///
    /// # Errors
    /// It cannot be read, or is not `whsec_` with 24 to 64 bytes in Base64.
    pub fn find(env: &dyn Fn(&str) -> Option<OsString>) -> Result<Option<Self>, CredentialsError> {
        let mut lookup = CredentialLookup { env, notes: Vec::new(), places: Vec::new() };
        let Some(secret) = lookup.value(NOTIFY_SECRET)? else { return Ok(None) };
        let key = Self(secret);
        if KEY_BYTES.contains(&key.bytes().len()) {
            return Ok(Some(key));
        }
        Err(CredentialsError::NotifySecret)
    }

    /// Returns the key's bytes.
    #[must_use]
    pub fn bytes(&self) -> Zeroizing<Vec<u8>> {
        let text = self.0.expose_secret();
        let base64 = text.strip_prefix(PREFIX).unwrap_or(text);
        Zeroizing::new(BASE64_STANDARD.decode(base64).unwrap_or_default())
    }
}

impl PartialEq for NotifySecret {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(value: &str) -> Result<Option<NotifySecret>, CredentialsError> {
        NotifySecret::find(&|name| (name == NOTIFY_SECRET).then(|| value.into()))
    }

    #[test]
    fn a_secret_is_base64_with_or_without_its_prefix() {
        let key = [7_u8; 24];
        let base64 = BASE64_STANDARD.encode(key);
        for value in [base64.clone(), format!(" whsec_{base64}\n")] {
            assert_eq!(*find(&value).unwrap().unwrap().bytes(), key);
        }
        assert!(find("").unwrap().is_none());
        for value in ["whsec_AAAA", "whsec_no base64", "hunter2"] {
            let error = find(value).unwrap_err();
            assert!(error.to_string().starts_with("NOTIFY_SECRET "), "{error}");
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
    }

    #[test]
    fn the_package_file_has_the_prefix_of_the_credential() {
        let folder = tempfile::tempdir().unwrap();
        let value = BASE64_STANDARD.encode([1_u8; 32]);
        std::fs::write(folder.path().join("kling_notify_secret"), &value).unwrap();
        let env = |name: &str| (name == "CREDENTIALS_DIRECTORY").then(|| folder.path().into());
        assert_eq!(NotifySecret::find(&env).unwrap().unwrap().bytes().len(), 32);
    }
}
