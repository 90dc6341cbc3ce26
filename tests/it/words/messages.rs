//! Every sentence of the program in one file.
//!
//! `INSTA_UPDATE=always cargo test --test it words::messages` writes the file again; `git diff` then shows which
//! sentences changed.

use std::fmt::Write;

use super::source::{shipped_files, strings};

#[test]
fn messages() {
    let mut page = String::new();
    for file in shipped_files() {
        let mut heading = Some(&file);
        for message in strings(&file).into_iter().filter(|string| is_sentence(&string.text)) {
            if let Some(file) = heading.take() {
                writeln!(page, "\n{file}").unwrap();
            }
            writeln!(page, "  {}", message.text.trim().replace('\n', "\n    ")).unwrap();
        }
    }
    insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!(page) });
}

/// Whether `text` is for people: at least two words, and no SQL.
fn is_sentence(text: &str) -> bool {
    let is_word = |word: &&str| word.chars().filter(|letter| letter.is_alphabetic()).count() > 1;
    let is_sql = text.lines().any(|line| {
        let first = line.split_whitespace().next().unwrap_or_default();
        matches!(
            first,
            "SELECT"
                | "INSERT"
                | "UPDATE"
                | "DELETE"
                | "WITH"
                | "PRAGMA"
                | "BEGIN"
                | "FROM"
                | "WHERE"
                | "CREATE"
                | "SET"
        )
    });
    !is_sql && text.split_whitespace().filter(is_word).count() > 1
}
