//! `kling.base_url` as people copy it: with the version, or with a complete endpoint.

use url::Url;

/// Returns the URL without what lipsyncd appends itself, such as `/v1` or `/v1/videos/identify-face`; none if there is
/// nothing of that in it.
pub(super) fn corrected(base_url: &Url) -> Option<Url> {
    let segments: Vec<&str> = base_url.path().split('/').filter(|part| !part.is_empty()).collect();
    let is_version = |part: &str| part.eq_ignore_ascii_case("v1");
    let begins_endpoint = |rest: &[&str]| match rest {
        [first] => is_version(first),
        [first, second, ..] if is_version(first) => *second == "videos" || is_version(second),
        [first, second, ..] => {
            *first == "videos" && matches!(*second, "advanced-lip-sync" | "identify-face")
        }
        [] => false,
    };
    let kept = (0..segments.len()).find(|start| begins_endpoint(&segments[*start..]))?;
    let mut url = base_url.clone();
    let path: String = segments[..kept].iter().map(|part| format!("{part}/")).collect();
    url.set_path(&format!("/{path}"));
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lipsyncd_appends_itself_is_removed() {
        for (given, base) in [
            ("https://api.example.com/v1/", Some("https://api.example.com/")),
            ("https://api.example.com/V1", Some("https://api.example.com/")),
            ("https://api.example.com/v1/v1/", Some("https://api.example.com/")),
            ("https://gateway.example/kling/v1/", Some("https://gateway.example/kling/")),
            (
                "https://api.example.com/v1/videos/advanced-lip-sync/",
                Some("https://api.example.com/"),
            ),
            ("https://api.example.com/v1/videos/", Some("https://api.example.com/")),
            ("https://api.example.com/videos/identify-face", Some("https://api.example.com/")),
            ("https://api.example.com/", None),
            ("https://gateway.example/v1/kling/", None),
            ("https://gateway.example/v1beta/", None),
            ("https://gateway.example/videos/", None),
        ] {
            let url: Url = given.parse().unwrap();
            assert_eq!(corrected(&url).as_ref().map(Url::as_str), base, "{given}");
        }
    }
}
