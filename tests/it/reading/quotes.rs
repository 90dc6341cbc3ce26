//! What the pages quote of the program's words stands in the program.

use std::{fs, path::Path};

/// All the source, as one text: without the breaks within a sentence.
fn source() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = fs::read_to_string(root.join("schema.sql")).unwrap();
    let mut folders = vec![root.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                all += &fs::read_to_string(path).unwrap();
            }
        }
    }
    let mut joined = String::with_capacity(all.len());
    for part in all.split("\\\n") {
        joined += if joined.is_empty() { part } else { part.trim_start() };
    }
    joined
}

/// The lines of the page's blocks of text.
fn quoted(page: &str) -> Vec<String> {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
    let blocks = page.split("```text\n").skip(1);
    blocks
        .filter_map(|block| block.split_once("\n```"))
        .flat_map(|(block, _)| block.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

#[test]
fn the_page_of_pauses_quotes_what_the_program_says() {
    let source = source();
    let lines = quoted("docs/pauses.md");
    assert!(lines.len() > 10, "{lines:?}");
    for line in lines {
        for part in line.split('…').flat_map(|part| part.split(": ")) {
            // In SQL some of it stands in parts of its own, and what is shorter says nothing.
            for part in
                part.split(" (").map(|part| part.trim_matches([' ', '(', ')', ',', ':', ';']))
            {
                assert!(
                    part.len() < 6 || source.contains(part),
                    "docs/pauses.md quotes {part:?} (in {line:?}), but no message says that: change the quote"
                );
            }
        }
    }
}
