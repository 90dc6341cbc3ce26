//! The rules of ARCHITECTURE.md that can be read off the source: who imports whom, where SQL stands,
//! how files begin and how long they are.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// No file is longer.
const LINES_MAX: usize = 350;

/// What the tests rest on.
const READABLE: &str = "the source is there and readable, in names of UTF-8";

/// What each module may import of ours; the crate's own files beside `src/main.rs` are all here.
const MAY_IMPORT: [(&str, &[&str]); 25] = [
    // Every layer that commits, asks or writes names its points.
    ("failpoint", &[]),
    ("memory", &[]),
    ("offload", &[]),
    ("job", &[]),
    ("redact", &[]),
    ("loopback", &[]),
    ("http_server", &[]),
    ("kling", &["failpoint", "loopback", "redact"]),
    ("sim", &["media"]),
    ("manifest", &["job"]),
    ("media", &["job"]),
    ("store", &["failpoint", "job", "offload"]),
    ("output", &["failpoint", "job"]),
    ("actions", &["job", "redact", "store"]),
    ("metrics", &["http_server", "job", "store"]),
    ("inbox", &["job", "manifest", "media", "memory", "metrics", "offload", "store"]),
    ("upload", &["loopback", "media", "offload", "redact"]),
    ("video_server", &["http_server", "media", "offload", "store"]),
    (
        "pipeline",
        &[
            "failpoint",
            "job",
            "kling",
            "media",
            "metrics",
            "offload",
            "output",
            "store",
            "upload",
            "video_server",
        ],
    ),
    // The configuration is YAML, too. Its errors are reported in the same way.
    ("config", &["loopback", "manifest"]),
    ("web", &["actions", "config", "http_server", "job", "media", "output", "store"]),
    ("notify", &["config", "job", "loopback", "redact", "store"]),
    (
        "daemon",
        &[
            "config",
            "inbox",
            "job",
            "kling",
            "media",
            "metrics",
            "notify",
            "output",
            "pipeline",
            "store",
            "upload",
            "video_server",
            "web",
        ],
    ),
    (
        "cli",
        &[
            "actions",
            "config",
            "daemon",
            "inbox",
            "job",
            "kling",
            "manifest",
            "media",
            "memory",
            "notify",
            "output",
            "pipeline",
            "redact",
            "sim",
            "store",
            "upload",
            "video_server",
        ],
    ),
    ("testing", &["job", "manifest", "store"]),
];

/// Fixtures. It exists in tests only, and the tests of every module may import it.
const FIXTURES: &str = "testing";

/// Beginnings of SQL statements, as they stand at the start of a string or of one of its lines.
const SQL: [&str; 9] =
    ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "CREATE ", "DROP ", "PRAGMA ", "BEGIN ", "ALTER "];

/// A file of `src`, by its path under it.
pub struct SourceFile {
    pub path: String,
    text: String,
}

impl SourceFile {
    /// The module at the top that it belongs to: `job` for `job/apply.rs`, `daemon` for `daemon.rs`.
    pub fn module(&self) -> &str {
        let first = self.path.split('/').next().unwrap_or_default();
        first.trim_end_matches(".rs")
    }

    /// Whether all of it is tests.
    fn is_test(&self) -> bool {
        self.path.split('/').any(|part| part == "tests" || part == "tests.rs")
            || self.module() == FIXTURES
    }

    /// What of it is shipped, without comments: what is for tests alone stands last in a file.
    pub fn shipped(&self) -> String {
        let text = match self.text.find("\n#[cfg(test)]\n") {
            _ if self.is_test() => "",
            // Declarations of test modules may stand among others.
            Some(at) if !self.path.ends_with("mod.rs") => &self.text[..at],
            _ => &self.text,
        };
        without_comments(text)
    }
}

fn without_comments(text: &str) -> String {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|line| line.split(" // ").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

pub fn source_files() -> Vec<SourceFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &root, &mut files);
    assert!(files.len() > 100, "the source was not found");
    files
}

fn walk(root: &Path, folder: &Path, files: &mut Vec<SourceFile>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).expect(READABLE).map(|entry| entry.expect(READABLE).path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            walk(root, &path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).expect(READABLE);
            let path =
                path.strip_prefix(root).ok().and_then(Path::to_str).expect(READABLE).to_owned();
            files.push(SourceFile { path, text });
        }
    }
}

/// The modules that `crate::…` names in `text`, alone (`crate::job::Job`) or in a group
/// (`crate::{job::Job, store}`).
fn imports(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_') {
            continue;
        }
        let rest = &text[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => found.extend(heads(group)),
            None => found.extend([name(rest)]),
        }
    }
    found.remove("");
    found
}

/// The first names of a group's members, up to its closing brace.
fn heads(group: &str) -> Vec<String> {
    let (mut depth, mut heads, mut expected) = (0_usize, Vec::new(), true);
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => expected = true,
            _ if expected && !letter.is_whitespace() => {
                heads.push(name(&group[at..]));
                expected = false;
            }
            _ => {}
        }
    }
    heads
}

fn name(text: &str) -> String {
    text.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
}

fn none(faults: &[String], rule: &str) {
    assert!(faults.is_empty(), "{rule}:\n  {}", faults.join("\n  "));
}

#[test]
fn imports_are_read_alone_and_in_groups() {
    let text = "use crate::job::Job;\nuse crate::{\n    kling::{Api, ErrorClass},\n    store,\n};\n\
                fn f() -> crate::media::MediaError { mycrate::not() }";
    let found: Vec<String> = imports(text).into_iter().collect();
    assert_eq!(found, ["job", "kling", "media", "store"]);
}

#[test]
fn modules_import_only_what_they_may() {
    let rules: BTreeMap<&str, &[&str]> = MAY_IMPORT.into_iter().collect();
    let mut faults = Vec::new();
    for file in source_files() {
        let module = file.module();
        if matches!(module, "lib" | "main") {
            continue;
        }
        let Some(allowed) = rules.get(module) else {
            faults.push(format!("src/{}: module `{module}` has no rule", file.path));
            continue;
        };
        for import in imports(&without_comments(&file.text)) {
            let is_allowed = import == FIXTURES || allowed.contains(&import.as_str());
            if import != module && !is_allowed {
                faults.push(format!("src/{}: `{module}` imports `{import}`", file.path));
            }
        }
    }
    none(&faults, "modules import what they must not");
}

#[test]
fn only_one_file_knows_backoff() {
    let users: Vec<String> = source_files()
        .into_iter()
        .filter(|file| without_comments(&file.text).contains("backoff::"))
        .map(|file| file.path)
        .collect();
    assert_eq!(users, ["job/retry.rs"]);
}

#[test]
fn sql_stands_in_the_store_alone() {
    let mut faults = Vec::new();
    for file in source_files().iter().filter(|file| file.module() != "store") {
        for (number, line) in file.shipped().lines().enumerate() {
            let strings = line.split('"').skip(1).chain([line.trim_start()]);
            if strings.into_iter().any(|text| SQL.iter().any(|word| text.starts_with(word))) {
                faults.push(format!("src/{}, about line {}: {line}", file.path, number + 1));
            }
        }
    }
    none(&faults, "SQL outside of src/store");
}

#[test]
fn files_say_what_they_own_and_stay_short() {
    let mut faults = Vec::new();
    for file in source_files() {
        if !file.text.starts_with("//!") {
            faults.push(format!("src/{}: does not begin with `//!`", file.path));
        }
        let lines = file.text.lines().count();
        if lines > LINES_MAX {
            faults.push(format!("src/{}: {lines} lines, {LINES_MAX} are allowed", file.path));
        }
    }
    none(&faults, "files");
}

#[test]
fn nothing_shipped_panics_on_purpose_or_is_unfinished() {
    let mut faults = Vec::new();
    for file in source_files() {
        let shipped = file.shipped();
        for word in [".unwrap()", "todo!", "unimplemented!", "dbg!", "FIXME", "TODO"] {
            if shipped.contains(word) {
                faults.push(format!("src/{}: `{word}`", file.path));
            }
        }
    }
    none(&faults, "shipped code");
}
