//! `lipsyncd manifests`: progress, price, units and errors per manifest.

use std::collections::HashSet;

use serde::Serialize;

use super::{
    CommandContext, ExitCode, Result, json, open,
    price::{PriceReport, PriceSum, prices},
    select::SelectArgs,
    table::{Column, Fit, Table},
    text::{first_line, units, units_number},
    unknown::report_unknown,
};
use crate::{
    job::PriceList,
    store::{ManifestCost, ManifestProgress, Reader, Select},
};

/// Show progress, price, units and errors per manifest
///
/// Shows the manifests that are in the folder or have jobs which are not cancelled: how many of their jobs have ended,
/// failed and need a decision, what they cost so far, and what the others will cost. With a selection, shows the
/// manifests of the selected jobs; the numbers are of all their jobs.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    lipsyncd manifests\n  \
    lipsyncd manifests --state failed,unresolved\n  \
    lipsyncd manifests --manifest 'promo/*' --json")]
pub(super) struct Args {
    #[command(flatten)]
    select: SelectArgs,
    /// Print a JSON array, one object per line, with the columns of the view manifest_overview and price_left
    #[arg(long)]
    json: bool,
}

const PAGE_SIZE: usize = 100;

/// A manifest in JSON.
#[derive(Debug, Serialize)]
struct ManifestReport<'a> {
    path: &'a str,
    state: &'a str,
    error: Option<&'a str>,
    jobs: i64,
    unfinished: i64,
    succeeded: i64,
    failed: i64,
    cancelled: i64,
    unresolved: i64,
    units: f64,
    money: Option<f64>,
    /// None: nothing is left to pay.
    price_left: Option<PriceReport>,
}

pub(super) fn run(arguments: &Args, context: &mut CommandContext<'_>) -> Result {
    let reader = open::reader(context.config)?;
    let select = arguments.select.select(open::now_ms());
    let exit = report_unknown(&reader, &select, context)?;
    let prices = prices(Some(&reader), context.config)?;
    let chosen = Chosen::of(&reader, select)?;
    let mut output = match arguments.json {
        true => Output::Json { before: "[\n" },
        false => Output::Table { table: Table::new(columns(), context.on_terminal), rows: 0 },
    };
    let mut after = String::new();
    loop {
        let page = reader.manifest_page(&after, PAGE_SIZE)?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.path);
        output.write(&reader, &prices, page.iter().filter(|it| chosen.has(&it.path)), context)?;
    }
    match output {
        Output::Json { before: "[\n" } => writeln!(context.out, "[]")?,
        Output::Json { .. } => writeln!(context.out, "\n]")?,
        Output::Table { rows: 0, .. } if exit == ExitCode::Done => {
            writeln!(context.err, "no manifests")?;
        }
        Output::Table { .. } => {}
    }
    Ok(exit)
}

/// Which manifests are shown.
enum Chosen {
    /// Those that a pattern matches; without patterns all.
    Matching(Select),
    /// Those of the selected jobs.
    Paths(HashSet<String>),
}

impl Chosen {
    fn of(reader: &Reader, select: Select) -> Result<Self> {
        let manifests = select.manifests.clone();
        let matching = Select { manifests, ..Select::default() };
        if select == matching {
            return Ok(Self::Matching(matching));
        }
        Ok(Self::Paths(reader.manifests_of(&reader.select(&select)?)?))
    }

    fn has(&self, path: &str) -> bool {
        match self {
            Self::Matching(Select { manifests, .. }) => {
                manifests.is_empty() || manifests.iter().any(|glob| glob.matches(path))
            }
            Self::Paths(paths) => paths.contains(path),
        }
    }
}

enum Output {
    Json { before: &'static str },
    Table { table: Table, rows: usize },
}

impl Output {
    fn write<'a>(
        &mut self,
        reader: &Reader,
        prices: &PriceList,
        manifests: impl Iterator<Item = &'a ManifestProgress>,
        context: &mut CommandContext<'_>,
    ) -> Result<()> {
        let mut lines = Vec::new();
        for manifest in manifests {
            let cost = reader.manifest_cost(&manifest.path)?;
            let price = PriceSum::of_tasks_left(&cost.left, prices);
            match self {
                Self::Json { before } => {
                    let line = json::line(&report(manifest, &cost, &price))?;
                    write!(context.out, "{before}{line}")?;
                    *before = ",\n";
                }
                Self::Table { rows, .. } => {
                    lines.push(cells(manifest, &cost, &price));
                    *rows += 1;
                }
            }
        }
        if let Self::Table { table, .. } = self {
            table.write(context.out, &lines)?;
        }
        Ok(())
    }
}

fn columns() -> Vec<Column> {
    vec![
        Column::new("ENDED", Fit::Number),
        Column::new("JOBS", Fit::Number),
        Column::new("FAILED", Fit::Number),
        Column::new("UNITS", Fit::Number),
        Column::new("PRICE LEFT", Fit::End),
        Column::new("MANIFEST", Fit::Start),
        Column::new("PROBLEM", Fit::End),
    ]
}

fn ended(manifest: &ManifestProgress) -> i64 {
    manifest.succeeded + manifest.failed + manifest.cancelled
}

fn cells(manifest: &ManifestProgress, cost: &ManifestCost, price: &PriceSum) -> Vec<String> {
    let decide = match manifest.unresolved {
        0 => None,
        unresolved => Some(format!("{unresolved} unresolved")),
    };
    // The path has a column of its own.
    let error = manifest.error.as_deref().map(|error| {
        let line = first_line(error);
        let place = line.strip_prefix(&*manifest.path).and_then(|rest| rest.strip_prefix(':'));
        place.unwrap_or(&line).to_owned()
    });
    let problems: Vec<String> = error.into_iter().chain(decide).collect();
    vec![
        ended(manifest).to_string(),
        manifest.jobs.to_string(),
        manifest.failed.to_string(),
        units(cost.spent.units_micro),
        if price.tasks == 0 { String::new() } else { price.text() },
        manifest.path.clone(),
        problems.join("; "),
    ]
}

fn report<'a>(
    manifest: &'a ManifestProgress,
    cost: &ManifestCost,
    price: &PriceSum,
) -> ManifestReport<'a> {
    let money = Some(cost.spent.money_micro).filter(|money_micro| *money_micro != 0);
    ManifestReport {
        path: &manifest.path,
        state: if manifest.error.is_some() { "refused" } else { "accepted" },
        error: manifest.error.as_deref(),
        jobs: manifest.jobs,
        unfinished: manifest.jobs - ended(manifest),
        succeeded: manifest.succeeded,
        failed: manifest.failed,
        cancelled: manifest.cancelled,
        unresolved: manifest.unresolved,
        units: units_number(cost.spent.units_micro),
        money: money.map(units_number),
        price_left: (price.tasks > 0).then(|| price.report()),
    }
}
