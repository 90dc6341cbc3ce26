//! Which hosts downloads may use: the public internet only.
//!
//! A download's URL comes from an answer or a manifest, so it must not reach what only this machine can reach. The URL
//! is checked, and again the resolved address, so that a name cannot change its address in between. Behind a proxy the
//! proxy resolves names, and only the URL can be checked.

use std::{
    error::Error,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

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
    /// Names of proxies. They may resolve to private addresses, so downloads must not use them as hosts.
    proxies: Arc<[String]>,
}

impl HostPolicy {
    /// Returns the policy for an API at `base_url`; `variable` reads the environment.
    pub(super) fn new(base_url: &Url, variable: impl Fn(&str) -> Option<String>) -> Self {
        let open = is_loopback(base_url);
        let proxies = ["https_proxy", "http_proxy", "all_proxy"]
            .into_iter()
            .flat_map(|name| [variable(name), variable(&name.to_uppercase())])
            .flatten()
            .filter_map(|value| proxy_host(&value))
            .collect();
        Self { open, proxies }
    }

    /// Checks `url`; a name is checked again when it is resolved.
    pub(super) fn check(&self, url: &Url) -> Result<(), BlockedAddress> {
        let host = url.host().ok_or_else(|| BlockedAddress("an address without a host".into()))?;
        match url.scheme() {
            "https" => {}
            "http" if self.open => {}
            scheme => {
                return Err(BlockedAddress(format!("`{scheme}://{host}` is not https")));
            }
        }
        let private = match &host {
            Host::Ipv4(ip) => !self.admits(IpAddr::V4(*ip)),
            Host::Ipv6(ip) => !self.admits(IpAddr::V6(*ip)),
            Host::Domain(name) => self.is_proxy(name),
        };
        if private { Err(not_public(&host.to_string())) } else { Ok(()) }
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
            if !policy.is_proxy(host) {
                found.retain(|address| policy.admits(address.ip()));
            }
            if found.is_empty() {
                return Err(Box::new(not_public(host)) as Box<dyn Error + Send + Sync>);
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Whether a URL's host is this machine itself.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

fn not_public(host: &str) -> BlockedAddress {
    BlockedAddress(format!("`{host}` is not an address of the public internet"))
}

fn proxy_host(value: &str) -> Option<String> {
    let parsed = Url::parse(value).ok().filter(Url::has_host);
    let url = parsed.or_else(|| Url::parse(&format!("http://{value}")).ok())?;
    url.host_str().map(str::to_owned)
}

/// Whether an address belongs to the public internet (the IANA special-purpose registries say which do not).
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local() // Cloud metadata.
        || ip.is_documentation()
        || a == 0
        || a >= 224 // Multicast, reserved, broadcast.
        || (a == 100 && (64..128).contains(&b)) // Carrier-grade NAT.
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19));
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let segments = ip.segments();
    let embedded = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // NAT64 and 6to4 contain an IPv4 address.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low),
        // Teredo, benchmarking, ORCHID and documentation.
        [0x2001, 0..=0x01ff, ..] | [0x2001, 0x0db8, ..] => false,
        // Only 2000::/3 is assigned as global unicast, which excludes loopback, mapped, local, multicast.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(base: &str, proxy: Option<&str>) -> HostPolicy {
        HostPolicy::new(&Url::parse(base).unwrap(), |name| {
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
}
