//! A table for people, written page by page.
//!
//! The first page decides the widths. On a terminal, lines are cut to its width, character by character; in a pipe the
//! widths are minimums and nothing is cut.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use terminal_size::{Width, terminal_size};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::text::safe;

/// On a narrower terminal, lines may wrap.
const WIDTH_MIN: usize = 60;
const GAP: usize = 2;

/// How a column uses its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// Never cut.
    Fixed,
    /// Never cut; numbers, aligned to the right.
    Number,
    /// Cut at its end.
    End,
    /// Cut at its start: the end of a key or path says more.
    Start,
}

pub(super) struct Column {
    pub(super) name: Cow<'static, str>,
    pub(super) fit: Fit,
}

impl Column {
    pub(super) fn new(name: impl Into<Cow<'static, str>>, fit: Fit) -> Self {
        Self { name: name.into(), fit }
    }
}

pub(super) struct Table {
    /// None if nothing is cut.
    terminal_width: Option<usize>,
    columns: Vec<Column>,
    /// Set by the first page.
    widths: Vec<usize>,
}

impl Table {
    pub(super) fn new(columns: Vec<Column>, on_terminal: bool) -> Self {
        let width = terminal_size().filter(|_| on_terminal).map(|(Width(width), _)| width.into());
        Self::with_width(columns, width)
    }

    fn with_width(columns: Vec<Column>, width: Option<usize>) -> Self {
        let terminal_width = width.map(|width: usize| width.max(WIDTH_MIN));
        Self { terminal_width, columns, widths: Vec::new() }
    }

    /// Writes rows; each has a cell for each column.
    pub(super) fn write(&mut self, out: &mut dyn Write, rows: &[Vec<String>]) -> io::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let rows: Vec<Vec<Cow<'_, str>>> =
            rows.iter().map(|row| row.iter().map(|cell| safe(cell)).collect()).collect();
        if self.widths.is_empty() {
            self.widths = self.fitting(&rows);
            let header = self.columns.iter().map(|column| Cow::Borrowed(&*column.name)).collect();
            self.line(out, &header)?;
        }
        rows.iter().try_for_each(|row| self.line(out, row))
    }

    fn fitting(&self, rows: &[Vec<Cow<'_, str>>]) -> Vec<usize> {
        let widest = |at: usize| rows.iter().map(|row| row[at].width()).max().unwrap_or_default();
        let columns = self.columns.iter().enumerate();
        let wanted: Vec<usize> =
            columns.map(|(at, column)| widest(at).max(column.name.width())).collect();
        match self.terminal_width {
            Some(width) => self.divide(wanted, width),
            None => wanted,
        }
    }

    /// Divides `width`: what is never cut comes first; the others share the rest, and one that needs less than its share
    /// leaves it to the others.
    fn divide(&self, mut wanted: Vec<usize>, width: usize) -> Vec<usize> {
        let is_fixed = |at: &usize| matches!(self.columns[*at].fit, Fit::Fixed | Fit::Number);
        let gaps = GAP * self.columns.len().saturating_sub(1);
        let fixed: usize = (0..wanted.len()).filter(is_fixed).map(|at| wanted[at]).sum();
        let mut left = width.saturating_sub(gaps + fixed);
        let mut flexible: Vec<usize> = (0..wanted.len()).filter(|at| !is_fixed(at)).collect();
        flexible.sort_by_key(|at| wanted[*at]);
        for (place, at) in flexible.iter().enumerate() {
            let share = left / (flexible.len() - place);
            wanted[*at] = wanted[*at].min(share).max(1);
            left = left.saturating_sub(wanted[*at]);
        }
        wanted
    }

    fn line(&self, out: &mut dyn Write, cells: &Vec<Cow<'_, str>>) -> io::Result<()> {
        let mut line = String::new();
        for ((cell, column), width) in cells.iter().zip(&self.columns).zip(&self.widths) {
            let cell = match (self.terminal_width, column.fit) {
                (Some(_), Fit::End) => cut_end(cell, *width),
                (Some(_), Fit::Start) => cut_start(cell, *width),
                _ => Cow::Borrowed(&**cell),
            };
            let room = " ".repeat(width.saturating_sub(cell.width()));
            match column.fit {
                Fit::Number => line.extend([room.as_str(), &cell]),
                _ => line.extend([&*cell, &room]),
            }
            line.push_str("  ");
        }
        writeln!(out, "{}", line.trim_end())
    }
}

fn cut_end(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let kept = fitting_bytes(text.chars(), width);
    Cow::Owned(format!("{}…", &text[..kept]))
}

fn cut_start(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let kept = fitting_bytes(text.chars().rev(), width);
    Cow::Owned(format!("…{}", &text[text.len() - kept..]))
}

/// Returns the length of the characters that fit beside an ellipsis.
fn fitting_bytes(characters: impl Iterator<Item = char>, width: usize) -> usize {
    let (mut bytes, mut used) = (0, 1);
    for character in characters {
        used += character.width().unwrap_or_default();
        if used > width {
            break;
        }
        bytes += character.len_utf8();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(width: Option<usize>) -> Table {
        let columns = [
            ("STATE", Fit::Fixed),
            ("JOB", Fit::Start),
            ("UNITS", Fit::Number),
            ("REASON", Fit::End),
        ];
        Table::with_width(columns.map(|(name, fit)| Column::new(name, fit)).into(), width)
    }

    fn shown(table: &mut Table, rows: &[[&str; 4]]) -> String {
        let rows: Vec<Vec<String>> = rows.iter().map(|row| row.map(str::to_owned).into()).collect();
        let mut out = Vec::new();
        table.write(&mut out, &rows).unwrap();
        String::from_utf8(out).unwrap()
    }

    const LONG: &str =
        "queued (5 of 5 slots in use), and a long explanation, which is printed completely";

    #[test]
    fn a_pipe_gets_complete_aligned_lines() {
        let mut table = table(None);
        let first = [["queued", "promo/en", "0", "queued"], ["succeeded", "promo/fr", "1.05", ""]];
        assert_eq!(
            shown(&mut table, &first),
            "STATE      JOB       UNITS  REASON\n\
             queued     promo/en      0  queued\n\
             succeeded  promo/fr   1.05\n"
        );
        let next = shown(&mut table, &[["queued", "promo/a-long-name", "0", LONG]]);
        assert!(next.contains(LONG) && next.contains("promo/a-long-name"), "{next}");
    }

    #[test]
    fn a_terminal_gets_lines_that_use_its_width() {
        let key = "a/very/long/key/of/a/job/that/does/not/fit/en";
        let rows = [["queued", key, "0", LONG], ["queued", "b", "0", "世界".repeat(30).leak()]];
        for width in [60, 80, 120] {
            let mut table = table(Some(width));
            for page in [shown(&mut table, &rows), shown(&mut table, &rows)] {
                let lines: Vec<&str> = page.lines().collect();
                assert!(lines.iter().all(|line| line.width() <= width), "{page}");
                // A wide character may not fit into the last place.
                assert!(lines.iter().any(|line| line.width() >= width - 1), "{page}");
            }
        }
        let page = shown(&mut table(Some(80)), &rows);
        let cut =
            "queued  …/of/a/job/that/does/not/fit/en      0  queued (5 of 5 slots in use), a…\n";
        assert!(page.contains(cut), "{page}");
        let short = [["queued", "b", "0", LONG]];
        let page = shown(&mut table(Some(80)), &short);
        assert!(page.contains(&LONG[..55]), "a short key leaves its place to the reason: {page}");
    }

    #[test]
    fn control_characters_are_escaped() {
        let text = shown(&mut table(None), &[["a", "b", "0", "\u{1b}[31m red\nline"]]);
        assert!(text.contains("\\u{1b}[31m red\\nline"), "{text:?}");
        assert!(!text.contains('\u{1b}'));
    }
}
