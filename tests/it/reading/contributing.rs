//! The files that CONTRIBUTING.md names exist.

use std::{fs, path::Path};

/// Adds the path of each file under `folder`, with its beginning `at`.
fn files(folder: &Path, at: &str, paths: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{at}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            files(&entry.path(), &path, paths);
        } else {
            paths.push(path);
        }
    }
}

#[test]
fn every_file_that_contributing_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("CONTRIBUTING.md")).unwrap();
    let mut paths = Vec::new();
    for folder in ["src", "tests"] {
        files(&root.join(folder), &format!("/{folder}"), &mut paths);
    }
    let exists = |name: &str| {
        root.join(name).exists() || paths.iter().any(|path| path.ends_with(&format!("/{name}")))
    };
    // A name in capitals is a placeholder for any name.
    let is_file = |name: &&str| {
        let endings = [".rs", ".sql", ".sh"];
        endings.iter().any(|ending| name.ends_with(ending))
            && !name.contains(|letter: char| letter == ' ' || letter.is_ascii_uppercase())
    };
    let mut count = 0;
    for (line, number) in page.lines().zip(1..) {
        for name in line.split('`').skip(1).step_by(2).filter(is_file) {
            count += 1;
            assert!(exists(name), "CONTRIBUTING.md:{number} names {name}, which does not exist");
        }
    }
    assert!(count > 100, "only {count} files are named");
}
