//! Checks for more than one target: a message fits a line, and locations are in the text.

use lipsyncd::manifest::{Location, Problems};

/// Renders `problems` in every way and checks that each location is in the text.
pub fn problems_fit(problems: &Problems, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let lines = lines_of(&text);
    assert!(problems.len() > 0);
    for problem in problems {
        assert!(!problem.what.is_empty());
        if let Some(location) = problem.location {
            is_in_text(location, &lines);
        }
    }
    for shown in [problems.one_line("m.yaml"), problems.render("m.yaml", &text, false)] {
        assert!(!shown.is_empty());
        assert!(!shown.contains('\u{1b}'), "a text must not drive a terminal");
    }
    assert!(!problems.render("", &text, true).is_empty());
}

/// Checks that a location is in the text, or directly after its last character.
pub fn is_in_text(location: Location, lines: &[&str]) {
    let line = lines.get(location.line as usize - 1);
    let line = line.unwrap_or_else(|| panic!("{location:?} is behind {} lines", lines.len()));
    // A line break is a location, too.
    let characters = line.chars().count() + 2;
    assert!((1..=characters).contains(&(location.column as usize)), "{location:?} in {line:?}");
}

/// The lines as YAML counts them.
pub fn lines_of(text: &str) -> Vec<&str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    lines.flat_map(|line| line.split('\r')).collect()
}

/// Checks that an untrusted text became one bounded line.
pub fn is_one_line(text: &str, most_chars: usize) {
    assert!(!text.contains(char::is_control), "{text:?}");
    assert!(text.chars().count() <= most_chars, "{} characters", text.chars().count());
}
