//! URLs from which Kling cannot download: private addresses, and pages of services that share files.

use std::net::{Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Endings of names that exist in private networks only (RFC 6761, RFC 6762, RFC 8375, and usual ones).
const PRIVATE_ENDINGS: [&str; 7] =
    [".localhost", ".local", ".internal", ".lan", ".home.arpa", ".intranet", ".localdomain"];

/// A service whose links show a page instead of the file.
struct SharePages {
    name: &'static str,
    /// Hosts, with all hosts below them.
    hosts: &'static [&'static str],
    /// A link that contains one of these parts is the file itself.
    files: &'static [&'static str],
    help: &'static str,
}

const NO_FILE: &str = "Kling needs the URL of the file itself: upload the file to your own storage";

const SHARE_PAGES: [SharePages; 10] = [
    SharePages {
        name: "Google Drive",
        hosts: &["drive.google.com", "docs.google.com", "photos.google.com", "photos.app.goo.gl"],
        files: &["/uc?"],
        help: "for a small file, use https://drive.google.com/uc?export=download&id=…; else use other storage",
    },
    SharePages {
        name: "Dropbox",
        hosts: &["dropbox.com"],
        files: &["dl=1", "raw=1"],
        help: "end the link with `dl=1` instead of `dl=0`",
    },
    SharePages {
        name: "OneDrive",
        hosts: &["1drv.ms", "onedrive.live.com", "sharepoint.com"],
        files: &["download=1", "/download?", "download.aspx"],
        help: NO_FILE,
    },
    SharePages {
        name: "WeTransfer",
        hosts: &["we.tl", "wetransfer.com"],
        files: &[],
        help: NO_FILE,
    },
    SharePages { name: "iCloud", hosts: &["icloud.com"], files: &[], help: NO_FILE },
    SharePages { name: "MEGA", hosts: &["mega.nz", "mega.io"], files: &[], help: NO_FILE },
    SharePages {
        name: "Box",
        hosts: &["box.com"],
        files: &["/shared/static/"],
        help: "use the direct link in the settings of the shared link",
    },
    SharePages { name: "YouTube", hosts: &["youtube.com", "youtu.be"], files: &[], help: NO_FILE },
    SharePages {
        name: "a video site",
        hosts: &[
            "bilibili.com",
            "b23.tv",
            "douyin.com",
            "facebook.com",
            "fb.watch",
            "instagram.com",
            "loom.com",
            "tiktok.com",
            "twitter.com",
            "x.com",
        ],
        files: &[".mp4", ".mov"],
        help: NO_FILE,
    },
    SharePages {
        name: "GitHub",
        hosts: &["github.com"],
        files: &["/raw/", "/releases/download/", "raw=true", "/user-attachments/"],
        help: "use the link of the button `Raw`",
    },
];

/// Returns the service whose page, not whose file, is at a URL; and what to use instead.
pub(super) fn share_page(url: &Url) -> Option<(&'static str, &'static str)> {
    let host = url.host_str()?.trim_end_matches('.');
    let is_of = |pages: &&SharePages| {
        pages.hosts.iter().any(|known| {
            host.strip_suffix(known).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    };
    let pages = SHARE_PAGES.iter().find(is_of)?;
    let is_file = pages.files.iter().any(|part| url.as_str().contains(part));
    (!is_file).then_some((pages.name, pages.help))
}

/// Whether a host is reachable in a private network only, as far as its name or address says so.
#[must_use]
pub fn is_private_address(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => is_private_v4(ip),
        Some(Host::Ipv6(ip)) => is_private_v6(ip),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            !name.contains('.') || PRIVATE_ENDINGS.iter().any(|ending| name.ends_with(ending))
        }
        None => false,
    }
}

fn is_private_v4(ip: Ipv4Addr) -> bool {
    // Carrier-grade NAT (RFC 6598), which private networks such as Tailscale use, too.
    let is_shared = ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64;
    ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified() || is_shared
}

fn is_private_v6(ip: Ipv6Addr) -> bool {
    let is_local = ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local();
    is_local || ip.is_unspecified() || ip.to_ipv4_mapped().is_some_and(is_private_v4)
}
