//! Writes a table as a manifest: one key per line, so that each line is one cell.

use serde_json::Value;

use super::table::{CsvTable, TableError, split};
use crate::manifest::Problem;

/// Values of these keys are texts, also if they look like numbers: `007` is an id.
const TEXT: [&str; 8] =
    ["id", "video", "audio", "callback_url", "external_task_id", "output", "not_before", "labels"];

/// A manifest, and which cell each of its lines comes from.
pub(super) struct Written {
    pub(super) text: String,
    /// For each line from the first: the row and the first column of its key.
    places: Vec<Option<(usize, Option<usize>)>>,
}

pub(super) fn write(table: &CsvTable) -> Written {
    let mut written = Written { text: String::new(), places: Vec::new() };
    written.line("jobs:", None);
    for (row, cells) in table.rows.iter().map(|row| &row.cells).enumerate() {
        let mut start = "  - ";
        for (column, name) in table.header.iter().enumerate() {
            let (key, part) = split(name);
            let is_first = !table.header.iter().take(column).any(|name| split(name).0 == key);
            if name.starts_with("x-") || !is_first {
                continue;
            }
            let value = match part {
                None => {
                    cells.get(column).filter(|cell| !cell.is_empty()).map(|cell| value(key, cell))
                }
                Some(_) => mapping(table, cells, key),
            };
            let Some(value) = value else { continue };
            written.line(&format!("{start}{key}: {value}"), Some((row, Some(column))));
            start = "    ";
        }
    }
    written
}

/// Returns the mapping of the parts of `key` that have a value.
fn mapping(table: &CsvTable, cells: &[String], key: &str) -> Option<String> {
    let parts = table.header.iter().zip(cells).filter_map(|(name, cell)| {
        let (its_key, part) = split(name);
        let part = part.filter(|_| its_key == key && !cell.is_empty())?;
        // An index is a number, an id is a text.
        let value = if part == "index" { plain_or_quoted(cell) } else { quoted(cell) };
        Some(format!("{}: {value}", quoted(part)))
    });
    let parts: Vec<String> = parts.collect();
    (!parts.is_empty()).then(|| format!("{{{}}}", parts.join(", ")))
}

fn value(key: &str, cell: &str) -> String {
    if TEXT.contains(&key) { quoted(cell) } else { plain_or_quoted(cell) }
}

/// Numbers and booleans are plain. Spreadsheets write TRUE and FALSE.
fn plain_or_quoted(cell: &str) -> String {
    let lower = cell.to_ascii_lowercase();
    let is_number = !cell.is_empty()
        && cell.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if matches!(lower.as_str(), "true" | "false") {
        lower
    } else if is_number {
        // `010` is ten, also for readers of older YAML.
        let (sign, digits) = cell.split_at(cell.len() - cell.trim_start_matches('-').len());
        let digits = digits.trim_start_matches('0');
        let zero = if digits.starts_with(|c: char| c.is_ascii_digit()) { "" } else { "0" };
        format!("{sign}{zero}{digits}")
    } else {
        quoted(cell)
    }
}

/// A JSON string is a YAML string.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

impl Written {
    fn line(&mut self, line: &str, place: Option<(usize, Option<usize>)>) {
        self.text.push_str(line);
        self.text.push('\n');
        self.places.push(place);
    }

    /// Returns a problem of the manifest with its place in the table.
    pub(super) fn locate(&self, problem: &Problem, table: &CsvTable) -> TableError {
        let index = problem.location.map_or(0, |location| location.line.saturating_sub(1));
        let place = usize::try_from(index).ok().and_then(|index| self.places.get(index).copied());
        let (row, column) = place.flatten().unwrap_or((0, None));
        // A missing key is reported where the job begins.
        let is_about = |column: &usize| {
            let key = table.header.get(*column).map(|name| split(name).0).unwrap_or_default();
            problem.what.starts_with(&format!("`{key}`")) || problem.what.contains(key)
        };
        let column = column.filter(is_about);
        let column =
            column.and_then(|column| Some((column + 1, table.header.get(column)?.clone())));
        let help = problem.help.as_ref().map(|help| format!(" ({})", self.in_table(help, table)));
        let help = help.unwrap_or_default();
        let line = table.rows.get(row).map_or(1, |row| row.line);
        TableError { line, column, what: format!("{}{help}", problem.what) }
    }

    /// Names the row of the table where the help names a place in the manifest.
    fn in_table(&self, help: &str, table: &CsvTable) -> String {
        let named = || {
            let (place, why) = help.strip_prefix("the first is at ")?.split_once(';')?;
            let line: usize = place.split_once(':')?.0.parse().ok()?;
            let (row, _) = (*self.places.get(line.checked_sub(1)?)?)?;
            Some(format!("the first is in line {};{why}", table.rows.get(row)?.line))
        };
        named().unwrap_or_else(|| help.to_owned())
    }
}

/// Every key of a manifest is written in one of the two ways.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_keys_of_manifests() {
        assert!(TEXT.iter().all(|key| crate::manifest::KEYS.contains(key)));
        for (cell, written) in [
            ("007", "7"),
            ("00", "0"),
            ("0.5", "0.5"),
            ("-05", "-5"),
            ("1.5s", "\"1.5s\""),
            ("", "\"\""),
        ] {
            assert_eq!(plain_or_quoted(cell), written);
        }
    }
}
