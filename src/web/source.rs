//! Where the video and the audio of a job come from.

use maud::{Markup, html};

use super::format::text;
use crate::job::{Source, without_signature};

/// A source as a link, if a browser can open it: never a script. The signature of a signed URL is a secret, and left out.
pub(super) fn linked(source: &Source) -> Markup {
    let shown = without_signature(source.as_written());
    html! {
        @match source {
            Source::Url(_) if is_web(&shown) => a href=(shown) rel="noreferrer" { (text(&shown)) },
            Source::Url(_) | Source::File(_) => (text(&shown)),
            Source::Id(_) => { "id " (text(&shown)) },
        }
    }
}

fn is_web(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_addresses_are_links_and_signatures_are_left_out() {
        let url = |url: &str| linked(&Source::Url(url.to_owned())).into_string();
        let signed = "https://b.example/v.mp4?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=c&X-Amz-Date=20260301T000000Z\
                      &X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=secret";
        let shown = url(signed);
        assert!(shown.starts_with("<a href=\"https://b.example/v.mp4"), "{shown}");
        assert!(!shown.contains("secret"), "{shown}");
        assert_eq!(url("javascript:alert(1)"), "<bdi>javascript:alert(1)</bdi>");
        assert_eq!(
            linked(&Source::File("<b>.mp4".to_owned())).into_string(),
            "<bdi>&lt;b&gt;.mp4</bdi>"
        );
    }
}
