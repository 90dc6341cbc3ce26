//! The report as CSV (RFC 4180).

use std::io::Write;

use csv::{Terminator, Writer, WriterBuilder};

use super::{
    report::{Report, name_of_rows, numbers},
    subject::Subject,
};
use crate::{
    cli::{CommandError, Result},
    store::{SpendBy, SpendRow},
};

pub(super) struct CsvReport<'a> {
    writer: Writer<&'a mut dyn Write>,
    by: &'a SpendBy,
}

impl<'a> CsvReport<'a> {
    pub(super) fn new(out: &'a mut dyn Write, subject: &Subject<'a>) -> Result<Self> {
        let writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(out);
        let mut report = Self { writer, by: subject.by };
        let header = numbers(report.by, &SpendRow::default()).into_iter().map(|(name, _)| name);
        report.write([name_of_rows(report.by)].into_iter().chain(header))?;
        Ok(report)
    }

    fn write<T: AsRef<[u8]>>(&mut self, record: impl IntoIterator<Item = T>) -> Result<()> {
        self.writer.write_record(record).map_err(failed)
    }
}

impl Report for CsvReport<'_> {
    fn row(&mut self, row: &SpendRow) -> Result<()> {
        let name = row.name.clone().unwrap_or_default();
        let numbers = numbers(self.by, row).into_iter().map(|(_, number)| number);
        self.write([name].into_iter().chain(numbers))
    }

    fn end(mut self, _: &SpendRow) -> Result<()> {
        Ok(self.writer.flush()?)
    }
}

fn failed(error: csv::Error) -> CommandError {
    std::io::Error::from(error).into()
}
