//! What is wrong with a text, and where: locations, problems and the collector of problems.
//!
//! Knows no YAML and no jobs; `render` shows problems.

use std::{collections::BTreeMap, error, fmt};

/// A range of a text. Locations are ordered by where they begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// Line and column after the last character; excerpts underline up to there.
    pub(super) end: (u32, u32),
}

impl Location {
    /// The one character at a line and column, both from 1.
    #[must_use]
    pub fn at(line: u32, column: u32) -> Self {
        Self::between((line, column), (line, column.saturating_add(1)))
    }

    pub(super) fn between((line, column): (u32, u32), end: (u32, u32)) -> Self {
        Self { line, column, end }
    }
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it is; none if it concerns the complete file.
    pub location: Option<Location>,
    /// What is wrong: a lower-case fragment without a period.
    pub what: String,
    /// What is allowed instead, or how to fix it.
    pub help: Option<String>,
    /// Whether it prevents the use of the file.
    pub severity: Severity,
}

/// What a problem prevents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The file is refused.
    Error,
    /// The file is used, and something is probably not as meant.
    Warning,
}

impl Problem {
    /// A problem at a location.
    #[must_use]
    pub fn at(location: Location, what: impl Into<String>) -> Self {
        Self { location: Some(location), ..Self::of_file(what) }
    }

    /// A problem of the complete file.
    #[must_use]
    pub fn of_file(what: impl Into<String>) -> Self {
        Self { location: None, what: what.into(), help: None, severity: Severity::Error }
    }

    /// Adds what is allowed.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Makes it a warning.
    #[must_use]
    pub fn warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }
}

/// The problems of one text, up to ten thousand: at least one, ordered by location, without duplicates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// The problems in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// How many there are.
    #[expect(clippy::len_without_is_empty, reason = "there is always at least one")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// How many of them are errors.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.iter().filter(|problem| problem.severity == Severity::Error).count()
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problems {
    /// Writes the problems without the file's name; [`Problems::one_line`] writes it, too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.one_line(""))
    }
}

impl error::Error for Problems {}

/// The most problems that are kept of one text. A text could have millions.
pub(super) const MAX_KEPT: usize = 10_000;
/// Apart from errors, so that warnings never displace an error.
const MAX_WARNINGS: usize = 100;

/// Collects problems while reading continues, ordered by location. A problem in `defaults` or behind an alias
/// is one problem, however many jobs read it.
#[derive(Debug, Default)]
pub(crate) struct ProblemCollector {
    errors: Collected,
    warnings: Collected,
}

type Collected = BTreeMap<(Option<Location>, String), Problem>;

impl ProblemCollector {
    pub(crate) fn add(&mut self, problem: Problem) {
        if self.errors.len() < MAX_KEPT {
            self.errors.entry((problem.location, problem.what.clone())).or_insert(problem);
        }
    }

    pub(crate) fn warn(&mut self, problem: Problem) {
        if self.warnings.len() < MAX_WARNINGS {
            let key = (problem.location, problem.what.clone());
            self.warnings.entry(key).or_insert(problem.warning());
        }
    }

    /// Returns the warnings, if there are any.
    ///
    /// # Errors
    /// All problems, if one of them is an error.
    pub(crate) fn conclude(mut self) -> Result<Option<Problems>, Problems> {
        let has_errors = !self.errors.is_empty();
        self.errors.append(&mut self.warnings);
        let problems: Vec<Problem> = self.errors.into_values().collect();
        if has_errors {
            Err(Problems(problems))
        } else {
            Ok((!problems.is_empty()).then_some(Problems(problems)))
        }
    }
}

/// Returns `` `text` `` for a message: shortened when long, control characters escaped.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN_CHARS: usize = 60;
    let mut shown = String::from("`");
    for character in text.chars().take(SHOWN_CHARS) {
        if character.is_control() || is_invisible(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    if text.chars().nth(SHOWN_CHARS).is_some() {
        shown.push('…');
    }
    shown.push('`');
    shown
}

/// Returns true for a character that people cannot see, or cannot distinguish from a space.
pub(crate) fn is_invisible(character: char) -> bool {
    character.is_whitespace() && !matches!(character, ' ' | '\t' | '\n' | '\r')
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// Returns "did you mean `x`?" for a word that resembles a known one.
pub(crate) fn did_you_mean<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let meant = resembling(word, known)?;
    Some(format!("did you mean `{meant}`?"))
}

pub(crate) fn resembling<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    const RESEMBLES: f64 = 0.82;
    if word.len() > 64 {
        return None;
    }
    let wanted = word.to_lowercase().replace(['-', ' '], "_");
    known
        .into_iter()
        .map(|known| (strsim::jaro_winkler(&wanted, known), known))
        .filter(|(similarity, _)| *similarity >= RESEMBLES)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}
