//! The report as one JSON object, one row per line.

use std::io::Write;

use serde_json::{Map, Value, json};

use super::{report::Report, subject::Subject};
use crate::{
    cli::{
        Result,
        json::line,
        text::{iso_ms, units_number},
    },
    job::Cost,
    store::{SpendBy, SpendRow},
};

pub(super) struct JsonReport<'a> {
    out: &'a mut dyn Write,
    by: &'a SpendBy,
    before: &'static str,
}

impl<'a> JsonReport<'a> {
    pub(super) fn new(out: &'a mut dyn Write, subject: &Subject<'a>) -> Result<Self> {
        let by = match subject.by {
            SpendBy::Day | SpendBy::DayOfTasks => "day".to_owned(),
            SpendBy::Manifest => "manifest".to_owned(),
            SpendBy::Label(label) => format!("label={label}"),
        };
        let (since, until) = (subject.since_ms().map(iso_ms), subject.until_ms().map(iso_ms));
        write!(
            out,
            "{{\"by\": {}, \"since\": {}, \"until\": {}, \"rows\": [",
            line(&by)?,
            line(&since)?,
            line(&until)?
        )?;
        Ok(Self { out, by: subject.by, before: "\n" })
    }

    fn numbers(&self, row: &SpendRow) -> Map<String, Value> {
        let mut object = Map::new();
        object.insert("tasks".to_owned(), json!(row.tasks));
        let mut add = |kind: &str, cost: Cost| {
            let money = Some(cost.money_micro).filter(|money_micro| *money_micro != 0);
            object.insert(format!("{kind}units"), json!(units_number(cost.units_micro)));
            object.insert(format!("{kind}money"), json!(money.map(units_number)));
        };
        if *self.by == SpendBy::Day {
            add("identify_", row.identify);
        }
        add("", row.cost);
        object
    }
}

impl Report for JsonReport<'_> {
    fn row(&mut self, row: &SpendRow) -> Result<()> {
        let mut object = self.numbers(row);
        let name = match self.by {
            SpendBy::Day | SpendBy::DayOfTasks => "day",
            SpendBy::Manifest => "manifest",
            SpendBy::Label(_) => "value",
        };
        object.insert(name.to_owned(), json!(row.name));
        write!(self.out, "{}{}", self.before, line(&object)?)?;
        self.before = ",\n";
        Ok(())
    }

    fn end(self, total: &SpendRow) -> Result<()> {
        let end = if self.before == "\n" { "" } else { "\n" };
        Ok(writeln!(self.out, "{end}], \"total\": {}}}", line(&self.numbers(total))?)?)
    }
}
