//! Readers of sources of video and audio, of faces and of URLs.

use url::Url;

use super::{
    path_hint::path_hint,
    problem::{Problem, did_you_mean, is_invisible},
    value::{ValueReader, ValueType},
    web_address::{is_private_address, share_page},
    yaml::NodeKind,
};
use crate::job::{FaceChoice, Source};

/// Endings of names of audio files that the API takes.
pub const AUDIO_ENDINGS: [&str; 4] = [".mp3", ".wav", ".m4a", ".aac"];
/// Endings of names of video files that the API takes.
pub const VIDEO_ENDINGS: [&str; 2] = [".mp4", ".mov"];

impl<'a> ValueReader<'a> {
    pub(super) fn source(&mut self) -> Option<Source> {
        if matches!(self.node.kind, NodeKind::Mapping(_)) {
            return match self.choice(&["url", "file", "id"])? {
                ("url", mut reader) => reader.url().map(Source::Url),
                ("file", mut reader) => reader.file(),
                (_, mut reader) => reader.api_id().map(Source::Id),
            };
        }
        let text = self.text(&self.value_type.allowed())?;
        match scheme(&text) {
            Some("http" | "https") => self.url().map(Source::Url),
            None if ["http:", "https:"].iter().any(|scheme| text.starts_with(scheme)) => {
                self.url().map(Source::Url)
            }
            Some("file") => self.error_with(
                "is a URL that the API cannot download",
                "write the path without `file://`",
            ),
            Some(_) => {
                let what = "is a URL that the API cannot download";
                self.error_with(what, &ValueType::Url.allowed())
            }
            None => self.file(),
        }
    }

    /// A path with one of the endings; whether the file exists is not checked here.
    fn file(&mut self) -> Option<Source> {
        let ValueType::Source(endings) = self.value_type else { return self.invalid() };
        let path = self.text("a path to a file")?;
        let lower = path.to_ascii_lowercase();
        let known = endings.iter().any(|ending| {
            let name = lower.rsplit('/').next().unwrap_or(&lower);
            name.len() > ending.len() && name.ends_with(ending)
        });
        if known {
            Some(Source::File(path))
        } else {
            let help = wrong_name(&path).unwrap_or_else(|| {
                let endings = format!("its name has to end in one of {}", endings.join(" "));
                // `take #1.mp3` is read as `take`.
                let comment =
                    if path.contains('.') { "" } else { "; a name with ` #` needs quotes" };
                endings + comment
            });
            self.error_with("is not a file that the API takes", &help)
        }
    }

    /// An http or https URL without a password in it, as the URL standard spells it.
    pub(super) fn url(&mut self) -> Option<String> {
        let help = ValueType::Url.allowed();
        let text = self.text(&help)?;
        let url = match Url::parse(&text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => url,
            Ok(_) | Err(url::ParseError::RelativeUrlWithoutBase) => {
                return self.error_with("is not an http(s) URL", &help);
            }
            Err(error) => return self.error_with(&format!("is not a URL: {error}"), &help),
        };
        if url.username().is_empty() && url.password().is_none() {
            self.warn_of(&url);
            Some(url.into())
        } else {
            let help = "the password would appear in the database and in logs; use a public or a signed URL";
            self.error_with("contains a user name or password", help)
        }
    }

    /// Warns of a URL that Kling can probably not use.
    fn warn_of(&mut self, url: &Url) {
        let host = url.host_str().unwrap_or_default();
        let is_source = matches!(self.value_type, ValueType::Source(_));
        let (what, help) = if is_private_address(url) {
            let help = if is_source {
                "Kling downloads it from the internet: use a public URL"
            } else {
                "Kling sends reports from the internet: use a public URL"
            };
            (format!("is at a private address ({host})"), help)
        } else if let Some((name, help)) = share_page(url).filter(|_| is_source) {
            (format!("is a page of {name}, not a file"), help)
        } else if let Some(last @ (',' | ';')) = url.as_str().chars().next_back() {
            (format!("ends in `{last}`"), "remove it, unless the URL really ends so")
        } else {
            return;
        };
        let what = format!("`{}` {what}", self.key);
        self.problems.warn(Problem::at(self.node.location, what).help(help));
    }

    fn api_id(&mut self) -> Option<String> {
        let help = "an id as the API returned it";
        let id = self.text(help)?;
        if id.chars().any(char::is_whitespace) {
            self.error_with("is an id with a blank in it", help)
        } else {
            Some(id)
        }
    }

    pub(super) fn face(&mut self) -> Option<FaceChoice> {
        const WORDS: [&str; 3] = ["longest", "first", "only"];
        if matches!(self.node.kind, NodeKind::Mapping(_)) {
            return match self.choice(&["index", "id"])? {
                ("index", mut reader) => reader.index().map(FaceChoice::Index),
                (_, mut reader) => reader.api_id().map(FaceChoice::Id),
            };
        }
        match self.node.scalar().map(|scalar| scalar.text.as_str()) {
            Some("longest") => Some(FaceChoice::Longest),
            Some("first") => Some(FaceChoice::First),
            Some("only") => Some(FaceChoice::Only),
            word => match word.and_then(|word| did_you_mean(word, WORDS)) {
                Some(meant) => self.invalid_with(&meant),
                None => self.invalid(),
            },
        }
    }

    fn index(&mut self) -> Option<usize> {
        let number = self.node.scalar().and_then(|scalar| scalar.integer());
        match number.and_then(|number| usize::try_from(number).ok()) {
            Some(index) => Some(index),
            None => self.invalid_with("a whole number from 0, in the order of the API's list"),
        }
    }

    /// The name and value of a mapping that has exactly one of the names.
    fn choice<'k>(&mut self, names: &[&'k str]) -> Option<(&'k str, ValueReader<'_>)> {
        let node: &'a _ = self.node;
        let entries = node.entries().unwrap_or_default();
        if let [only] = entries
            && let Some(name) = names.iter().find(|name| **name == &*only.key)
        {
            let (key, value_type) = (self.key, self.value_type);
            let reader =
                ValueReader { key, value_type, node: &only.value, problems: self.problems };
            return Some((name, reader));
        }
        let what = match entries {
            [] => "is an empty mapping".to_owned(),
            [only] => format!("has the unknown key `{}`", only.key.escape_debug()),
            _ => "has to have exactly one key".to_owned(),
        };
        self.error(&what)
    }
}

/// Returns what to change in a text that does not end like a file.
fn wrong_name(text: &str) -> Option<String> {
    let quote = text.chars().next().filter(|first| "“”„‟‘’‚«»".contains(*first));
    let blank = text.chars().next_back().filter(|last| *last == ' ' || is_invisible(*last));
    if let Some(quote) = quote {
        Some(format!("`{quote}` is not a quote of YAML: use `\"`"))
    } else if let Some(blank) = blank {
        let what = if blank == ' ' { "space" } else { "invisible character" };
        Some(format!("remove the {what} (U+{:04X}) at its end", blank as u32))
    } else if text.starts_with('<') && text.ends_with('>') {
        Some("remove the `<` and the `>`".to_owned())
    } else if text.ends_with('/') {
        Some("remove the `/` at its end".to_owned())
    } else {
        path_hint(text)
    }
}

/// The scheme of what looks like a URL: `scheme://`, in lower case if it is http or https.
fn scheme(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once("://")?;
    let plausible = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let usable = ["http", "https"];
    plausible.then(|| {
        usable.into_iter().find(|usable| scheme.eq_ignore_ascii_case(usable)).unwrap_or(scheme)
    })
}
