//! Whether the names of result hosts have addresses from which results are downloaded: checked before anything is paid.

use std::{net::IpAddr, time::Duration};

use futures_util::future::join_all;
use tokio::time::timeout;
use url::Url;

use super::{
    host_policy::HostPolicy,
    proxy::Proxy,
    public_address::{is_fake, is_public},
};
use crate::loopback::is_loopback;

/// Hosts of results that public clients report. The hosts change over time.
const KNOWN_HOSTS: [&str; 2] = ["v2-kling.klingai.com", "v2-kling.kechuangai.com"];

/// The domain of the vendor's API.
const VENDOR: &str = ".klingai.com";

/// The most names that are resolved.
const NAMES_MAX: usize = 10;

/// For one name; all are resolved at once.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// What is known of the hosts of results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResultHosts {
    /// Nothing was resolved, with the reason.
    NotChecked(&'static str),
    /// So many names have public addresses, or may have private ones.
    Fine(usize),
    /// Why results may not be downloaded from this machine, in one sentence with what to do.
    Problem(String),
}

/// A name that has an address which is not of the public internet.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PrivateName {
    name: String,
    ip: IpAddr,
    /// Downloads from the name are allowed.
    is_allowed: bool,
}

/// Resolves the names of result hosts. `seen` are hosts of earlier results.
pub async fn check(base_url: &Url, allow_hosts: &[String], seen: &[String]) -> ResultHosts {
    if is_loopback(base_url) {
        return ResultHosts::NotChecked("the API is on this machine");
    }
    let (proxied, direct): (Vec<_>, Vec<_>) =
        names(base_url, seen).into_iter().partition(|name| is_proxied(name));
    let resolved: Vec<_> = join_all(direct.into_iter().map(resolve)).await;
    let resolved: Vec<_> = resolved.into_iter().flatten().collect();
    let policy = HostPolicy::new(base_url, allow_hosts, |name| std::env::var(name).ok());
    let found: Vec<_> =
        resolved.iter().filter_map(|(name, ips)| private(&policy, name, ips)).collect();
    match describe(&found, !allow_hosts.is_empty()) {
        Some(problem) => ResultHosts::Problem(problem),
        None if !resolved.is_empty() => ResultHosts::Fine(resolved.len()),
        None if !proxied.is_empty() => {
            ResultHosts::NotChecked("a proxy resolves the names of result hosts")
        }
        None => ResultHosts::NotChecked("no name could be resolved"),
    }
}

/// Whether a proxy resolves the name.
fn is_proxied(name: &str) -> bool {
    Url::parse(&format!("https://{name}/")).is_ok_and(|url| Proxy::of(&url).is_some())
}

/// Returns the addresses of a name. None: a name that cannot be resolved is reported where it is used.
async fn resolve(name: String) -> Option<(String, Vec<IpAddr>)> {
    let found =
        timeout(TIME_LIMIT, tokio::net::lookup_host((name.as_str(), 0))).await.ok()?.ok()?;
    let ips = found.map(|address| address.ip()).collect();
    Some((name, ips))
}

fn names(base_url: &Url, seen: &[String]) -> Vec<String> {
    let api = base_url.domain().unwrap_or_default().to_ascii_lowercase();
    let known = KNOWN_HOSTS.iter().filter(|_| api.ends_with(VENDOR)).map(|name| (*name).to_owned());
    let mut names: Vec<String> = [api.clone()].into_iter().chain(known).collect();
    for name in seen {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names.retain(|name| !name.is_empty());
    names.truncate(NAMES_MAX);
    names
}

fn private(policy: &HostPolicy, name: &str, ips: &[IpAddr]) -> Option<PrivateName> {
    // With one public address, downloads use that one.
    let first = ips.first().filter(|_| !ips.iter().any(|ip| is_public(*ip)))?;
    Some(PrivateName { name: name.to_owned(), ip: *first, is_allowed: policy.allows(name) })
}

/// `has_allowed`: the configuration allows hosts.
fn describe(found: &[PrivateName], has_allowed: bool) -> Option<String> {
    let (refused, allowed): (Vec<_>, Vec<_>) = found.iter().partition(|name| !name.is_allowed);
    // As long as no host is configured, only that of the API is allowed: its address says what kind of DNS this is.
    let api = if has_allowed { Vec::new() } else { allowed };
    let named = if refused.is_empty() { &api } else { &refused };
    let shown = |names: &mut dyn Iterator<Item = &&PrivateName>| {
        names.map(|it| format!("{} is {}", it.name, it.ip)).collect::<Vec<_>>().join(", ")
    };
    let first = named.first()?;
    Some(if named.iter().any(|name| is_fake(name.ip)) {
        format!(
            "names have addresses of a fake-ip DNS (198.18.0.0/15, as of Clash or Surge): {}. lipsyncd refuses to \
             download results from there. Exclude the result hosts from the fake-ip DNS, or add them to \
             download.allow_hosts, such as [\"*.klingai.com\", \"*.kechuangai.com\"]",
            shown(&mut named.iter().filter(|name| is_fake(name.ip)))
        )
    } else if !refused.is_empty() {
        format!(
            "result hosts have private addresses: {}. lipsyncd refuses to download results from there. Add the hosts \
             to download.allow_hosts if they may be used",
            shown(&mut named.iter())
        )
    } else {
        format!(
            "{} has the private address {}: results at this host are downloaded, results at other private addresses \
             are refused. Add the result hosts to download.allow_hosts if there are others",
            first.name, first.ip
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The message for names with these addresses.
    fn message(base: &str, allow: &[&str], names: &[(&str, &str)]) -> Option<String> {
        let base = Url::parse(base).unwrap();
        let allow: Vec<String> = allow.iter().map(|host| (*host).to_owned()).collect();
        let policy = HostPolicy::new(&base, &allow, |_| None);
        let found: Vec<PrivateName> = names
            .iter()
            .filter_map(|(name, ip)| private(&policy, name, &[ip.parse().unwrap()]))
            .collect();
        describe(&found, !allow.is_empty())
    }

    const VENDOR_API: &str = "https://api-singapore.klingai.com";

    #[test]
    fn public_addresses_are_no_problem() {
        let names = [("api-singapore.klingai.com", "8.8.8.8"), ("v2-kling.klingai.com", "8.8.4.4")];
        assert_eq!(message(VENDOR_API, &[], &names), None);
    }

    #[test]
    fn fake_ip_dns_is_named_with_what_to_do() {
        let names =
            [("api-singapore.klingai.com", "198.18.0.4"), ("v2-kling.klingai.com", "198.19.0.5")];
        let text = message(VENDOR_API, &[], &names).unwrap();
        assert!(text.contains("198.18.0.0/15"), "{text}");
        assert!(text.contains("v2-kling.klingai.com is 198.19.0.5"), "{text}");
        assert!(text.contains("download.allow_hosts"), "{text}");
        assert_eq!(message(VENDOR_API, &["*.klingai.com"], &names), None);
        // No host of results is known yet: the name of the API says enough.
        let text = message("https://api.example.com", &[], &[("api.example.com", "198.18.0.4")]);
        assert!(text.unwrap().contains("api.example.com is 198.18.0.4"));
    }

    #[test]
    fn private_addresses_are_named() {
        let gateway = "https://kling.corp.example";
        let text = message(gateway, &[], &[("kling.corp.example", "10.1.2.3")]).unwrap();
        assert!(text.contains("results at this host are downloaded"), "{text}");
        let names = [("kling.corp.example", "10.1.2.3"), ("files.corp.example", "10.1.2.4")];
        let text = message(gateway, &[], &names).unwrap();
        assert!(text.contains("files.corp.example is 10.1.2.4"), "{text}");
        assert_eq!(message(gateway, &["files.corp.example"], &names), None);
        // The refused host is named, whatever address the API has.
        let names = [("kling.corp.example", "198.18.0.4"), ("files.corp.example", "10.1.2.4")];
        let text = message(gateway, &[], &names).unwrap();
        assert!(text.contains("files.corp.example is 10.1.2.4"), "{text}");
    }

    #[test]
    fn hosts_of_the_vendor_and_of_earlier_results_are_resolved() {
        let names = |base: &str, seen: &[&str]| {
            let seen: Vec<String> = seen.iter().map(|host| (*host).to_owned()).collect();
            names(&Url::parse(base).unwrap(), &seen)
        };
        assert_eq!(
            names("https://api.example.com", &["a.cdn", "a.cdn"]),
            ["api.example.com", "a.cdn"]
        );
        assert_eq!(names(VENDOR_API, &[]).len(), 1 + KNOWN_HOSTS.len());
        assert_eq!(names("https://10.1.2.3", &[]), [""; 0]);
    }

    #[tokio::test]
    async fn nothing_is_resolved_for_an_api_on_this_machine() {
        let checked = check(&Url::parse("http://127.0.0.1:1").unwrap(), &[], &[]).await;
        assert_eq!(checked, ResultHosts::NotChecked("the API is on this machine"));
    }
}
