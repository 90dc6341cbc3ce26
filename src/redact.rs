//! Makes texts of others safe for one line of a message (bounded, without control characters and secrets), and for a shell.

use std::{borrow::Cow, error::Error, iter};

use serde_json::Value;

/// Length limit of a message of the API, in characters.
pub(crate) const MESSAGE_CHARS: usize = 400;

/// How much of an answer that is not the API's is quoted, in characters.
pub(crate) const EXCERPT_CHARS: usize = 80;

/// Replaces a secret.
const REDACTED: &str = "[redacted]";

/// Shorter secrets (such as the simulator's) are not replaced: they could be part of common words.
const SECRET_BYTES_MIN: usize = 6;

/// Replaces secrets in texts that leave the client.
pub(crate) struct Redactor {
    secrets: Vec<String>,
}

impl Redactor {
    pub(crate) fn new(mut secrets: Vec<String>) -> Self {
        secrets.retain(|secret| secret.len() >= SECRET_BYTES_MIN);
        // A secret that contains another one is replaced first, or its rest would stay.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { secrets }
    }

    /// Returns one line of at most `max_chars` characters, without secrets.
    pub(crate) fn line(&self, text: &str, max_chars: usize) -> String {
        let text = &*without_signed_links(text);
        let text = &*without_macs(text);
        if !self.secrets.iter().any(|secret| text.contains(secret)) {
            return one_line(text, max_chars);
        }
        let hidden = self
            .secrets
            .iter()
            .fold(text.to_owned(), |text, secret| text.replace(secret, REDACTED));
        one_line(&hidden, max_chars)
    }

    /// Cleans the texts of an answer that people will read; ids and addresses stay unchanged.
    pub(crate) fn clean(&self, answer: &mut Value) {
        match answer {
            Value::Array(items) => items.iter_mut().for_each(|item| self.clean(item)),
            Value::Object(fields) => {
                for (name, value) in fields {
                    match (name.as_str(), &mut *value) {
                        (
                            "message" | "request_id" | "task_status" | "task_status_msg" | "status",
                            Value::String(text),
                        ) => *text = self.line(text, MESSAGE_CHARS),
                        _ => self.clean(value),
                    }
                }
            }
            _ => {}
        }
    }
}

/// Removes the signature from presigned links in a text of somebody else. The API may quote the link of a video, which is
/// a secret while it is valid. Each parameter of a signature begins with `X-Amz-`, in whatever encoding of the text.
fn without_signed_links(text: &str) -> Cow<'_, str> {
    const NAME: &str = "x-amz-";
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"%&=._~+;/-".contains(&byte);
    let lower = text.to_ascii_lowercase();
    let Some(mut at) = lower.find(NAME) else { return Cow::Borrowed(text) };
    let mut hidden = text[..at].to_owned();
    loop {
        hidden += REDACTED;
        let length = text[at..].bytes().take_while(|byte| is_part(*byte)).count();
        let end = at + length;
        match lower[end..].find(NAME) {
            Some(next) => {
                hidden += &text[end..end + next];
                at = end + next;
            }
            None => return Cow::Owned(hidden + &text[end..]),
        }
    }
}

/// Removes the signature from links of `media.serve`: 64 hex digits before the 64 of a content hash.
fn without_macs(text: &str) -> Cow<'_, str> {
    const DIGITS: usize = 64;
    let bytes = text.as_bytes();
    let is_hash = |at: usize| {
        bytes.get(at..at + DIGITS).is_some_and(|part| part.iter().all(u8::is_ascii_hexdigit))
    };
    let is_mac = |at: &usize| {
        let next = at + DIGITS;
        let follows = |sep: &str| {
            bytes.get(next..).is_some_and(|rest| rest.starts_with(sep.as_bytes()))
                && is_hash(next + sep.len())
        };
        is_hash(*at) && ["/", "%2F", "%2f"].into_iter().any(follows)
    };
    let (mut hidden, mut rest) = (String::new(), 0);
    for at in (0..bytes.len().saturating_sub(2 * DIGITS)).filter(is_mac) {
        hidden += &text[rest..at];
        hidden += REDACTED;
        rest = at + DIGITS;
    }
    if rest == 0 { Cow::Borrowed(text) } else { Cow::Owned(hidden + &text[rest..]) }
}

/// An error and its causes, the outermost first.
pub(crate) fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |&error| error.source())
}

/// The last cause of an error: the one that says what went wrong.
pub(crate) fn root_cause(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

/// Returns a text on one line of at most `max_chars` characters, without control characters.
pub(crate) fn one_line(text: &str, max_chars: usize) -> String {
    // Ids are safe already.
    if text.len() <= max_chars && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return text.to_owned();
    }
    let visible: String = text.chars().map(|c| if is_invisible(c) { ' ' } else { c }).collect();
    let joined = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    match joined.char_indices().nth(max_chars) {
        Some((end, _)) => format!("{}…", &joined[..end]),
        None => joined,
    }
}

/// Control characters, and those that reorder or hide text around them.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Returns a word as a shell reads it back. Keys of jobs come from names of files.
pub(crate) fn shell_word(word: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:@%,=".contains(&byte);
    if !word.is_empty() && !word.starts_with('-') && word.bytes().all(plain) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_that_need_it_are_quoted() {
        assert_eq!(shell_word("promo/en-1.x"), "promo/en-1.x");
        assert_eq!(shell_word("my promo/en"), "'my promo/en'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word("-x"), "'-x'");
        assert_eq!(shell_word(""), "''");
    }

    #[test]
    fn line_is_bounded_without_secrets_and_escapes() {
        let redactor = Redactor::new(vec!["secret-key".into(), "secret-key-2".into(), "ab".into()]);
        assert_eq!(
            redactor.line("\u{1b}[31mbad\u{202e}\r\n  secret-key-2 and secret-key", 80),
            "[31mbad [redacted] and [redacted]"
        );
        assert_eq!(redactor.line(&"é".repeat(90), 5), "ééééé…");
        assert_eq!(redactor.line("about", 80), "about");
        for (text, line) in [
            (
                "cannot download https://s3.e/b/v.mp4?X-Amz-Algorithm=AWS4&X-Amz-Signature=abc: HTTP 403",
                "cannot download https://s3.e/b/v.mp4?[redacted]: HTTP 403",
            ),
            (
                "é\"v?X-Amz-Date=1\\u0026X-Amz-Signature=ab\"é",
                "é\"v?[redacted]\\u0026[redacted]\"é",
            ),
            (
                "https%3A%2F%2Fs3.e%2Fv%3Fx-amz-signature%3Dab",
                "https%3A%2F%2Fs3.e%2Fv%3F[redacted]",
            ),
        ] {
            assert_eq!(redactor.line(text, 80), line);
        }
        let (mac, sha256) = ("0a".repeat(32), "1b".repeat(32));
        for separator in ["/", "%2F"] {
            let link = format!("é https://e/m/1/{mac}{separator}{sha256}.mp4 é");
            let line = format!("é https://e/m/1/[redacted]{separator}{sha256}.mp4 é");
            assert_eq!(redactor.line(&link, 200), line);
        }
    }
}
