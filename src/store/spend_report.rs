//! What was paid in a period, by day, manifest or label: for bookkeeping. Rows are read one by one.

use std::ops::Range;

use rusqlite::{Row, named_params};

use super::{Reader, SelectedJobs, StoreError, spend, sql::bind_known};
use crate::job::Cost;

/// What makes the rows of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpendBy {
    /// The UTC day, with all Identify Face calls.
    Day,
    /// The UTC day of the create requests: tasks with the Identify Face calls made for them.
    DayOfTasks,
    /// The manifest of the first job of each task.
    Manifest,
    /// The value of this label of the first job of each task.
    Label(String),
}

/// What was paid for one day, manifest or value of a label.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpendRow {
    /// The day, the path of the manifest, or the value; none: the job lacks the label.
    pub name: Option<String>,
    /// Tasks that Kling accepted.
    pub tasks: i64,
    /// Of `cost`, what Identify Face cost; only by day.
    pub identify: Cost,
    /// Everything.
    pub cost: Cost,
}

const BY_DAY: &str = "
    SELECT day, tasks, identify_micro, identify_money_micro,
      identify_micro + task_micro, identify_money_micro + task_money_micro
    FROM spend
    WHERE day >= strftime('%Y-%m-%d', :start / 1000.0, 'unixepoch')
      AND day <= strftime('%Y-%m-%d', (:end - 1) / 1000.0, 'unixepoch')
    ORDER BY day";

/// A task counts at its create request, as in `spend`; one that was adopted or never sent, when it was first read. A
/// cost that makes no sense must not overflow a sum.
const BY_TASKS: &str = "
    SELECT {name}, count(t.task_id), 0, 0, sum(min(t.units_micro, 1000000000000000)),
      sum(min(t.money_micro, 1000000000000000))
    FROM task t {join}
    WHERE coalesce(t.sent_at_ms, t.created_at_ms) >= :start AND coalesce(t.sent_at_ms, t.created_at_ms) < :end
      AND (t.task_id IS NOT NULL OR t.units_micro <> 0 OR t.money_micro <> 0) {only}
    GROUP BY 1 ORDER BY 1";

impl SpendBy {
    fn sql(&self, only: Option<&SelectedJobs>) -> String {
        let (name, join) = match self {
            Self::Day => return BY_DAY.to_owned(),
            Self::DayOfTasks => (
                "strftime('%Y-%m-%d', coalesce(t.sent_at_ms, t.created_at_ms) / 1000.0, 'unixepoch')",
                "",
            ),
            Self::Manifest => (
                "m.path",
                "JOIN job j ON j.id = t.lead_job JOIN manifest m ON m.id = j.manifest_id",
            ),
            Self::Label(_) => {
                ("l.value", "LEFT JOIN label l ON l.job_id = t.lead_job AND l.name = :label")
            }
        };
        let only = only.map(|jobs| {
            let conditions = jobs.conditions();
            format!("AND EXISTS (SELECT 1 FROM job j WHERE j.id = t.lead_job{conditions})")
        });
        BY_TASKS
            .replace("{name}", name)
            .replace("{join}", join)
            .replace("{only}", &only.unwrap_or_default())
    }
}

impl Reader {
    /// Calls `visit` with each row of the period (Unix ms), in order. By [`SpendBy::Day`], all days
    /// that it touches are complete, and all jobs count; otherwise only the tasks of the jobs of `only`.
    pub fn spend<E: From<StoreError>>(
        &self,
        by: &SpendBy,
        period_ms: &Range<i64>,
        only: Option<&SelectedJobs>,
        mut visit: impl FnMut(SpendRow) -> Result<(), E>,
    ) -> Result<(), E> {
        let failed = |error| E::from(StoreError::from(error));
        let mut statement = self.connection.prepare_cached(&by.sql(only)).map_err(failed)?;
        let label = match by {
            SpendBy::Label(label) => Some(label),
            _ => None,
        };
        let own =
            named_params! { ":start": period_ms.start, ":end": period_ms.end, ":label": label };
        bind_known(&mut statement, own).map_err(failed)?;
        if let Some(jobs) = only {
            bind_known(&mut statement, &jobs.bound()).map_err(failed)?;
        }
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(failed)? {
            visit(read(row).map_err(failed)?)?;
        }
        Ok(())
    }

    /// Returns everything that was ever paid.
    pub fn spent_in_all(&self) -> Result<Cost, StoreError> {
        spend::in_all(&self.connection)
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<SpendRow> {
    let cost = |at: usize| -> rusqlite::Result<Cost> {
        Ok(Cost { units_micro: row.get(at)?, money_micro: row.get(at + 1)? })
    };
    Ok(SpendRow { name: row.get(0)?, tasks: row.get(1)?, identify: cost(2)?, cost: cost(4)? })
}
