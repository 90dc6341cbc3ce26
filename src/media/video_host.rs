//! Where Kling downloads a local video: from a bucket, from lipsyncd itself, or from a web server of the user.

use std::path::Path;

use url::Url;

use super::{Located, public_url};

/// Where Kling downloads local videos.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum VideoHost {
    /// From nowhere: videos need a URL or an id.
    #[default]
    Nowhere,
    /// From a web server that serves the folders of media under this URL.
    Server(Url),
    /// From a bucket, or from lipsyncd itself. A URL is this text with the [`object_name`] at its end.
    Objects(String),
}

impl VideoHost {
    /// Returns the URL of a local video, without a signature; none if there is nowhere to download it from. `name` is
    /// the video in the manifest.
    #[must_use]
    pub fn url_of(&self, located: &Located, name: &str, sha256: &str) -> Option<String> {
        match self {
            Self::Nowhere => None,
            Self::Server(base) => Some(public_url(base.as_str(), &located.public_path)),
            Self::Objects(base) => Some(format!("{base}{}", object_name(name, sha256))),
        }
    }
}

/// Returns the name of a video's object in the bucket: its content, with the ending that Kling needs to know the format.
#[must_use]
pub fn object_name(name: &str, sha256: &str) -> String {
    let ending = Path::new(name).extension().and_then(|ending| ending.to_str());
    match ending.is_some_and(|ending| ending.eq_ignore_ascii_case("mov")) {
        true => format!("{sha256}.mov"),
        false => format!("{sha256}.mp4"),
    }
}

/// Returns the content type of an object.
pub fn object_type(object: &str) -> &'static str {
    if object.ends_with(".mov") { "video/quicktime" } else { "video/mp4" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_named_by_content_and_format() {
        for (name, object) in [("a.mp4", "ab.mp4"), ("sub/A.MOV", "ab.mov"), ("x", "ab.mp4")] {
            assert_eq!(object_name(name, "ab"), object);
        }
    }
}
