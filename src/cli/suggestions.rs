//! "Did you mean": the known names that are most similar to a name that does not exist.

use strsim::jaro_winkler;

use crate::manifest;

const SUGGESTED_MAX: usize = 3;
/// The least similarity (0..1) of a suggested name.
const SIMILARITY_MIN: f64 = 0.8;

/// Collects the names most similar to a wanted one, out of any number.
pub(super) struct Suggestions<'a> {
    wanted: &'a str,
    best: Vec<(f64, String)>,
}

impl<'a> Suggestions<'a> {
    pub(super) fn for_name(wanted: &'a str) -> Self {
        Self { wanted, best: Vec::with_capacity(SUGGESTED_MAX + 1) }
    }

    pub(super) fn consider(&mut self, name: &str) {
        let similarity = similarity(self.wanted, name);
        let least = self.best.get(SUGGESTED_MAX - 1).map_or(SIMILARITY_MIN, |(least, _)| *least);
        if similarity <= least {
            return;
        }
        let position = self.best.partition_point(|(better, _)| *better >= similarity);
        self.best.insert(position, (similarity, name.to_owned()));
        self.best.truncate(SUGGESTED_MAX);
    }

    pub(super) fn hint(&self) -> Option<String> {
        let names: Vec<String> = self.best.iter().map(|(_, name)| format!("`{name}`")).collect();
        match names.as_slice() {
            [] => None,
            [one] => Some(format!("did you mean {one}?")),
            [first @ .., last] => Some(format!("did you mean {} or {last}?", first.join(", "))),
        }
    }
}

/// Returns the similarity, 0..1. It is 1 if the wanted name is the last part of `name` (`en` of `promo/en`), or its
/// folder or manifest (`promo.yaml` of `promo/en`).
fn similarity(wanted: &str, name: &str) -> f64 {
    let stem = manifest::stem(wanted).trim_end_matches('/');
    if stem.is_empty() {
        return 0.0;
    }
    let is_last =
        name.strip_suffix(stem).is_some_and(|before| before.is_empty() || before.ends_with('/'));
    let is_first = name.strip_prefix(stem).is_some_and(|after| after.starts_with('/'));
    if is_last || is_first { 1.0 } else { jaro_winkler(wanted, name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(wanted: &str, names: &[&str]) -> Option<String> {
        let mut suggestions = Suggestions::for_name(wanted);
        names.iter().for_each(|name| suggestions.consider(name));
        suggestions.hint()
    }

    #[test]
    fn a_typing_error_is_recognised() {
        assert_eq!(hint("promo/ne", &["promo/en", "single"]).unwrap(), "did you mean `promo/en`?");
    }

    #[test]
    fn a_part_of_the_key_is_enough() {
        let keys = ["intro", "promo/en", "promo/fr", "teaser/en"];
        assert_eq!(hint("en", &keys).unwrap(), "did you mean `promo/en` or `teaser/en`?");
        assert_eq!(hint("promo.yaml", &keys).unwrap(), "did you mean `promo/en` or `promo/fr`?");
    }

    #[test]
    fn nothing_similar_gives_no_hint() {
        assert_eq!(hint("zzz", &["promo/en"]), None);
        assert_eq!(hint("", &["promo/en"]), None);
    }

    #[test]
    fn only_the_most_similar_names_are_suggested() {
        let keys = ["a/en", "b/en", "c/en", "d/en"];
        assert_eq!(hint("en", &keys).unwrap(), "did you mean `a/en`, `b/en` or `c/en`?");
    }
}
