//! Readers of where things come from and go to: sources of video and audio, faces, addresses.

use url::Url;

use super::{problem::did_you_mean, value::At, yaml::NodeKind};
use crate::job::{FaceChoice, Source};

/// What a source is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Medium {
    Video,
    Audio,
}

impl Medium {
    /// What the API takes, by the ending of a file's name.
    const fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Video => &[".mp4", ".mov"],
            Self::Audio => &[".mp3", ".wav", ".m4a", ".aac"],
        }
    }
}

const SOURCE_HELP: &str = "an http(s) URL, a path, or one of `{url: …}`, `{file: …}`, `{id: …}`";
const ADDRESS_HELP: &str = "an address that starts with `http://` or `https://`";
const FACE_HELP: &str = "`longest`, `first`, `only`, `{index: n}` counted from 0, or `{id: \"…\"}`";

impl At<'_> {
    /// A source in one of its three spellings.
    pub(super) fn source(&mut self, medium: Medium) -> Option<Source> {
        if matches!(self.node.kind, NodeKind::Mapping(_)) {
            return match self.choice(&["url", "file", "id"], SOURCE_HELP)? {
                ("url", mut at) => at.address().map(Source::Url),
                ("file", mut at) => at.file(medium),
                (_, mut at) => at.api_id().map(Source::Id),
            };
        }
        let text = self.text(SOURCE_HELP)?;
        match scheme(&text) {
            Some("http" | "https") => self.address().map(Source::Url),
            Some(_) => self.fault("has an address that the API cannot fetch", ADDRESS_HELP),
            None => self.file(medium),
        }
    }

    /// A path with one of the medium's endings; whether it is there is not looked at.
    fn file(&mut self, medium: Medium) -> Option<Source> {
        let path = self.text("a path to a file")?;
        let endings = medium.endings();
        let lower = path.to_ascii_lowercase();
        let known = endings.iter().any(|ending| {
            let name = lower.rsplit('/').next().unwrap_or(&lower);
            name.len() > ending.len() && name.ends_with(ending)
        });
        if known {
            Some(Source::File(path))
        } else {
            let help = format!("its name has to end in one of {}", endings.join(" "));
            self.fault("is not a file that the API takes", &help)
        }
    }

    /// An http or https address without a password in it, spelled as the URL standard does.
    pub(super) fn address(&mut self) -> Option<String> {
        let text = self.text(ADDRESS_HELP)?;
        let url = match Url::parse(&text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => url,
            Ok(_) | Err(url::ParseError::RelativeUrlWithoutBase) => {
                return self.fault("is not an http(s) address", ADDRESS_HELP);
            }
            Err(error) => {
                return self.fault(&format!("is not an address: {error}"), ADDRESS_HELP);
            }
        };
        if url.username().is_empty() && url.password().is_none() {
            Some(url.into())
        } else {
            let help =
                "it would stand in the database and in logs; use a public or a signed address";
            self.fault("has a user name or password in it", help)
        }
    }

    /// An id that the API gave.
    fn api_id(&mut self) -> Option<String> {
        let help = "an id as the API gave it";
        let id = self.text(help)?;
        if id.chars().any(char::is_whitespace) {
            self.fault("is an id with a blank in it", help)
        } else {
            Some(id)
        }
    }

    /// Which face speaks.
    pub(super) fn face(&mut self) -> Option<FaceChoice> {
        const WORDS: [&str; 3] = ["longest", "first", "only"];
        if matches!(self.node.kind, NodeKind::Mapping(_)) {
            return match self.choice(&["index", "id"], FACE_HELP)? {
                ("index", mut at) => at.index().map(FaceChoice::Index),
                (_, mut at) => at.api_id().map(FaceChoice::Id),
            };
        }
        match self.node.scalar().map(|scalar| scalar.text.as_str()) {
            Some("longest") => Some(FaceChoice::Longest),
            Some("first") => Some(FaceChoice::First),
            Some("only") => Some(FaceChoice::Only),
            word => {
                let meant = word.and_then(|word| did_you_mean(word, WORDS));
                self.wrong(meant.as_deref().unwrap_or(FACE_HELP))
            }
        }
    }

    fn index(&mut self) -> Option<usize> {
        let number = self.node.scalar().and_then(|scalar| scalar.integer());
        match number.and_then(|number| usize::try_from(number).ok()) {
            Some(index) => Some(index),
            None => self.wrong("a whole number from 0, in the order of the API's list"),
        }
    }

    /// The name and value of a mapping that has exactly one of the names.
    fn choice<'k>(&mut self, names: &[&'k str], help: &str) -> Option<(&'k str, At<'_>)> {
        let entries = self.node.entries().unwrap_or_default();
        let chosen = match entries {
            [only] => {
                names.iter().find(|name| **name == &*only.key).map(|name| (*name, &only.value))
            }
            _ => None,
        };
        match chosen {
            Some((name, node)) => Some((name, At { key: self.key, node, problems: self.problems })),
            None => {
                let keys: Vec<_> = entries.iter().map(|entry| &*entry.key).collect();
                let found = match keys.as_slice() {
                    [] => "is an empty mapping".to_owned(),
                    [key] => format!("has the unknown key `{}`", key.escape_debug()),
                    _ => "has to have exactly one key".to_owned(),
                };
                self.fault(&found, help)
            }
        }
    }
}

/// The scheme of what looks like an address: `scheme://`, in lower case if it is one of ours.
fn scheme(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once("://")?;
    let plausible = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let ours = ["http", "https"];
    plausible
        .then(|| ours.into_iter().find(|ours| scheme.eq_ignore_ascii_case(ours)).unwrap_or(scheme))
}
