//! What more than one target asks of what the program says: that it fits a line, and that places
//! lie in the text.

use lipsyncd::manifest::{Location, Problems};

/// Renders `problems` in every way and makes sure that each points into the text it is about.
pub fn problems_fit(problems: &Problems, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let lines = lines_of(&text);
    assert!(problems.len() > 0);
    for problem in problems {
        assert!(!problem.what.is_empty());
        if let Some(location) = problem.location {
            lies_in(location, &lines);
        }
    }
    for shown in [problems.one_line("m.yaml"), problems.render("m.yaml", &text, false)] {
        assert!(!shown.is_empty());
        assert!(!shown.contains('\u{1b}'), "a text must not drive a terminal");
    }
    assert!(!problems.render("", &text, true).is_empty());
}

/// Whether a place is one of the text, or the one behind its last character.
pub fn lies_in(location: Location, lines: &[&str]) {
    let line = lines.get(location.line as usize - 1);
    let line = line.unwrap_or_else(|| panic!("{location:?} is behind {} lines", lines.len()));
    // A line break is a place as well.
    let characters = line.chars().count() + 2;
    assert!((1..=characters).contains(&(location.column as usize)), "{location:?} in {line:?}");
}

/// The lines as YAML counts them.
pub fn lines_of(text: &str) -> Vec<&str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    lines.flat_map(|line| line.split('\r')).collect()
}

/// Makes sure that a text of strangers became one bounded line.
pub fn is_one_line(text: &str, most_chars: usize) {
    assert!(!text.contains(char::is_control), "{text:?}");
    assert!(text.chars().count() <= most_chars, "{} characters", text.chars().count());
}
