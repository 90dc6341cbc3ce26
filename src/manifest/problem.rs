//! What is wrong with a text, and where: places, problems, and the pile they are collected in.
//!
//! Knows nothing of YAML or of jobs; how problems are shown is `render`'s.

use std::{collections::BTreeMap, error, fmt};

/// A stretch of a text. It orders by where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// Line and column just behind it; excerpts underline up to there.
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

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it is; none when it is the whole file's.
    pub location: Option<Location>,
    /// What is wrong: a lower-case fragment without a period.
    pub what: String,
    /// What is allowed instead, or how to mend it.
    pub help: Option<String>,
}

impl Problem {
    /// A fault at a place.
    #[must_use]
    pub fn at(location: Location, what: impl Into<String>) -> Self {
        Self { location: Some(location), what: what.into(), help: None }
    }

    /// A fault of the whole file.
    #[must_use]
    pub fn whole(what: impl Into<String>) -> Self {
        Self { location: None, what: what.into(), help: None }
    }

    /// The same with a word on what is allowed.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Every fault of one text, up to ten thousand: at least one, ordered by place, none told twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// The faults in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// How many there are.
    #[expect(clippy::len_without_is_empty, reason = "there is always one at least")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
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
    /// The faults without the file's name; [`Problems::one_line`] has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.one_line(""))
    }
}

impl error::Error for Problems {}

/// So many faults of one text are kept; nobody reads more, and a text has room for millions.
pub(super) const MAX_KEPT: usize = 10_000;

/// The pile that readers throw faults on while they go on reading. It is ordered by place, and what
/// stands in `defaults` or behind an alias is one fault, however many jobs read it.
#[derive(Debug, Default)]
pub(crate) struct ProblemCollector(BTreeMap<(Option<Location>, String), Option<String>>);

impl ProblemCollector {
    pub(crate) fn add(&mut self, problem: Problem) {
        if self.0.len() < MAX_KEPT {
            let Problem { location, what, help } = problem;
            self.0.entry((location, what)).or_insert(help);
        }
    }

    /// Every fault, if there was any.
    pub(crate) fn conclude(self) -> Result<(), Problems> {
        if self.0.is_empty() {
            return Ok(());
        }
        let problems = self.0.into_iter();
        let problem = |((location, what), help)| Problem { location, what, help };
        Err(Problems(problems.map(problem).collect()))
    }
}

/// `` `text` `` for a message: cut when long, controls escaped.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN_CHARS: usize = 60;
    let mut shown = String::from("`");
    for character in text.chars().take(SHOWN_CHARS) {
        if character.is_control() {
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

/// "did you mean `x`?" for a word that resembles one of the known.
pub(crate) fn did_you_mean<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let meant = resembling(word, known)?;
    Some(format!("did you mean `{meant}`?"))
}

/// The one of the known words that a misspelt one most likely is.
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
        .filter(|(likeness, _)| *likeness >= RESEMBLES)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}
