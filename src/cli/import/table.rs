//! A table of text: its header, its rows, and the places of its errors.

use std::{collections::BTreeSet, fmt};

use csv::{ByteRecord, ReaderBuilder, Trim};

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
pub(super) struct Table {
    /// The names of the columns.
    pub(super) header: Vec<String>,
    pub(super) rows: Vec<TableRow>,
}

impl Table {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, TableError> {
        let at = |line, what: &str| TableError { line, column: None, what: what.to_owned() };
        if bytes.len() > manifest::BYTES_MAX {
            return Err(at(1, "the table is larger than a manifest can be; split it"));
        }
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut reader = ReaderBuilder::new()
            .delimiter(delimiter(bytes))
            .has_headers(false)
            .flexible(true)
            .trim(Trim::All)
            .from_reader(bytes);
        let mut table = Self { header: Vec::new(), rows: Vec::new() };
        let mut record = ByteRecord::new();
        let mut lines = Lines { bytes, at: 0, line: 1 };
        loop {
            match reader.read_byte_record(&mut record) {
                Ok(true) => table.add(&record, lines.of(&record))?,
                Ok(false) => break,
                Err(error) => return Err(at(reader.position().line(), &error.to_string())),
            }
        }
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
            cells.push(text.to_owned());
        }
        // Spreadsheets write rows of delimiters below the last row.
        if cells.iter().all(String::is_empty) && !self.header.is_empty() {
            return Ok(());
        }
        if self.header.is_empty() {
            self.header = cells;
            return Ok(());
        }
        if cells.len() != self.header.len() {
            let (cells, header) = (cells.len(), self.header.len());
            let what = format!("the row has {cells} fields, and the header has {header}");
            return Err(TableError { line, column: None, what });
        }
        self.rows.push(TableRow { line, cells });
        Ok(())
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

/// Counts the lines of a text up to its records. The crate's own count is behind after CRLF and empty lines.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    fn of(&mut self, record: &ByteRecord) -> u64 {
        let start = record.position().map_or(0, csv::Position::byte);
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        while let Some(byte) = self.bytes.get(self.at)
            && (self.at < start || matches!(byte, b'\r' | b'\n'))
        {
            self.line += u64::from(*byte == b'\n');
            self.at += 1;
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

/// Returns the delimiter that the first line has most often.
fn delimiter(bytes: &[u8]) -> u8 {
    let header = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |delimiter: u8| header.iter().filter(|byte| **byte == delimiter).count();
    // Of several that are as frequent, the last is taken: a table of one column has none.
    [b'\t', b';', b','].into_iter().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}
