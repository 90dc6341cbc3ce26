//! `lipsyncd spend`: what was paid, for bookkeeping.

mod csv_report;
mod json_report;
mod report;
mod subject;
mod table;

use std::{ops::Range, str::FromStr};

use super::{
    CommandContext, CommandError, ExitCode, Result, open, select::OriginArgs, text,
    unknown::report_unknown,
};
use crate::{
    actions::{DAY_MS, When},
    store::{Reader, Select, SelectedJobs, SpendBy, SpendRow},
};

use csv_report::CsvReport;
use json_report::JsonReport;
use report::Report;
use subject::{END_MS, START_MS, Subject};
use table::TableReport;

/// Show what was paid, by day, manifest or label
///
/// Counts units and, on accounts that pay from a balance, money, and the tasks that Kling accepted. Days are UTC. A
/// task belongs to the time of its create request. By manifest or label, or of selected jobs, a task counts with the Identify Face calls
/// made for it, at the job that was first to ask for it. Nothing is ever deleted from these figures.
///
/// WHEN is a duration such as `2h` or `7d`, `today`, `yesterday`, a day such as `2026-11-01`, or a month such as
/// `2026-11`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    lipsyncd spend --since 7d\n  \
    lipsyncd spend --since 2026-11 --until 2026-11 --by manifest\n  \
    lipsyncd spend --manifest 'promo/*' --since 7d\n  \
    lipsyncd spend --since yesterday --by label=customer --csv > customers.csv")]
pub(super) struct Args {
    /// Only from this time on; a day or month from its beginning [default: everything]
    #[arg(long, value_name = "WHEN")]
    since: Option<When>,
    /// Only before this time; a day or month to its end
    #[arg(long, value_name = "WHEN")]
    until: Option<When>,
    /// What makes a row: day, manifest, or label=NAME (the values of that label)
    #[arg(long, value_name = "BY", default_value = "day")]
    by: By,
    #[command(flatten)]
    origin: OriginArgs,
    /// Print one JSON object: by, since, until, rows and total
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print CSV with a header, without a total
    #[arg(long)]
    csv: bool,
}

#[derive(Debug, Clone)]
struct By(SpendBy);

impl FromStr for By {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            None if text == "day" => Ok(Self(SpendBy::Day)),
            None if text == "manifest" => Ok(Self(SpendBy::Manifest)),
            Some(("label", name)) if !name.is_empty() => Ok(Self(SpendBy::Label(name.to_owned()))),
            _ => Err("allowed: `day`, `manifest`, or `label=NAME`".to_owned()),
        }
    }
}

pub(super) fn run(arguments: &Args, context: &mut CommandContext<'_>) -> Result {
    let reader = open::reader(context.config)?;
    let period_ms = arguments.period_ms(open::now_ms())?;
    let select = arguments.origin.select();
    report_unknown(&reader, &select, context)?;
    let only = if select == Select::all() { None } else { Some(reader.select(&select)?) };
    let by = match &arguments.by.0 {
        SpendBy::Day if only.is_some() => &SpendBy::DayOfTasks,
        by => by,
    };
    let subject = Subject { by, period_ms, has_money: reader.spent_in_all()?.money_micro != 0 };
    let source = Source { reader: &reader, only: only.as_ref() };
    note_complete_days(&subject, context)?;
    let out = &mut *context.out;
    if arguments.json {
        write(&source, &subject, JsonReport::new(out, &subject)?)?;
    } else if arguments.csv {
        write(&source, &subject, CsvReport::new(out, &subject)?)?;
    } else if write(&source, &subject, TableReport::new(out, &subject))? == 0 {
        writeln!(context.err, "nothing was paid")?;
    }
    Ok(ExitCode::Done)
}

impl Args {
    fn period_ms(&self, now_ms: i64) -> Result<Range<i64>> {
        let start_ms = self.since.map_or(START_MS, |since| since.period_ms(now_ms).start);
        // `--until 2h` means before the last two hours.
        let end_ms = self.until.map_or(END_MS, |until| match until {
            When::Ago(_) => until.period_ms(now_ms).start,
            _ => until.period_ms(now_ms).end,
        });
        if start_ms >= end_ms {
            let (since, until) = (text::time(start_ms), text::time(end_ms));
            let error = format!("--since ({since}) is not before --until ({until})");
            return Err(CommandError::new(ExitCode::Usage, error)
                .hint(format!("each is {}", When::ALLOWED)));
        }
        Ok(start_ms..end_ms)
    }
}

/// Days are not divided.
fn note_complete_days(subject: &Subject<'_>, context: &mut CommandContext<'_>) -> Result<()> {
    let is_inside = |at_ms: &i64| at_ms.rem_euclid(DAY_MS) != 0;
    if *subject.by == SpendBy::Day
        && [subject.period_ms.start, subject.period_ms.end].iter().any(is_inside)
    {
        writeln!(
            context.err,
            "note: days are UTC and complete; `--by manifest` counts from the exact time"
        )?;
    }
    Ok(())
}

/// What is counted: everything, or the tasks of some jobs.
struct Source<'a> {
    reader: &'a Reader,
    only: Option<&'a SelectedJobs>,
}

/// Writes the rows one by one, and returns their number.
fn write(source: &Source<'_>, subject: &Subject<'_>, mut report: impl Report) -> Result<u64> {
    let (mut rows, mut total) = (0, SpendRow::default());
    source.reader.spend(subject.by, &subject.period_ms, source.only, |row| {
        rows += 1;
        total.tasks = total.tasks.saturating_add(row.tasks);
        total.identify = total.identify.plus(row.identify);
        total.cost = total.cost.plus(row.cost);
        report.row(&row)
    })?;
    report.end(&total)?;
    Ok(rows)
}
