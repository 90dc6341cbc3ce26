//! The table of `lipsyncd list`.

use std::io::{self, Write};

use crate::{
    cli::{
        clock::Clock,
        table::{Column, Fit, Table},
    },
    store::JobOverview,
};

pub(super) struct JobTable {
    clock: Clock,
    on_terminal: bool,
    /// The table, and whether it has the column of outputs; set by the first page.
    table: Option<(Table, bool)>,
}

impl JobTable {
    pub(super) fn new(clock: Clock, on_terminal: bool) -> Self {
        Self { clock, on_terminal, table: None }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.table.is_none()
    }

    pub(super) fn write(&mut self, out: &mut dyn Write, jobs: &[JobOverview]) -> io::Result<()> {
        if jobs.is_empty() {
            return Ok(());
        }
        let Self { clock, on_terminal, table } = self;
        let (table, has_outputs) = table.get_or_insert_with(|| {
            let has_outputs = jobs.iter().any(|job| own_output(job).is_some());
            (Table::new(columns(clock, has_outputs), *on_terminal), has_outputs)
        });
        let rows: Vec<_> = jobs.iter().map(|job| cells(job, clock, *has_outputs)).collect();
        table.write(out, &rows)
    }
}

fn columns(clock: &Clock, has_outputs: bool) -> Vec<Column> {
    let since = format!("SINCE ({})", clock.zone_name());
    let mut columns = vec![
        Column::new("STATE", Fit::Fixed),
        Column::new(since, Fit::Fixed),
        Column::new("JOB", Fit::Start),
        Column::new("UNITS", Fit::Number),
        Column::new("REASON", Fit::End),
    ];
    columns.extend(has_outputs.then(|| Column::new("OUTPUT", Fit::Start)));
    columns
}

fn cells(job: &JobOverview, clock: &Clock, has_outputs: bool) -> Vec<String> {
    let output = own_output(job);
    let unseen = output.filter(|_| !has_outputs).map(|output| format!("output {output}"));
    let reason = clock.sentence(&reason(job, unseen)).into_owned();
    let since = clock.time(&job.state_since);
    let mut cells =
        vec![job.state.name().to_owned(), since, job.key.clone(), job.units.to_string(), reason];
    cells.extend(has_outputs.then(|| output.unwrap_or_default().to_owned()));
    cells
}

/// Returns the output of a job if it is not named by the key.
fn own_output(job: &JobOverview) -> Option<&str> {
    let is_named_by_key = job.output.strip_suffix(".mp4") == Some(&job.key);
    (!is_named_by_key).then_some(job.output.as_str())
}

fn reason(job: &JobOverview, output: Option<String>) -> String {
    let changed = job.changed_after_sent.then_some("changed after it was sent");
    let reason = job.waiting_for.as_deref().or(job.error.as_deref());
    let missing = job.watermark_missing.as_deref();
    let dismissed = job.dismissed.then_some("dismissed");
    let note = job.verdict_note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
    let verdict = job.verdict.map(|verdict| format!("{}{note}", verdict.name()));
    let all = [dismissed, changed, verdict.as_deref(), reason, missing, output.as_deref()];
    all.into_iter().flatten().collect::<Vec<_>>().join("; ")
}
