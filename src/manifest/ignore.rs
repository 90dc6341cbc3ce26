//! Which names in the jobs folder are manifests, and which are ignored.

use std::ffi::OsStr;

/// Endings of files that editors, browsers and synchronisers are writing.
const UNFINISHED: [&str; 4] = ["~", ".tmp", ".part", ".swp"];

/// Returns true if a file of this name is ignored: hidden, or still being written by a program.
#[must_use]
pub fn ignored(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(b".") || UNFINISHED.iter().any(|end| name.ends_with(end.as_bytes()))
}

/// Returns true if a folder of this name is ignored: hidden (`.stfolder`), or a NAS's own (`@eaDir`).
#[must_use]
pub fn ignored_folder(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".") || name == "@eaDir"
}

/// Returns true if a file of this name is a manifest: `*.yaml` or `*.yml`, and not ignored.
#[must_use]
pub fn is_manifest(name: &OsStr) -> bool {
    let bytes = name.as_encoded_bytes();
    !ignored(name) && (bytes.ends_with(b".yaml") || bytes.ends_with(b".yml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_finished_visible_yaml_is_a_manifest() {
        for name in ["a.yaml", "b.yml", "a b.yaml", "ü.yml", "a.part.yaml"] {
            assert!(is_manifest(OsStr::new(name)), "{name}");
        }
        for name in [
            ".a.yaml",
            "a.yaml~",
            "a.yaml.tmp",
            "a.yml.part",
            ".a.yaml.swp",
            "a.json",
            "yaml",
            ".yaml",
            "a.YAML",
        ] {
            assert!(!is_manifest(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn folders_of_synchronisers_are_not_entered() {
        for name in [".stfolder", "@eaDir", ".git"] {
            assert!(ignored_folder(OsStr::new(name)), "{name}");
        }
        assert!(!ignored_folder(OsStr::new("promo.part")));
    }
}
