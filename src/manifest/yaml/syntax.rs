//! Why a text is not YAML, in words for a person in a hurry, and where to look.
//!
//! The parser reports where it cannot continue. The cause is often on an earlier line, such as a missing blank
//! after a colon.

use granit_parser::{ErrorKind, ScanError};

use super::{
    decode::lines,
    mapping_line::{cause_above, line_problem, second_key, specific_problem, value_with_colon},
    spot::Spot,
};
use crate::manifest::problem::{Location, Problem};

const SAME_COLUMN: &str = "the keys of one mapping begin at the same column";
const WHOLE_VALUE: &str = "put the complete value in quotes";

/// Returns the problem of a text that the parser refused. `end` is the end of the text.
pub(super) fn explain(error: &ScanError, text: &str, end: Location) -> Problem {
    let lines = lines(text);
    let spot = Spot::of(*error.marker(), &lines, end);
    conflict_marker(&lines).unwrap_or_else(|| match error.kind() {
        ErrorKind::SimpleKeyExpected
        | ErrorKind::InvalidSimpleKey
        | ErrorKind::MappingValueNotAllowed
        | ErrorKind::ExpectedDocumentStart
        | ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::ExpectedBlockSequenceEntry
        | ErrorKind::InvalidIndentation => mapping(error.kind(), &spot),
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabInPlainScalar
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::InvalidBlockEntryWhitespace => {
            Problem::at(tab(&spot), "a tab in the indentation")
                .help("indent YAML by spaces, not by tabs")
        }
        ErrorKind::UnknownQuotedScalarEscape
        | ErrorKind::InvalidQuotedScalarHexEscape
        | ErrorKind::InvalidUnicodeEscape
        | ErrorKind::InvalidLowSurrogateHexEscape
        | ErrorKind::InvalidLowSurrogate
        | ErrorKind::MissingLowSurrogate
        | ErrorKind::UnpairedLowSurrogate => escape(error.kind(), &spot),
        ErrorKind::InvalidTrailingDoubleQuotedScalar => after_quote('"', &spot),
        ErrorKind::InvalidTrailingSingleQuotedScalar => after_quote('\'', &spot),
        ErrorKind::ExpectedFlowMappingSeparator => separator("`}`", &spot),
        ErrorKind::ExpectedFlowSequenceSeparator => separator("`]`", &spot),
        ErrorKind::InvalidColonPlacement => separator("bracket", &spot),
        kind => {
            let (what, help) = in_words(kind, &spot);
            Problem { help, ..Problem::at(spot.location(), what) }
        }
    })
}

/// Git writes its marks at the start of a line.
fn conflict_marker(lines: &[&str]) -> Option<Problem> {
    let find = |mark: &str| lines.iter().position(|line| line.starts_with(mark));
    let (first, last) = (find("<<<<<<< ")?, find(">>>>>>> ")?);
    let problem =
        Problem::at(Spot::new(lines, first, 0).rest_of_line(), "a git conflict is not resolved");
    let help = format!(
        "keep one of the two versions, and remove the marks in lines {} to {}",
        first + 1,
        last + 1
    );
    (first < last).then(|| problem.help(help))
}

fn mapping(kind: &ErrorKind, spot: &Spot<'_>) -> Problem {
    if *kind == ErrorKind::MappingValueNotAllowed
        && let Some(problem) = value_with_colon(spot)
    {
        return problem;
    }
    let before = spot.before().trim_end();
    let is_first = before.trim_start_matches([' ', '-']).is_empty();
    if let Some(bracket @ (']' | '}')) = before.chars().next_back() {
        let what = format!("text after the closing `{bracket}`");
        let help = format!(
            "a value that begins with `{}` is not text: {WHOLE_VALUE}",
            if bracket == ']' { '[' } else { '{' }
        );
        return Problem::at(spot.location(), what).help(help);
    }
    if *kind == ErrorKind::SimpleKeyExpected {
        return line_problem(spot.lines, spot.line);
    }
    if *kind == ErrorKind::ExpectedBlockMappingKey && !is_first {
        return Problem::at(spot.rest_of_line(), "text after a complete value").help(WHOLE_VALUE);
    }
    if let Some(problem) = cause_above(spot) {
        return problem;
    }
    if let Some(problem) = specific_problem(spot.lines, spot.line) {
        return problem;
    }
    if is_first || *kind == ErrorKind::MappingValueNotAllowed {
        let what = "the indentation of this line fits no line above it";
        return Problem::at(spot.first_of_line().rest_of_line(), what).help(SAME_COLUMN);
    }
    line_problem(spot.lines, spot.line)
}

/// Returns the first tab in an indentation. The parser may report the line above.
fn tab(spot: &Spot<'_>) -> Location {
    let indented = |line: &str| {
        let indentation = line.chars().take_while(|c| matches!(c, ' ' | '\t' | '-'));
        indentation.enumerate().find(|(_, c)| *c == '\t').map(|(column, _)| column)
    };
    let mut below = (spot.line..spot.lines.len()).take(3);
    let found =
        below.find_map(|line| Some(Spot::new(spot.lines, line, indented(spot.lines[line])?)));
    found.unwrap_or(*spot).location()
}

/// Finds the escape inside of the quoted text that begins at `spot`.
fn escape(kind: &ErrorKind, spot: &Spot<'_>) -> Problem {
    let is_half = !matches!(
        kind,
        ErrorKind::UnknownQuotedScalarEscape | ErrorKind::InvalidQuotedScalarHexEscape
    );
    let found = (spot.line..spot.lines.len()).find_map(|line| {
        let first = if line == spot.line { spot.column + 1 } else { 0 };
        bad_escape(spot.lines[line], first)
            .map(|(at, length)| (Spot::new(spot.lines, line, at), length))
    });
    let (spot, length) = found.unwrap_or((*spot, 1));
    let written: String = spot.after().chars().take(length).collect();
    if is_half {
        return Problem::at(spot.next(length), format!("`{written}` is half of a character"))
            .help("characters above U+FFFF need both halves, such as `\\ud83d\\ude00`");
    }
    let what = match kind {
        ErrorKind::UnknownQuotedScalarEscape => format!("`{written}` is no escape of YAML"),
        _ => format!("`{written}` needs more hexadecimal digits"),
    };
    Problem::at(spot.next(length), what).help(
        "inside of double quotes `\\` begins an escape: use `/` in paths, or single quotes around the value",
    )
}

/// Returns column and length of the first escape of a line that is not valid.
fn bad_escape(line: &str, first: usize) -> Option<(usize, usize)> {
    let characters: Vec<char> = line.chars().collect();
    let unit = |at: usize| {
        let digits: String = characters.get(at + 2..at + 6)?.iter().collect();
        let is_unit = characters[at] == '\\' && characters[at + 1] == 'u';
        u32::from_str_radix(&digits, 16).ok().filter(|_| is_unit)
    };
    let mut at = first;
    while at + 1 < characters.len() {
        if characters[at] != '\\' {
            at += 1;
            continue;
        }
        let digits = match characters[at + 1] {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            letter if "0abt\tnvfre \"/\\N_LP".contains(letter) => 0,
            _ => return Some((at, 2)),
        };
        let hex = characters[at + 2..].iter().take(digits).take_while(|c| c.is_ascii_hexdigit());
        if hex.count() < digits {
            return Some((at, 2));
        }
        match unit(at) {
            Some(0xd800..=0xdbff) if matches!(unit(at + 6), Some(0xdc00..=0xdfff)) => at += 12,
            Some(0xd800..=0xdfff) => return Some((at, 6)),
            _ => at += 2 + digits,
        }
    }
    None
}

/// Text follows a closing quote: the quote was meant as text, or an earlier one is not closed.
fn after_quote(quote: char, spot: &Spot<'_>) -> Problem {
    let quotes = |line: &str| line.chars().filter(|c| *c == quote).count();
    if quotes(spot.before()) % 2 == 1
        && let Some(line) = (0..spot.line).rev().find(|line| quotes(spot.lines[*line]) % 2 == 1)
        && let Some(column) = spot.lines[line].chars().position(|c| c == quote)
    {
        let what = format!("this `{quote}` is not closed on its line");
        return Problem::at(Spot::new(spot.lines, line, column).rest_of_line(), what)
            .help(format!("add the closing `{quote}`"));
    }
    if let Some(problem) = second_key(spot) {
        return problem;
    }
    if spot.after().starts_with(quote) && spot.before().contains(['[', '{']) {
        return Problem::at(spot.location(), "a `,` is missing here")
            .help("inside of brackets, a comma separates values");
    }
    let help = match quote {
        '"' => {
            "the text ends at its second `\"`: write a quote inside of it as `\\\"`, or use single quotes"
        }
        _ => {
            "the text ends at its second `'`: write an apostrophe inside of it as `''`, or use double quotes"
        }
    };
    Problem::at(spot.location(), "text after the closing quote").help(help)
}

/// The place of a missing comma or bracket is the end of what is before it.
fn separator(close: &str, spot: &Spot<'_>) -> Problem {
    let is_first_word = !spot.before().trim().contains([' ', ',', '{', '[']);
    let above = (0..spot.line).rev().find(|line| !spot.lines[*line].trim().is_empty());
    let place = match above.filter(|_| is_first_word) {
        Some(line) => Spot::new(spot.lines, line, spot.lines[line].trim_end().chars().count()),
        None => *spot,
    };
    Problem::at(place.location(), format!("a `,` or the closing {close} is missing here"))
        .help("inside of brackets, text with a comma or a bracket needs quotes")
}

fn in_words(kind: &ErrorKind, spot: &Spot<'_>) -> (String, Option<String>) {
    let (what, help) = match kind {
        ErrorKind::UnclosedQuotedScalar => {
            let quote = spot.after().chars().next().unwrap_or('"');
            (format!("this `{quote}` is never closed"), format!("add the closing `{quote}`"))
        }
        ErrorKind::UnclosedFlowCollection { open } => (
            format!("this `{open}` is never closed"),
            format!("add the closing `{}`", closing(*open)),
        ),
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => (
            format!("this `{open}` is closed by `{close}`"),
            format!("close it by `{}`", closing(*open)),
        ),
        ErrorKind::MisplacedFlowCollectionEnd => {
            ("this bracket closes nothing".into(), format!("remove it, or {WHOLE_VALUE}"))
        }
        ErrorKind::UnexpectedCharacter { character: '`' } if spot.after().starts_with("```") => (
            "this is a code fence of Markdown".into(),
            "remove the lines that begin with three backticks".into(),
        ),
        ErrorKind::UnexpectedCharacter { character: '`' } => {
            ("text cannot begin with a backtick".into(), WHOLE_VALUE.into())
        }
        ErrorKind::UnexpectedCharacter { character } => {
            (format!("text cannot begin with `{character}`"), WHOLE_VALUE.into())
        }
        ErrorKind::UnknownAnchor => (
            "this alias has no anchor before it".into(),
            "`*name` repeats the value at `&name`; text that begins with `*` needs quotes".into(),
        ),
        ErrorKind::MissingAnchorOrAliasName => (
            "an anchor or alias has no name".into(),
            "text that begins with `&` or `*` needs quotes".into(),
        ),
        ErrorKind::UndeclaredTagHandle
        | ErrorKind::InvalidTagTerminator
        | ErrorKind::MissingTagUri
        | ErrorKind::UnclosedVerbatimTag
        | ErrorKind::InvalidTagEscape => {
            ("this tag is not valid".into(), "text that begins with `!` needs quotes".into())
        }
        ErrorKind::BlockSequenceEntryNotAllowed => (
            "a list cannot begin here".into(),
            "put each `- ` on a line of its own; text that begins with `- ` needs quotes".into(),
        ),
        ErrorKind::MappingKeyNotAllowed => {
            ("text cannot begin with `? `".into(), WHOLE_VALUE.into())
        }
        ErrorKind::FlowMappingValueAdjacentCollection => (
            "a space is missing after the `:`".into(),
            "inside of brackets, too, write `key: value`".into(),
        ),
        ErrorKind::BomInsideDocument => {
            ("an invisible character (U+FEFF)".into(), "remove it".into())
        }
        _ => return (format!("this is not YAML: {kind}"), None),
    };
    (what, Some(help))
}

fn closing(open: char) -> char {
    if open == '[' { ']' } else { '}' }
}
