//! The list of fail points is complete: each is in the source, and the source has no other.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use lipsyncd::failpoint::POINTS;

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}

/// The points that the source names after `prefix`.
fn named(prefix: &str) -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let text: String = files(&root)
        .iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let ends = text.split(prefix).skip(1);
    ends.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).collect()
}

#[test]
fn listed_fail_points_are_those_of_the_source() {
    let listed: BTreeSet<String> = POINTS.map(str::to_owned).into();
    assert_eq!(listed.len(), POINTS.len(), "a point is listed twice");
    // Requests and `around` name their point once, for both sides.
    let mut both = named("self.call_named(\"");
    both.extend(named("failpoint::around(\""));
    for side in ["failpoint::before(\"", "failpoint::after(\""] {
        let mut hit = named(side);
        hit.extend(both.iter().cloned());
        assert_eq!(hit, listed, "{side}");
    }
}
