//! `watch.ignore`: patterns of names that are ignored.

use glob::{MatchOptions, Pattern};

/// Patterns with `*`, `?`, `[…]` and `**`. A pattern without `/` is compared with the name of each file and folder,
/// one with `/` with the path under `jobs_dir`. A `/` at the end changes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IgnorePatterns(Vec<IgnorePattern>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct IgnorePattern {
    as_written: String,
    pattern: Pattern,
    is_path: bool,
}

const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

impl IgnorePatterns {
    /// # Errors
    /// When a text is no pattern: which, and why.
    pub fn new(texts: impl IntoIterator<Item = String>) -> Result<Self, String> {
        texts.into_iter().map(IgnorePattern::new).collect::<Result<_, _>>().map(Self)
    }

    /// Returns the first pattern that matches the path, as it was written.
    pub(super) fn matching(&self, path: &str) -> Option<&str> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let matches = |it: &&IgnorePattern| {
            let compared = if it.is_path { path } else { name };
            it.pattern.matches_with(compared, OPTIONS)
        };
        self.0.iter().find(matches).map(|it| it.as_written.as_str())
    }
}

impl IgnorePattern {
    fn new(as_written: String) -> Result<Self, String> {
        let text = as_written.trim_end_matches('/');
        let is_path = text.contains('/');
        let text = text.strip_prefix("./").unwrap_or(text).trim_start_matches('/');
        if text.is_empty() {
            return Err(format!("has the pattern `{as_written}`, which matches nothing"));
        }
        let pattern = Pattern::new(text)
            .map_err(|error| format!("has the pattern `{as_written}`: {}", error.msg))?;
        Ok(Self { pattern, is_path, as_written })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        let patterns = IgnorePatterns::new([pattern.to_owned()]).unwrap();
        let found = patterns.matching(path);
        assert!(found.is_none_or(|found| found == pattern));
        found.is_some()
    }

    #[test]
    fn pattern_without_slash_is_compared_with_names() {
        for (pattern, path) in [
            ("*.draft.yaml", "a.draft.yaml"),
            ("*.draft.yaml", "sub/a.draft.yaml"),
            ("drafts", "sub/drafts"),
            ("drafts/", "drafts"),
            ("a?.yaml", "a1.yaml"),
            ("[ab].yaml", "b.yaml"),
        ] {
            assert!(matches(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in
            [("drafts", "drafts/a.yaml"), ("*.draft.yaml", "a.yaml"), ("A.yaml", "a.yaml")]
        {
            assert!(!matches(pattern, path), "{pattern} {path}");
        }
    }

    #[test]
    fn pattern_with_slash_is_compared_with_paths() {
        for (pattern, path) in [
            ("old/*.yaml", "old/a.yaml"),
            ("/old.yaml", "old.yaml"),
            ("./old.yaml", "old.yaml"),
            ("**/old/*", "a/b/old/c.yaml"),
            ("old/**", "old/a/b.yaml"),
        ] {
            assert!(matches(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("old/*.yaml", "old/b/a.yaml"),
            ("old/*.yaml", "x/old/a.yaml"),
            ("/old.yaml", "x/old.yaml"),
        ] {
            assert!(!matches(pattern, path), "{pattern} {path}");
        }
    }

    #[test]
    fn wrong_patterns_are_refused() {
        for (pattern, why) in
            [("", "matches nothing"), ("/", "matches nothing"), ("[a", "pattern `[a`: ")]
        {
            let error = IgnorePatterns::new([pattern.to_owned()]).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
