//! Where a URL points: at the simulator's own files and results, or anywhere else.
//!
//! Owns the paths of files that the simulator serves.

use percent_encoding::percent_decode_str;
use url::{Host, Url};

use super::response::Refusal;

/// What the URL of a request points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum UrlTarget {
    /// A file of the media folder, by its decoded path there.
    Media(String, Url),
    /// A result, by its name: `<video id>.mp4`.
    Result(String, Url),
    /// Anywhere else.
    Elsewhere(Url),
}

impl UrlTarget {
    /// `field` names the parameter in the refusal: 1201 for what is no http(s) URL.
    pub(super) fn of(field: &str, text: &str, base_url: &str) -> Result<Self, Refusal> {
        let illegal = || Refusal::illegal(format!("{field} is not an http or https URL"));
        let url = Url::parse(text).map_err(|_| illegal())?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return Err(illegal());
        }
        let own = Url::parse(base_url).is_ok_and(|base| is_same_origin(&url, &base));
        let path = percent_decode_str(url.path()).decode_utf8_lossy().into_owned();
        if let Some(path) = path.strip_prefix("/media/").filter(|_| own) {
            return Ok(Self::Media(path.to_owned(), url));
        }
        if let Some(name) = path.strip_prefix("/results/").filter(|_| own) {
            return Ok(Self::Result(name.to_owned(), url));
        }
        Ok(Self::Elsewhere(url))
    }

    pub(super) const fn url(&self) -> &Url {
        match self {
            Self::Media(_, url) | Self::Result(_, url) | Self::Elsewhere(url) => url,
        }
    }

    /// Whether the path ends as one of these formats does, in either case.
    pub(super) fn has_ending(&self, endings: &[&str]) -> bool {
        let path = self.url().path().to_ascii_lowercase();
        endings.iter().any(|ending| path.ends_with(ending))
    }

    /// Whether the last part of the path has an ending of any kind.
    pub(super) fn has_any_ending(&self) -> bool {
        self.url().path().rsplit('/').next().is_some_and(|name| name.contains('.'))
    }
}

/// Whether a URL points at `base`, by any name of this machine.
fn is_same_origin(url: &Url, base: &Url) -> bool {
    let same_port = url.port_or_known_default() == base.port_or_known_default();
    url.origin() == base.origin() || same_port && is_loopback(url)
}

/// Whether a URL's host is this machine by name or address.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Where a result is served; `watermarked` asks for its other version.
pub(super) fn result_url(base_url: &str, video_id: &str, watermarked: bool) -> String {
    let mark = if watermarked { ".watermark" } else { "" };
    format!("{base_url}/results/{video_id}{mark}.mp4")
}

/// Where the picture of a face is served.
pub(super) fn face_url(base_url: &str, session_id: &str, face_id: &str) -> String {
    format!("{base_url}/faces/{session_id}-{face_id}.png")
}
