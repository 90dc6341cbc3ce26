//! Names in the jobs folder: which files are manifests, which are ignored, and which look like a mistake.
//!
//! Does not touch the disk.

use std::borrow::Cow;

use super::ignore_patterns::IgnorePatterns;

/// What lipsyncd does with a file of some name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileName {
    /// Reads it as a manifest.
    Manifest,
    /// Ignores it, for this reason.
    Ignored(Cow<'static, str>),
    /// Ignores it for this reason, and reports that once: somebody may expect something else.
    Suspicious(Cow<'static, str>),
    /// Ignores it: nothing in its name looks like a manifest.
    Other,
}

/// Endings of manifests, in any case.
const ENDINGS: [&str; 3] = [".yaml", ".yml", ".json"];

/// Endings of files that editors, browsers and copy programs are writing.
const UNFINISHED: [&str; 4] = ["~", ".tmp", ".part", ".swp"];

/// Endings of more such programs. With one of these after `.yaml`, a name is no mistake.
const TEMPORARY: [&str; 8] =
    ["crdownload", "download", "filepart", "lck", "lock", "partial", "swo", "swx"];

/// Endings that people type instead of `.yaml`.
const MISSPELT: [&str; 3] = [".ymal", ".yalm", ".yam"];

/// Folders of storage systems and synchronisers that are not hidden, in lower case.
const SYSTEM_FOLDERS: [&str; 10] = [
    "@eadir",
    "#recycle",
    "#snapshot",
    "$recycle.bin",
    "_gsdata_",
    "@recycle",
    "@recently-snapshot",
    "@tmp",
    "lost+found",
    "system volume information",
];

/// Parts of the names that synchronisers give to conflict copies, in lower case. Google Drive (` (1)`) and OneDrive
/// (`-HOST`) are not here: files that people name look the same.
const CONFLICT_COPIES: [(&str, &str); 6] = [
    (".sync-conflict-", "Syncthing"),
    ("conflicted copy", "Dropbox or Nextcloud"),
    ("(case conflict", "Dropbox"),
    ("(case clash", "Nextcloud"),
    ("_conflict-20", "ownCloud"),
    ("(sfconflict ", "Seafile"),
];

/// Returns what lipsyncd does with the file at `path` under `jobs_dir`, by its name. Folders are not looked at.
#[must_use]
pub fn file_name(path: &str, ignore: &IgnorePatterns) -> FileName {
    let name = path.rsplit('/').next().unwrap_or(path);
    if name.starts_with('.') {
        return FileName::Ignored("its name begins with a dot".into());
    }
    if let Some(ending) = UNFINISHED.into_iter().find(|ending| has_ending(name, ending)) {
        return FileName::Ignored(format!("names that end in `{ending}` are unfinished").into());
    }
    if let Some(pattern) = ignore.matching(path) {
        return FileName::Ignored(format!("watch.ignore has `{pattern}`").into());
    }
    if !is_named_manifest(name) {
        return match meant_name(name) {
            None => FileName::Other,
            Some(meant) => FileName::Suspicious(
                format!("its name does not end in .yaml, .yml or .json; if it is a manifest, rename it to `{meant}`")
                    .into(),
            ),
        };
    }
    match conflict_copy(name) {
        None => FileName::Manifest,
        Some(program) => FileName::Suspicious(
            format!("it is a conflict copy of {program}; if you need it, give it another name")
                .into(),
        ),
    }
}

/// Returns why the folder at `path` under `jobs_dir` is ignored, with all that is in it. None: it is not.
#[must_use]
pub fn ignored_folder(path: &str, ignore: &IgnorePatterns) -> Option<Cow<'static, str>> {
    let name = path.rsplit('/').next().unwrap_or(path);
    if name.starts_with('.') {
        return Some("the folder's name begins with a dot".into());
    }
    if SYSTEM_FOLDERS.iter().any(|system| name.eq_ignore_ascii_case(system)) {
        return Some(format!("the folder `{name}` belongs to a storage system").into());
    }
    let pattern = ignore.matching(path)?;
    Some(format!("watch.ignore has `{pattern}`").into())
}

/// Returns why a path with the name of a manifest is ignored: for its own name, or for that of a folder. None: it is
/// read.
#[must_use]
pub fn ignored_path(path: &str, ignore: &IgnorePatterns) -> Option<Cow<'static, str>> {
    let mut folders = path.match_indices('/').map(|(end, _)| &path[..end]);
    folders.find_map(|folder| ignored_folder(folder, ignore)).or_else(|| {
        match file_name(path, ignore) {
            FileName::Ignored(why) => Some(why),
            FileName::Manifest | FileName::Suspicious(_) | FileName::Other => None,
        }
    })
}

/// The path without its ending: the key of a single job, the beginning of a batch's keys.
#[must_use]
pub fn stem(path: &str) -> &str {
    ENDINGS
        .iter()
        .find(|ending| has_ending(path, ending))
        .map_or(path, |ending| &path[..path.len() - ending.len()])
}

fn is_named_manifest(name: &str) -> bool {
    ENDINGS.iter().any(|ending| has_ending(name, ending))
}

/// In any case. Not the complete name.
pub(super) fn has_ending(name: &str, ending: &str) -> bool {
    name.len() > ending.len()
        && name
            .as_bytes()
            .get(name.len() - ending.len()..)
            .is_some_and(|end| end.eq_ignore_ascii_case(ending.as_bytes()))
}

/// Returns the name that was probably meant, for a name that almost is that of a manifest.
fn meant_name(name: &str) -> Option<Cow<'_, str>> {
    let is_yaml = |name: &str| has_ending(name, ".yaml") || has_ending(name, ".yml");
    let trimmed = name.trim_end_matches([' ', '.', '_', '\u{a0}']);
    if is_yaml(trimmed) {
        return Some(trimmed.into());
    }
    if let Some((before, last)) = trimmed.rsplit_once('.')
        && is_yaml(before)
    {
        let is_temporary = TEMPORARY.iter().any(|ending| last.eq_ignore_ascii_case(ending));
        return (!is_temporary).then_some(before.into());
    }
    let misspelt = MISSPELT.iter().find(|ending| has_ending(trimmed, ending))?;
    Some(format!("{}.yaml", &trimmed[..trimmed.len() - misspelt.len()]).into())
}

/// Returns the program that made the file as a copy beside another version.
fn conflict_copy(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    CONFLICT_COPIES.iter().find(|(part, _)| name.contains(part)).map(|(_, program)| *program)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> FileName {
        file_name(path, &IgnorePatterns::default())
    }

    #[test]
    fn manifests_are_known_by_their_names() {
        for name in [
            "a.yaml",
            "b.yml",
            "a b.yaml",
            "ü.yml",
            "a.part.yaml",
            "A.YAML",
            "a.Yml",
            "a.json",
            "a.JSON",
            "promo (1).yaml",
            "promo-LAPTOP.yaml",
            "promo - Copy.yaml",
            "sub/a.yaml",
            "a_conflict.yaml",
        ] {
            assert_eq!(of(name), FileName::Manifest, "{name}");
        }
        for name in [
            ".a.yaml",
            "a.yaml~",
            "a.yaml.tmp",
            "a.yml.part",
            "a.YAML.PART",
            ".a.yaml.swp",
            ".yaml",
            "._a.yaml",
            "sub/.a.yaml",
        ] {
            assert!(matches!(of(name), FileName::Ignored(_)), "{name}");
        }
        for name in [
            "yaml",
            "a.mp3",
            "a.txt",
            "notes",
            "a.yaml.crdownload",
            "a.yml.filepart",
            "yml.txt",
            "x.xml",
            "dir.yaml.d/readme",
        ] {
            assert_eq!(of(name), FileName::Other, "{name}");
        }
    }

    #[test]
    fn near_misses_name_what_was_meant() {
        for (name, meant) in [
            ("a.yml.txt", "`a.yml`"),
            ("a.YAML.bak", "`a.YAML`"),
            ("sub/a.yaml.orig", "`a.yaml`"),
            ("a.yaml.1", "`a.yaml`"),
            ("a.yaml ", "`a.yaml`"),
            ("a.yml.", "`a.yml`"),
            ("a.ymal", "`a.yaml`"),
        ] {
            let FileName::Suspicious(why) = of(name) else { panic!("{name}") };
            assert!(why.ends_with(meant), "{name}: {why}");
        }
    }

    #[test]
    fn conflict_copies_name_the_program() {
        for (name, program) in [
            ("a.sync-conflict-20260101-120000-ABCDEF2.yaml", "Syncthing"),
            ("a (Anna's conflicted copy 2026-01-02).yaml", "Dropbox or Nextcloud"),
            ("a (conflicted copy 2026-01-02 120000).yml", "Dropbox or Nextcloud"),
            ("a (Case Conflict 1).yaml", "Dropbox"),
            ("a (case clash from Anna).yaml", "Nextcloud"),
            ("a_conflict-20260102-120000.yaml", "ownCloud"),
            ("a (SFConflict anna@example.com 2026-01-02-12-00-00).yaml", "Seafile"),
        ] {
            let FileName::Suspicious(why) = of(name) else { panic!("{name}") };
            assert!(why.starts_with(&format!("it is a conflict copy of {program};")), "{why}");
        }
    }

    #[test]
    fn folders_of_systems_are_not_entered() {
        let ignored = |path| ignored_folder(path, &IgnorePatterns::default());
        for path in [
            ".stfolder",
            ".git",
            "a/@eaDir",
            "#recycle",
            "#snapshot",
            "$RECYCLE.BIN",
            "$Recycle.Bin",
            "_gsdata_",
            "lost+found",
            "System Volume Information",
        ] {
            assert!(ignored(path).is_some(), "{path}");
        }
        for path in ["promo.part", "recycle", "@eaDir/b", "snapshots"] {
            assert_eq!(ignored(path), None, "{path}");
        }
    }

    #[test]
    fn patterns_ignore_files_and_folders() {
        let ignore = IgnorePatterns::new(["drafts/", "*-old.yaml"].map(str::to_owned)).unwrap();
        let why = "watch.ignore has `*-old.yaml`";
        assert_eq!(file_name("sub/a-old.yaml", &ignore), FileName::Ignored(why.into()));
        assert_eq!(file_name("a.yaml", &ignore), FileName::Manifest);
        assert_eq!(ignored_folder("sub/drafts", &ignore).unwrap(), "watch.ignore has `drafts/`");
        assert_eq!(ignored_folder("sub", &ignore), None);
    }

    #[test]
    fn stem_is_without_ending() {
        for (path, expected) in [
            ("a/b.yaml", "a/b"),
            ("A.YML", "A"),
            ("a.b.json", "a.b"),
            (".yaml", ".yaml"),
            ("a", "a"),
        ] {
            assert_eq!(stem(path), expected);
        }
    }
}
