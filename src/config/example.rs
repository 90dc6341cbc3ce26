//! The example file as a list: each key with its default, its meaning and what is allowed.
//!
//! The example is the one place for defaults and meanings.

use super::keys::KEYS;

/// Every key with its default: [`Config::default`](super::Config) is read from it.
pub const EXAMPLE: &str = include_str!("../../lipsyncd.example.yaml");

/// A key of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The complete key: `watch.settle`.
    pub key: &'static str,
    /// Its default, as the example writes it.
    pub default: &'static str,
    /// What it is for, as a phrase without a period.
    pub meaning: &'static str,
    /// What it may be.
    pub allowed: &'static str,
}

/// Returns every key that has no further keys, in the order of the example.
#[must_use]
pub fn settings() -> Vec<Setting> {
    let mut settings = Vec::new();
    let mut groups: [&str; 2] = [""; 2];
    for line in EXAMPLE.lines().filter(|line| !line.starts_with('#')) {
        let Some((name, rest)) = line.split_once(':') else { continue };
        let (default, meaning) = rest.split_once(" # ").unwrap_or((rest, ""));
        let (name, depth) = (name.trim_start(), (name.len() - name.trim_start().len()) / 2);
        if let Some(group) = groups.get_mut(depth) {
            *group = name;
        }
        let full_name =
            groups.iter().take(depth).chain([&name]).copied().collect::<Vec<_>>().join(".");
        if let Some(key) = KEYS.iter().find(|key| key.name == full_name) {
            settings.push(Setting {
                key: key.name,
                default: default.trim(),
                meaning: meaning.trim(),
                allowed: key.allowed,
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
        let mut known: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
        listed.sort_unstable();
        known.sort_unstable();
        assert_eq!(listed, known);
        for setting in settings {
            assert_ne!(setting.default, "", "{} has no default in the example", setting.key);
            assert_ne!(setting.meaning, "", "{} has no meaning in the example", setting.key);
        }
    }
}
