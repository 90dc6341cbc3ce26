//! The report as a table for people. The numbers have fixed widths, because rows are written as they come.

use std::{borrow::Cow, io::Write};

use super::{
    report::{Report, name_of_rows, numbers},
    subject::Subject,
};
use crate::{
    cli::{Result, safe},
    store::{SpendBy, SpendRow},
};

/// Enough for a billion units with six decimals.
const NUMBER_WIDTH: usize = 14;

pub(super) struct TableReport<'a> {
    out: &'a mut dyn Write,
    by: &'a SpendBy,
    has_money: bool,
    is_empty: bool,
}

impl<'a> TableReport<'a> {
    pub(super) fn new(out: &'a mut dyn Write, subject: &Subject<'a>) -> Self {
        Self { out, by: subject.by, has_money: subject.has_money, is_empty: true }
    }

    /// The name is the last cell, because its width is unknown.
    fn write(&mut self, cells: &[(&str, String)], name: &str) -> Result<()> {
        for (column, cell) in cells {
            if self.has_money || !column.ends_with("money") {
                write!(self.out, "{cell:>NUMBER_WIDTH$}  ")?;
            }
        }
        Ok(writeln!(self.out, "{}", safe(name))?)
    }

    fn name<'b>(&self, row: &'b SpendRow) -> Cow<'b, str> {
        let missing = || Cow::Owned(format!("(without {})", name_of_rows(self.by)));
        row.name.as_deref().map_or_else(missing, Cow::Borrowed)
    }
}

impl Report for TableReport<'_> {
    fn row(&mut self, row: &SpendRow) -> Result<()> {
        let numbers = numbers(self.by, row);
        if self.is_empty {
            self.is_empty = false;
            let heading = |name: &str| name.replace('_', " ").to_uppercase();
            let header: Vec<_> = numbers.iter().map(|(name, _)| (*name, heading(name))).collect();
            let name = match self.by {
                SpendBy::Day | SpendBy::DayOfTasks => "DAY (UTC)".to_owned(),
                SpendBy::Manifest => "MANIFEST".to_owned(),
                SpendBy::Label(label) => format!("LABEL {label}"),
            };
            self.write(&header, &name)?;
        }
        let name = self.name(row);
        self.write(&numbers, &name)
    }

    fn end(mut self, total: &SpendRow) -> Result<()> {
        if self.is_empty {
            return Ok(());
        }
        self.write(&numbers(self.by, total), "total")
    }
}
