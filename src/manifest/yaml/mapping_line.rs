//! What is wrong with a line that should be `key: value`.

use super::spot::Spot;
use crate::manifest::problem::{Problem, is_invisible};

/// Returns why the line is not `key: value`, and what to write.
pub(super) fn line_problem(lines: &[&str], line: usize) -> Problem {
    specific_problem(lines, line).unwrap_or_else(|| {
        let entry = after_dashes(Spot::new(lines, line, 0).first_of_line());
        Problem::at(entry.rest_of_line(), "this line is not `key: value`")
            .help("write a key, a colon, a space and a value; text of several lines needs quotes")
    })
}

/// Returns the problem of a text that was read as one value. Its location is that in the text.
pub(super) fn text_problem(text: &str) -> Option<Problem> {
    specific_problem(&[text], 0)
}

pub(super) fn specific_problem(lines: &[&str], line: usize) -> Option<Problem> {
    let first = Spot::new(lines, line, 0).first_of_line();
    let entry = after_dashes(first);
    let text = entry.after();
    if text.starts_with("//") || text.starts_with("/*") || text.starts_with("<!--") {
        let problem = Problem::at(entry.next(2), "this is not a comment");
        return Some(problem.help("comments begin with `#`"));
    }
    if let Some(rest) = text.strip_prefix('-')
        && rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '"' || c == '\'')
    {
        let problem = Problem::at(entry.location(), "a space is missing after `-`");
        return Some(problem.help("write `- ` before each entry of a list"));
    }
    if let Some(mark) = other_dash(text) {
        let problem = Problem::at(entry.location(), format!("`{mark}` is not the `-` of a list"));
        return Some(problem.help("write `- ` before each entry of a list"));
    }
    let key: String = text.chars().take_while(|c| is_of_key(*c)).collect();
    let after = Spot { column: entry.column + key.chars().count(), ..entry };
    let is_url = after.after().starts_with("://");
    let mut rest = after.after().chars();
    match (rest.next(), rest.next()) {
        (Some(':'), Some(' ' | '\t')) => None,
        _ if key.is_empty() || is_url => None,
        (Some(':'), Some(blank)) if is_invisible(blank) || blank == '\u{3000}' => {
            let place = Spot { column: after.column + 1, ..after }.location();
            let what = format!("an invisible character (U+{:04X})", blank as u32);
            Some(Problem::at(place, what).help("replace it by a space"))
        }
        (Some(':'), Some(_)) => {
            let what = format!("a space is missing after `{key}:`");
            Some(Problem::at(after.location(), what).help(format!("write `{key}: …`")))
        }
        (Some(':'), None) => None,
        _ => {
            let next = after.after().trim_start();
            let mark = next.chars().next().filter(|mark| matches!(mark, '=' | '：'))?;
            let blanks = after.after().chars().count() - next.chars().count();
            let place = Spot { column: after.column + blanks, ..after }.location();
            let problem = Problem::at(place, format!("`{mark}` after `{key}` is no colon"));
            Some(problem.help(format!("write `{key}: …`")))
        }
    }
}

/// Returns the problem of a value that contains `: `, or of characters that look like a line break to people.
pub(super) fn value_with_colon(spot: &Spot<'_>) -> Option<Problem> {
    let before = spot.before();
    if let Some(at) = before.chars().position(|c| matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}')) {
        let place = Spot { column: at, ..*spot };
        let separator = place.after().chars().next().unwrap_or_default();
        let what = format!("an invisible line separator (U+{:04X})", separator as u32);
        return Some(Problem::at(place.location(), what).help("replace it by a line break"));
    }
    let is_value = [": ", ":\t"].iter().any(|colon| before.contains(colon));
    is_value.then(|| {
        Problem::at(spot.location(), "a second `: ` in one line")
            .help("put a value with `: ` in quotes; begin each key on a line of its own")
    })
}

/// Returns the problem of a key that begins after a value on the same line.
pub(super) fn second_key(spot: &Spot<'_>) -> Option<Problem> {
    let key: String = spot.after().chars().take_while(|c| is_of_key(*c)).collect();
    let rest = spot.after()[key.len()..].strip_prefix(':')?;
    let is_key = !key.is_empty() && (rest.is_empty() || rest.starts_with([' ', '\t']));
    is_key.then(|| {
        let place = spot.next(key.chars().count());
        Problem::at(place, format!("a second key `{key}` in one line"))
            .help("begin each key on a line of its own")
    })
}

/// Returns the problem of the lines above, if one of them is no `key: value`, or if this line is indented more.
pub(super) fn cause_above(spot: &Spot<'_>) -> Option<Problem> {
    let is_content = |line: &usize| {
        let text = spot.lines[*line].trim();
        !text.is_empty() && !text.starts_with('#') && text != "---"
    };
    let mut above = (0..spot.line).rev().filter(is_content).peekable();
    let mut cause = None;
    let nearest = *above.peek()?;
    while let Some(line) = above.next_if(|line| !is_mapping_line(spot.lines[*line])) {
        cause = Some(line);
    }
    if let Some(line) = cause {
        return Some(line_problem(spot.lines, line));
    }
    if spot.first_of_line().after().starts_with("- ") {
        return entry_problem(spot);
    }
    let column = |line| after_dashes(Spot::new(spot.lines, line, 0).first_of_line()).column;
    let ends_open = spot.lines[nearest].trim_end().ends_with(':');
    let is_moved = column(spot.line) != column(nearest) && !ends_open;
    is_moved.then(|| moved(spot.lines, spot.line, nearest))
}

/// The problem of a line that does not begin where the keys of the line above begin.
fn moved(lines: &[&str], line: usize, above: usize) -> Problem {
    let first = |line| Spot::new(lines, line, 0).first_of_line();
    let (mine, theirs) = (after_dashes(first(line)).column, after_dashes(first(above)).column);
    let more = if mine > theirs { "more" } else { "less" };
    let what = format!("this line is indented {more} than line {}", above + 1);
    Problem::at(first(line).rest_of_line(), what).help(format!(
        "the keys of one mapping begin at the same column, which is {} there",
        theirs + 1
    ))
}

/// The problem of an entry of a list where no list is.
fn entry_problem(spot: &Spot<'_>) -> Option<Problem> {
    let first = |line| Spot::new(spot.lines, line, 0).first_of_line();
    let here = first(spot.line);
    let above = (0..spot.line).rev().find(|line| first(*line).after().starts_with("- "))?;
    let dash = first(above).column;
    if dash != here.column {
        let what = format!("this `-` is not below the `-` of line {}", above + 1);
        return Some(Problem::at(here.location(), what).help(format!(
            "the entries of one list begin at the same column, which is {} there",
            dash + 1
        )));
    }
    let ends_list = |line: &usize| {
        let spot = first(*line);
        spot.column <= dash && !spot.after().trim().is_empty() && !spot.after().starts_with('#')
    };
    let ended = (above + 1..spot.line).find(ends_list)?;
    Some(moved(spot.lines, ended, above))
}

/// Returns true for a line with a key, or with an entry of a list. A comment or an open bracket may follow.
fn is_mapping_line(line: &str) -> bool {
    let text = line.trim_start();
    if text.starts_with('-') && !text.starts_with("- ") || other_dash(text).is_some() {
        return false;
    }
    let text = text.trim_start_matches([' ', '-']);
    let is_quoted = text.starts_with(['"', '\'']) && text.trim_end().ends_with(['"', '\'']);
    let has_key = [": ", ":\t"].iter().any(|colon| text.contains(colon));
    let is_entry = line.trim_start().starts_with("- ");
    has_key && !(is_quoted && text.matches(['"', '\'']).count() == 2)
        || text.trim_end().ends_with(':')
        || is_entry && !text.contains(':')
        || text.starts_with(['[', '{', ']', '}'])
}

/// The dash or bullet that an editor put in the place of the `-` of a list.
fn other_dash(text: &str) -> Option<char> {
    let (mark, rest) = text.split_at_checked(text.chars().next()?.len_utf8())?;
    (rest.starts_with(' ') && "‐‑‒–—−•·".contains(mark)).then(|| mark.chars().next())?
}

fn after_dashes(mut spot: Spot<'_>) -> Spot<'_> {
    while spot.after().starts_with("- ") {
        let blanks = spot.after()[1..].chars().take_while(|c| *c == ' ').count();
        spot.column += 1 + blanks;
    }
    spot
}

fn is_of_key(character: char) -> bool {
    character.is_ascii_alphanumeric() || "_-$.".contains(character)
}
