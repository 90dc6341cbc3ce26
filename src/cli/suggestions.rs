//! "Did you mean": which known names are nearest to one that does not exist.

use strsim::jaro_winkler;

/// So many names are offered at most.
const OFFERED_MAX: usize = 3;
/// Below this likeness (0..1) a name is not worth offering.
const LIKENESS_MIN: f64 = 0.8;

/// Collects the names nearest to a wanted one, out of any number.
pub(super) struct Suggestions<'a> {
    wanted: &'a str,
    best: Vec<(f64, String)>,
}

impl<'a> Suggestions<'a> {
    /// Begins to look for `wanted`.
    #[must_use]
    pub(super) fn for_name(wanted: &'a str) -> Self {
        Self { wanted, best: Vec::with_capacity(OFFERED_MAX + 1) }
    }

    /// Looks at one known name.
    pub(super) fn consider(&mut self, name: &str) {
        let likeness = likeness(self.wanted, name);
        let least = self.best.get(OFFERED_MAX - 1).map_or(LIKENESS_MIN, |(least, _)| *least);
        if likeness <= least {
            return;
        }
        let place = self.best.partition_point(|(better, _)| *better >= likeness);
        self.best.insert(place, (likeness, name.to_owned()));
        self.best.truncate(OFFERED_MAX);
    }

    /// A hint that offers them; none: nothing is near.
    #[must_use]
    pub(super) fn hint(&self) -> Option<String> {
        let names: Vec<String> = self.best.iter().map(|(_, name)| format!("`{name}`")).collect();
        match names.as_slice() {
            [] => None,
            [one] => Some(format!("did you mean {one}?")),
            [first @ .., last] => Some(format!("did you mean {} or {last}?", first.join(", "))),
        }
    }
}

/// 0..1. A name of which the wanted one is the last part (`en` of `promo/en`), or that lies under it
/// (`promo.yaml` and `promo/en`), is as near as can be.
fn likeness(wanted: &str, name: &str) -> f64 {
    let stem = wanted.strip_suffix(".yaml").or_else(|| wanted.strip_suffix(".yml"));
    let stem = stem.unwrap_or(wanted).trim_end_matches('/');
    let part_of = |whole: &str, part: &str, before: bool| {
        let rest = if before { whole.strip_prefix(part) } else { whole.strip_suffix(part) };
        rest.is_some_and(|rest| if before { rest.starts_with('/') } else { rest.ends_with('/') })
    };
    if stem.is_empty() {
        return 0.0;
    }
    if name == stem || part_of(name, stem, false) || part_of(name, stem, true) {
        return 1.0;
    }
    jaro_winkler(wanted, name)
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
    fn a_slip_of_the_fingers_is_understood() {
        assert_eq!(hint("promo/ne", &["promo/en", "single"]).unwrap(), "did you mean `promo/en`?");
    }

    #[test]
    fn a_part_of_the_key_is_enough() {
        let keys = ["intro", "promo/en", "promo/fr", "teaser/en"];
        assert_eq!(hint("en", &keys).unwrap(), "did you mean `promo/en` or `teaser/en`?");
        assert_eq!(hint("promo.yaml", &keys).unwrap(), "did you mean `promo/en` or `promo/fr`?");
    }

    #[test]
    fn nothing_near_offers_nothing() {
        assert_eq!(hint("zzz", &["promo/en"]), None);
        assert_eq!(hint("", &["promo/en"]), None);
    }

    #[test]
    fn of_many_only_the_nearest_few_are_offered() {
        let keys = ["a/en", "b/en", "c/en", "d/en"];
        assert_eq!(hint("en", &keys).unwrap(), "did you mean `a/en`, `b/en` or `c/en`?");
    }
}
