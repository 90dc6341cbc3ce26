//! Words that have a plain equivalent, and are therefore in no message, comment or doc.

use std::fs;

use super::source::{Text, comments, files, root, shipped_files, strings};

/// What not to write, and what to write instead. In lower case; a word also stands for its plural.
const BANNED: [(&str, &str); 40] = [
    ("amiss", "wrong"),
    ("anew", "again"),
    ("another's", "belongs to job KEY"),
    ("as it were", ""),
    ("could be it", "may be this task"),
    ("came of it", "the result"),
    ("fault", "error"),
    ("faulty", "with errors"),
    ("has it read", "makes it read"),
    ("heed", "apply, observe"),
    ("heeded", "applied, observed"),
    ("held back", "held"),
    ("hence", "therefore"),
    ("house", "environment"),
    ("in vain", "without success"),
    ("learnt", "learned"),
    ("lest", "so that … not"),
    ("lies", "is"),
    ("mend", "fix"),
    ("mended", "fixed"),
    ("misspelt", "misspelled"),
    ("nobody's", "unowned"),
    ("nor", "and not"),
    ("once more", "again"),
    ("shelf", "ready queues"),
    ("sound", "audio"),
    ("spelt", "spelled"),
    ("stands", "is"),
    ("stood", "was"),
    ("tell", "show, report"),
    ("the line goes on", "the queue resumed"),
    ("the line is paused", "the queue is paused"),
    ("thereof", "of it"),
    ("told", "shown, reported"),
    ("too fast", "rate limited"),
    ("trouble", "problem"),
    ("under way", "in progress"),
    ("weather", "conditions"),
    ("whence", "from where"),
    ("whoever", "the person or program that"),
];

/// Docs and examples; the log of changes and license texts included.
fn docs() -> Vec<String> {
    let mut docs = files("docs", ".md");
    docs.extend(files("docs", ".yaml"));
    docs.extend(files("systemd", ""));
    docs.extend(files("debian", ""));
    docs.extend(files(".ci", ""));
    let top = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let is_text = |name: &String| {
        ["md", "yaml", "sql", "toml"].iter().any(|ending| name.ends_with(&format!(".{ending}")))
    };
    docs.extend(top.filter(is_text));
    docs
}

#[test]
fn no_banned_word_is_used() {
    let mut texts = Vec::new();
    for file in shipped_files() {
        texts.extend(strings(&file));
        texts.extend(comments(&file));
    }
    for file in docs() {
        let page = fs::read_to_string(root().join(&file)).unwrap();
        texts.extend(page.lines().enumerate().map(|(at, line)| Text {
            file: file.clone(),
            line: at + 1,
            text: line.to_owned(),
        }));
    }
    let found: Vec<String> = texts.iter().flat_map(complaints).collect();
    assert!(found.is_empty(), "{} banned words:\n  {}", found.len(), found.join("\n  "));
}

fn complaints(text: &Text) -> Vec<String> {
    // "Fault injection" is the term for what the simulator does, and it says "too fast" in the API's words.
    let is_simulator = text.file.starts_with("src/sim/") || text.file == "src/cli/simulate.rs";
    let uses = |(banned, _): &&(&str, &str)| {
        !(is_simulator && (banned.starts_with("fault") || *banned == "too fast"))
            && uses(&text.text, banned)
    };
    let complaint = |(banned, instead): &(&str, &str)| {
        format!("{}:{}: `{banned}`; write: {instead}", text.file, text.line)
    };
    BANNED.iter().filter(uses).map(complaint).collect()
}

/// Whether `text` has `phrase` as words of its own; parts of identifiers such as `sound_volume` are not words.
fn uses(text: &str, phrase: &str) -> bool {
    let text = text.to_lowercase();
    text.match_indices(phrase).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after =
            text[at + phrase.len()..].strip_prefix('s').unwrap_or(&text[at + phrase.len()..]);
        let is_part = |letter: Option<char>| {
            letter.is_some_and(|letter| {
                letter.is_alphanumeric() || matches!(letter, '_' | '`' | '/' | '<')
            })
        };
        !is_part(before) && !is_part(after.chars().next()) && !after.starts_with("::")
    })
}

#[test]
fn words_are_found_whatever_is_around_them() {
    for text in ["It is told.", "Told: no", "two faults", "(sound)"] {
        assert!(BANNED.iter().any(|(banned, _)| uses(text, banned)), "{text}");
    }
    for text in ["sound_volume", "`sound`", "default", "an atold word"] {
        assert!(!BANNED.iter().any(|(banned, _)| uses(text, banned)), "{text}");
    }
}
