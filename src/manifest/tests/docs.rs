//! The table of keys in the documentation agrees with the table in the source.

use std::{fs, path::Path};

use super::*;

#[test]
fn the_documentation_lists_every_key_with_its_default_and_range() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = ["docs/manifest.md", "README.md"].map(|page| fs::read_to_string(root.join(page)));
    let is_row = |line: &&str| line.starts_with("| `");
    let mut rows = pages.iter().flatten().map(|page| {
        let lines = page.lines().skip_while(|line| !line.starts_with("| `id` |"));
        lines.take_while(is_row).collect::<Vec<_>>()
    });
    let rows = rows.find(|rows| !rows.is_empty()).expect("a table that begins with `id`");
    for (key, row) in keys().iter().zip(&rows) {
        let cells: Vec<_> = row.split(" | ").collect();
        let same =
            "docs/manifest.md and `TABLE` in manifest/keys.rs list the same keys in one order";
        assert_eq!(cells[0], format!("| `{}`", key.name), "{same}");
        if let KeyDefault::Value(value) = key.default {
            assert!(cells[2].contains(value), "the default is {value}: {row}");
        }
        if let value::ValueType::Integer(min, max) = key.value_type {
            let has_range = [min, max].iter().all(|end| cells[1].contains(&end.to_string()));
            assert!(has_range, "the range is {min} to {max}: {row}");
        }
    }
    let more = rows.iter().skip(KEYS.len()).collect::<Vec<_>>();
    assert_eq!(rows.len(), KEYS.len(), "not in `TABLE` of manifest/keys.rs: {more:?}");
}
