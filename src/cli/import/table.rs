//! A table of text: its header, its rows, and the places of its errors.

use std::{collections::BTreeSet, fmt, io::Read as _};

use csv::{ByteRecord, ReaderBuilder, Trim};

use super::super::counted;
use crate::manifest::{self, problem::did_you_mean};

/// Keys whose value can be a mapping, with the names of its parts; none: any name.
const PARTS: [(&str, Option<&[&str]>); 4] = [
    ("video", Some(&["url", "file", "id"])),
    ("audio", Some(&["url", "file", "id"])),
    ("face", Some(&["index", "id"])),
    ("labels", None),
];

/// A problem of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableError {
    /// The line at which the row starts, from 1.
    pub(super) line: u64,
    /// The column, from 1, and its name.
    pub(super) column: Option<(usize, String)>,
    pub(super) what: String,
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.line)?;
        match &self.column {
            Some((column, name)) if name.is_empty() => write!(f, "column {column}: ")?,
            Some((column, name)) => write!(f, "column {column} ({name}): ")?,
            None => {}
        }
        f.write_str(&self.what)
    }
}

/// A row with the line at which it starts.
#[derive(Debug)]
pub(super) struct TableRow {
    pub(super) line: u64,
    pub(super) cells: Vec<String>,
}

#[derive(Debug)]
pub(super) struct CsvTable {
    /// The names of the columns.
    pub(super) header: Vec<String>,
    pub(super) rows: Vec<TableRow>,
}

impl CsvTable {
    /// Reads a table, or returns the errors of all rows.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Vec<TableError>> {
        let at = |line, what: &str| vec![TableError { line, column: None, what: what.to_owned() }];
        let (delimiter, start) = delimiter(bytes);
        // The record after the last one is swallowed by a quotation mark that is not closed.
        let input = bytes.get(start..).unwrap_or_default().chain(END);
        let mut reader = ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .trim(Trim::All)
            .from_reader(input);
        let mut table = Self { header: Vec::new(), rows: Vec::new() };
        let mut errors = Vec::new();
        let mut record = ByteRecord::new();
        let mut lines = Lines { bytes, start, at: 0, line: 1 };
        loop {
            match reader.read_byte_record(&mut record) {
                Ok(true) if record == [END.trim_ascii()][..] => break,
                Ok(true) if record.iter().any(|cell| cell.ends_with(END)) => {
                    let what = "a quotation mark (\") in this row is not closed: the rest of the table is one cell";
                    return Err(at(lines.of(&record), what));
                }
                Ok(true) => {
                    errors.extend(table.add(&record, lines.of(&record)).err());
                    // Without the header, the next row would be taken as the header.
                    if table.header.is_empty() && !errors.is_empty() {
                        break;
                    }
                }
                Ok(false) => break,
                Err(error) => return Err(at(reader.position().line(), &error.to_string())),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        table.drop_empty_columns();
        if table.header.is_empty() {
            let what =
                "the table is empty: its first row names manifest keys, such as id,video,audio";
            return Err(at(1, what));
        }
        if table.rows.is_empty() {
            return Err(at(1, "the table has no rows below its header"));
        }
        Ok(table)
    }

    fn add(&mut self, record: &ByteRecord, line: u64) -> Result<(), TableError> {
        let mut cells = Vec::new();
        for (index, cell) in record.iter().enumerate() {
            let Ok(text) = str::from_utf8(cell) else {
                let name = self.header.get(index).cloned().unwrap_or_default();
                let what = "the text is not UTF-8; save the table as \"CSV UTF-8\"".to_owned();
                return Err(TableError { line, column: Some((index + 1, name)), what });
            };
            // A spreadsheet also has spaces that are not ASCII.
            cells.push(text.trim().to_owned());
        }
        // Spreadsheets write rows of delimiters below the last row.
        if cells.iter().all(String::is_empty) && !self.header.is_empty() {
            return Ok(());
        }
        if self.header.is_empty() {
            self.header = cells;
            return Ok(());
        }
        // A row may end with more delimiters than the header.
        while cells.len() > self.header.len() && cells.pop_if(|cell| cell.is_empty()).is_some() {}
        if cells.len() != self.header.len() {
            let fields = counted(i64::try_from(cells.len()).unwrap_or(i64::MAX), "field");
            let header = self.header.len();
            let what = format!(
                "the row has {fields}, and the header has {header}; a text with the delimiter in it needs quotation \
                 marks"
            );
            return Err(TableError { line, column: None, what });
        }
        let checked = self.header.iter().zip(&cells).enumerate();
        for (index, (name, cell)) in checked.filter(|(_, (name, _))| !name.starts_with("x-")) {
            if let Some(what) = damage(name, cell) {
                return Err(TableError { line, column: Some((index + 1, name.clone())), what });
            }
        }
        self.rows.push(TableRow { line, cells });
        Ok(())
    }

    /// Removes columns without a name and without any value, which spreadsheets write after the last column.
    fn drop_empty_columns(&mut self) {
        while self.header.last().is_some_and(String::is_empty)
            && self.rows.iter().all(|row| row.cells.last().is_some_and(String::is_empty))
        {
            self.header.pop();
            for row in &mut self.rows {
                row.cells.pop();
            }
        }
    }

    /// Reports names that are no manifest keys.
    pub(super) fn check_header(&self) -> Result<(), Vec<TableError>> {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut errors = Vec::new();
        for (index, name) in self.header.iter().enumerate() {
            let (key, part) = split(name);
            let what = if name.is_empty() {
                Some("the column has no name".to_owned())
            } else if name.starts_with("x-") {
                None
            } else if !seen.insert(name) {
                Some(format!("the key `{name}` is repeated"))
            } else if part.is_some() && seen.contains(key) {
                Some(format!("`{key}` and `{name}` cannot both be columns"))
            } else {
                unknown(name)
            };
            let error =
                |what| TableError { line: 1, column: Some((index + 1, String::new())), what };
            errors.extend(what.map(error));
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }
}

/// Returns what a spreadsheet did to a value that is a text.
fn damage(name: &str, cell: &str) -> Option<String> {
    let is_label = split(name).0 == "labels";
    if let Some(control) = cell.chars().find(|c| c.is_control() && !(is_label && *c == '\n')) {
        let what = match control {
            '\n' | '\r' => {
                "the cell has several lines; a quotation mark (\") may be missing".to_owned()
            }
            other => format!("the cell contains a control character (U+{:04X})", u32::from(other)),
        };
        return Some(what);
    }
    let (digits, exponent) = cell.split_once("E+")?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_shortened = is_number(&digits.replacen(['.', ','], "", 1)) && is_number(exponent);
    is_shortened.then(|| {
        format!("the spreadsheet shortened a number to `{cell}`; format the column as text")
    })
}

/// A record after the last one of the table.
const END: &[u8] = b"\n\x03";

/// Counts the lines of a text up to its records. The crate's own count is behind after CRLF and empty lines.
struct Lines<'a> {
    bytes: &'a [u8],
    /// Where the first record begins.
    start: usize,
    at: usize,
    line: u64,
}

impl Lines<'_> {
    fn of(&mut self, record: &ByteRecord) -> u64 {
        let start = record.position().map_or(0, csv::Position::byte);
        let start = usize::try_from(start).unwrap_or(usize::MAX).saturating_add(self.start);
        while let Some(byte) = self.bytes.get(self.at)
            && (self.at < start || matches!(byte, b'\r' | b'\n'))
        {
            self.at += 1;
            // Old programs for the Mac end lines with CR alone.
            let is_end =
                *byte == b'\n' || *byte == b'\r' && self.bytes.get(self.at) != Some(&b'\n');
            self.line += u64::from(is_end);
        }
        self.line
    }
}

/// Returns the key of a column, and the part of its value.
pub(super) fn split(name: &str) -> (&str, Option<&str>) {
    match name.split_once('.') {
        Some((key, part)) => (key, Some(part)),
        None => (name, None),
    }
}

/// Returns what is wrong with the name of a column.
fn unknown(name: &str) -> Option<String> {
    let (key, part) = split(name);
    let hint = |word: &str, known: Vec<&'static str>| {
        did_you_mean(word, known.iter().copied())
            .unwrap_or_else(|| format!("known here: {}", known.join(", ")))
    };
    if !manifest::KEYS.contains(&key) {
        return Some(format!("unknown key `{key}`; {}", hint(key, manifest::KEYS.to_vec())));
    }
    let parts = PARTS.iter().find(|(known, _)| *known == key).map(|(_, parts)| parts);
    match (part, parts) {
        (None, Some(None)) => {
            Some(format!("`{key}` needs a name in each column, such as `{key}.language`"))
        }
        (None, _) | (Some(_), Some(None)) => None,
        (Some(part), Some(Some(known))) if !known.contains(&part) => {
            Some(format!("unknown key `{name}`; {}", hint(part, known.to_vec())))
        }
        (Some(_), Some(Some(_))) => None,
        (Some(_), None) => Some(format!("unknown key `{name}`: `{key}` has no parts")),
    }
}

/// Returns the delimiter, and where the header begins. The delimiter is the one that the first line has most often, or
/// the one that a first line such as `sep=;` names, as Excel reads it.
fn delimiter(bytes: &[u8]) -> (u8, usize) {
    let header = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if let [b's', b'e', b'p', b'=', delimiter @ (b'\t' | b';' | b',' | b'|')] =
        header.trim_ascii_end()
    {
        return (*delimiter, (header.len() + 1).min(bytes.len()));
    }
    let count = |delimiter: u8| header.iter().filter(|byte| **byte == delimiter).count();
    // Of several that are as frequent, the last is taken: a table of one column has none.
    let known = [b'\t', b';', b','];
    (known.into_iter().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b','), 0)
}
