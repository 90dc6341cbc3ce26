//! Which hosts downloads may use: the public internet, the host of the API, and those that the configuration allows.
//!
//! A download's URL comes from an answer or a manifest, so it must not reach what only this machine can reach. The URL
//! is checked, and again the resolved address, so that a name cannot change its address in between. Behind a proxy the
//! proxy resolves names, and only the URL can be checked.

use std::{
    error::Error,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::public_address::{is_fake, is_public};
use crate::loopback::is_loopback;

/// An address that downloads must not use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct BlockedAddress(pub(super) String);

/// Where downloads may go.
#[derive(Debug, Clone)]
pub(super) struct HostPolicy {
    /// The API is on this machine (a simulator, a gateway), so its results may be, too. Other private addresses are not
    /// allowed.
    open: bool,
    /// The host of the API: a gateway in a private network may also serve the results.
    api_host: String,
    /// `download.allow_hosts`: names, addresses, and `*.` before a name for all names below it.
    allowed: Arc<[String]>,
    /// Names of proxies. They may resolve to private addresses, so downloads must not use them as hosts.
    proxies: Arc<[String]>,
}

impl HostPolicy {
    /// Returns the policy for an API at `base_url`; `variable` reads the environment.
    pub(super) fn new(
        base_url: &Url,
        allow_hosts: &[String],
        variable: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let api_host = base_url.host_str().unwrap_or_default().to_owned();
        let open = is_loopback(base_url);
        let proxies = ["https_proxy", "http_proxy", "all_proxy"]
            .into_iter()
            .flat_map(|name| [variable(name), variable(&name.to_uppercase())])
            .flatten()
            .filter_map(|value| proxy_host(&value))
            .collect();
        Self { open, api_host, allowed: allow_hosts.into(), proxies }
    }

    /// Checks `url`; a name is checked again when it is resolved.
    pub(super) fn check(&self, url: &Url) -> Result<(), BlockedAddress> {
        let host = url.host().ok_or_else(|| BlockedAddress("an address without a host".into()))?;
        let name = host.to_string();
        let is_allowed = self.allows(&name);
        match url.scheme() {
            "https" => {}
            "http" if is_allowed || self.open && is_loopback(url) => {}
            "http" => {
                let why = format!("`http://{host}` is not https; {}", advice(&name));
                return Err(BlockedAddress(why));
            }
            scheme => {
                return Err(BlockedAddress(format!("`{scheme}://{host}` is not https")));
            }
        }
        let private = match &host {
            _ if is_allowed => false,
            Host::Ipv4(ip) => !self.admits(IpAddr::V4(*ip)),
            Host::Ipv6(ip) => !self.admits(IpAddr::V6(*ip)),
            Host::Domain(name) => self.is_proxy(name),
        };
        if private { Err(not_public(&name, None)) } else { Ok(()) }
    }

    /// Whether downloads from a host may be at private addresses, and without TLS.
    pub(super) fn allows(&self, host: &str) -> bool {
        let is_named = |pattern: &String| match pattern.strip_prefix("*.") {
            Some(parent) => host
                .len()
                .checked_sub(parent.len() + 1)
                .is_some_and(|at| at > 0 && host[at..].eq_ignore_ascii_case(&pattern[1..])),
            None => pattern.eq_ignore_ascii_case(host),
        };
        self.api_host.eq_ignore_ascii_case(host) || self.allowed.iter().any(is_named)
    }

    fn admits(&self, ip: IpAddr) -> bool {
        is_public(ip) || self.open && ip.is_loopback()
    }

    fn is_proxy(&self, name: &str) -> bool {
        self.proxies.iter().any(|proxy| proxy.eq_ignore_ascii_case(name))
    }
}

impl Resolve for HostPolicy {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = self.clone();
        Box::pin(async move {
            let host = name.as_str();
            let mut found: Vec<SocketAddr> = tokio::net::lookup_host((host, 0)).await?.collect();
            if found.is_empty() {
                return Err(Box::new(io::Error::other("the name has no address")) as _);
            }
            let first = found.first().map(SocketAddr::ip);
            if !policy.is_proxy(host) && !policy.allows(host) {
                found.retain(|address| policy.admits(address.ip()));
            }
            if found.is_empty() {
                return Err(Box::new(not_public(host, first)) as Box<dyn Error + Send + Sync>);
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// `found` is an address that the name has; none: the host is an address itself, or a proxy.
fn not_public(host: &str, found: Option<IpAddr>) -> BlockedAddress {
    let what = match found {
        Some(ip) if is_fake(ip) => {
            format!("`{host}` has the address {ip} of a fake-ip DNS (Clash, Surge)")
        }
        Some(ip) => format!("`{host}` has the address {ip}, which is not of the public internet"),
        None => format!("`{host}` is not an address of the public internet"),
    };
    BlockedAddress(format!("{what}; {}", advice(host)))
}

fn advice(host: &str) -> String {
    format!("if the host may be used, add `{host}` to download.allow_hosts")
}

fn proxy_host(value: &str) -> Option<String> {
    let parsed = Url::parse(value).ok().filter(Url::has_host);
    let url = parsed.or_else(|| Url::parse(&format!("http://{value}")).ok())?;
    url.host_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(base: &str, proxy: Option<&str>) -> HostPolicy {
        HostPolicy::new(&Url::parse(base).unwrap(), &[], |name| {
            proxy.filter(|_| name == "HTTPS_PROXY").map(str::to_owned)
        })
    }

    #[test]
    fn only_https_to_public_addresses_is_fetched() {
        let policy = policy("https://api.example.com", None);
        for url in [
            "https://cdn.example.com/a.mp4",
            "https://8.8.8.8/a",
            "https://[2606:4700::1111]/a",
            "https://[64:ff9b::808:808]/a",
        ] {
            assert_eq!(policy.check(&Url::parse(url).unwrap()), Ok(()), "{url}");
        }
        for url in [
            "http://cdn.example.com/a.mp4",
            "ftp://cdn.example.com/a.mp4",
            "file:///etc/passwd",
            "data:text/plain,x",
            "http://127.0.0.1/a",
            "https://127.0.0.1/a",
            "https://2130706433/a",
            "https://0x7f.1/a",
            "https://10.1.2.3/a",
            "https://172.16.0.1/a",
            "https://192.168.1.1/a",
            "https://169.254.169.254/latest",
            "https://100.64.0.1/a",
            "https://100.100.100.200/latest",
            "https://0.0.0.0/a",
            "https://224.0.0.1/a",
            "https://255.255.255.255/a",
            "https://198.18.0.1/a",
            "https://[::1]/a",
            "https://[::]/a",
            "https://[::ffff:127.0.0.1]/a",
            "https://[::ffff:8.8.8.8]/a",
            "https://[fe80::1]/a",
            "https://[fd00:ec2::254]/a",
            "https://[ff02::1]/a",
            "https://[64:ff9b::7f00:1]/a",
            "https://[2002:7f00:1::]/a",
        ] {
            assert!(policy.check(&Url::parse(url).unwrap()).is_err(), "{url}");
        }
    }

    #[test]
    fn local_api_allows_local_results_and_no_other_private_hosts() {
        for base in ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"] {
            let policy = policy(base, None);
            assert_eq!(
                policy.check(&Url::parse("http://127.0.0.1:9/a").unwrap()),
                Ok(()),
                "{base}"
            );
            assert!(policy.check(&Url::parse("http://10.0.0.1/a").unwrap()).is_err(), "{base}");
            let metadata = Url::parse("http://169.254.169.254/latest").unwrap();
            assert!(policy.check(&metadata).is_err(), "{base}");
            assert!(policy.check(&Url::parse("file:///a").unwrap()).is_err(), "{base}");
        }
    }

    #[test]
    fn proxy_name_resolves_but_is_no_download_host() {
        for value in ["http://proxy.corp:3128", "proxy.corp:3128", "http://me:pw@proxy.corp"] {
            let policy = policy("https://api.example.com", Some(value));
            assert!(policy.is_proxy("PROXY.corp"), "{value}");
            assert!(policy.check(&Url::parse("https://proxy.corp/a").unwrap()).is_err());
        }
    }

    #[tokio::test]
    async fn name_with_a_local_address_is_refused_when_resolved() {
        let refused =
            policy("https://api.example.com", None).resolve("localhost".parse().unwrap()).await;
        let error = refused.err().unwrap();
        assert!(error.downcast_ref::<BlockedAddress>().is_some(), "{error}");
        let open = policy("http://127.0.0.1", None).resolve("localhost".parse().unwrap()).await;
        assert!(open.is_ok());
    }

    fn allowing(base: &str, hosts: &[&str]) -> HostPolicy {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        HostPolicy::new(&Url::parse(base).unwrap(), &hosts, |_| None)
    }

    #[test]
    fn allowed_hosts_and_the_host_of_the_api_may_be_private_and_without_tls() {
        let hosts = ["files.corp.example", "*.kcdn.example", "10.1.2.4"];
        let policy = allowing("https://kling.corp.example", &hosts);
        for url in [
            "https://kling.corp.example/r/1.mp4",
            "http://kling.corp.example/r/1.mp4",
            "http://files.corp.example/1.mp4",
            "http://FILES.corp.example:8080/1.mp4",
            "http://a.b.kcdn.example/1.mp4",
            "http://10.1.2.4/1.mp4",
        ] {
            assert_eq!(policy.check(&Url::parse(url).unwrap()), Ok(()), "{url}");
        }
        for url in [
            "http://other.corp.example/1.mp4",
            "http://kcdn.example/1.mp4",
            "http://evilkcdn.example/1.mp4",
            "https://10.1.2.5/1.mp4",
            "ftp://files.corp.example/1.mp4",
        ] {
            let refused = policy.check(&Url::parse(url).unwrap()).unwrap_err().to_string();
            let names = refused.contains("download.allow_hosts");
            assert!(names || url.starts_with("ftp"), "{refused}");
        }
    }

    #[tokio::test]
    async fn allowed_name_may_resolve_to_any_address() {
        let name = || "localhost".parse().unwrap();
        let allowed = allowing("https://api.example.com", &["localhost"]).resolve(name()).await;
        assert!(allowed.is_ok());
        let refused = allowing("https://api.example.com", &["*.localhost"]).resolve(name()).await;
        let error = refused.err().unwrap().to_string();
        assert!(error.contains("add `localhost` to download.allow_hosts"), "{error}");
        assert!(error.contains("127.0.0.1") || error.contains("::1"), "{error}");
    }
}
