//! The example file as a list: each key with its default, what it is for and what is allowed.
//!
//! The example is the one place where defaults and meanings stand in words. A test holds it against
//! [`Config`](super::Config); what is shown elsewhere is made from it here.

use super::check::ALLOWED;

/// The example, which is every default.
const EXAMPLE: &str = include_str!("../../lipsyncd.example.yaml");

/// What there is to know of a key of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The whole key: `watch.settle`.
    pub key: &'static str,
    /// Its default as the example spells it.
    pub default: &'static str,
    /// What it is for; a phrase without a period.
    pub meaning: &'static str,
    /// What it may be.
    pub allowed: &'static str,
}

/// Every key that has no further keys, in the order of the example.
#[must_use]
pub fn settings() -> Vec<Setting> {
    let mut settings = Vec::new();
    let mut group = "";
    for line in EXAMPLE.lines().filter(|line| !line.starts_with('#')) {
        let Some((name, rest)) = line.split_once(':') else { continue };
        let (default, meaning) = rest.split_once(" # ").unwrap_or((rest, ""));
        if !name.starts_with(' ') {
            group = name;
        }
        let found = ALLOWED.iter().find(|(key, _)| match key.split_once('.') {
            Some((of, own)) => of == group && own == name.trim() && name.starts_with(' '),
            None => *key == name,
        });
        if let Some((key, allowed)) = found {
            settings.push(Setting {
                key,
                default: default.trim(),
                meaning: meaning.trim(),
                allowed,
            });
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_listed_with_a_default_and_a_meaning() {
        let settings = settings();
        let mut listed: Vec<&str> = settings.iter().map(|setting| setting.key).collect();
        let mut known: Vec<&str> = ALLOWED.iter().map(|(key, _)| *key).collect();
        listed.sort_unstable();
        known.sort_unstable();
        assert_eq!(listed, known);
        for setting in settings {
            assert_ne!(setting.default, "", "{} has no default in the example", setting.key);
            assert_ne!(setting.meaning, "", "{} has no word on it in the example", setting.key);
        }
    }
}
