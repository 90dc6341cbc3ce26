//! The data that `status` shows, and its shape in JSON.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Serialize;

use super::{
    next_command::NextCommand,
    packs_report::PacksReport,
    price_left::PriceLeft,
    problem_reports::{
        BlockedReport, FoldersReport, ProblemReport, SupersededReport, UndeliveredReport,
        UnsentReport, UploadReport,
    },
    rate_report::RateReport,
};
use crate::{
    actions::TimeLeft,
    cli::{
        Result,
        text::{iso_ms, units_number},
    },
    config::Config,
    job::State,
    store::{LockHolder, Pause, QueueStatus, Reader, lock_holder},
};

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct StatusReport {
    pub(super) jobs: BTreeMap<State, i64>,
    /// Jobs whose request changed after their task was created.
    pub(super) changed_after_sent: i64,
    /// Failed jobs that a person dismissed; `jobs` does not count them.
    pub(super) dismissed: i64,
    pub(super) manifests: ManifestCounts,
    pub(super) slots: SlotCounts,
    pub(super) pause: Option<PauseReport>,
    pub(super) held_reason: Option<String>,
    pub(super) api_problem: Option<ProblemReport>,
    /// How fast jobs finish, and what limits it.
    pub(super) rate: RateReport,
    /// Uploads of local videos, while any is in progress or held.
    pub(super) uploads: Option<UploadReport>,
    /// Why `jobs_dir` cannot be scanned.
    pub(super) folder_problem: Option<String>,
    /// Folders in `jobs_dir` that cannot be read.
    pub(super) unreadable_folders: Option<FoldersReport>,
    /// Why local videos cannot be served to the API.
    pub(super) video_server_problem: Option<String>,
    /// Why results may not be downloaded from this machine.
    pub(super) result_hosts_problem: Option<String>,
    pub(super) blocked: Option<BlockedReport>,
    /// Unresolved tasks that no job points to any more; `jobs` does not count them.
    pub(super) superseded: Option<SupersededReport>,
    /// Jobs whose paid result does not come to its file.
    pub(super) undelivered: Option<UndeliveredReport>,
    /// Jobs that have their result and lack the watermarked copy.
    pub(super) watermarks_missing: i64,
    /// Messages of `notify` that could not be sent.
    pub(super) notifications: Option<UnsentReport>,
    pub(super) units: UnitTotals,
    pub(super) money: MoneyTotals,
    /// The account's resource packs.
    pub(super) packs: Option<PacksReport>,
    /// The price of the tasks that were not charged yet; none: there are none.
    pub(super) price_left: Option<PriceLeft>,
    pub(super) eta_seconds: Option<i64>,
    pub(super) daemon: DaemonReport,
    /// What a person should do next, the most urgent first; `next` adds it.
    pub(super) needs_you: Vec<NextCommand>,
    #[serde(skip)]
    pub(super) time_left: Option<TimeLeft>,
    #[serde(skip)]
    pub(super) queue: QueueStatus,
    #[serde(skip)]
    pub(super) now_ms: i64,
    #[serde(skip)]
    pub(super) setup: LocalSetup,
}

/// What the suggested commands depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LocalSetup {
    pub(super) start: String,
    pub(super) jobs_dir: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct ManifestCounts {
    pub(super) accepted: i64,
    pub(super) refused: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct SlotCounts {
    pub(super) used: i64,
    pub(super) limit: i64,
    pub(super) configured: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct PauseReport {
    pub(super) kind: &'static str,
    pub(super) reason: String,
    pub(super) code: Option<i64>,
    pub(super) since: String,
    pub(super) next_probe: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct UnitTotals {
    pub(super) today: f64,
    pub(super) total: f64,
    pub(super) cap: Option<f64>,
}

/// What an account that pays from a balance was charged; 0 for others.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct MoneyTotals {
    pub(super) today: f64,
    pub(super) total: f64,
    pub(super) cap: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct DaemonReport {
    pub(super) running: bool,
    pub(super) pid: Option<u32>,
    pub(super) since: Option<String>,
    /// Why the daemon cannot write the state database at the moment.
    pub(super) problem: Option<String>,
}

impl StatusReport {
    /// Reads the report for `now_ms` (Unix time); `start` is the command that starts the daemon.
    pub(super) fn read(reader: &Reader, config: &Config, start: &str, now_ms: i64) -> Result<Self> {
        let setup = LocalSetup { start: start.to_owned(), jobs_dir: config.jobs_dir.clone() };
        let queue = reader.queue_status(now_ms)?;
        let price_left = PriceLeft::read(reader, config, &queue, now_ms)?;
        let report = Self::of(queue, lock_holder(&config.state_db), now_ms, setup);
        Ok(report.with_price(price_left))
    }

    /// Adds the price of the queue, and the time that the caps of a day need for it.
    fn with_price(mut self, price_left: Option<PriceLeft>) -> Self {
        self.time_left =
            TimeLeft::of(&self.queue, price_left.as_ref().and_then(PriceLeft::pace), self.now_ms);
        self.eta_seconds = self.time_left.map(|left| left.ms.saturating_add(999) / 1000);
        Self { price_left, ..self }
    }

    /// Builds the report; `holder` is the running daemon, if any.
    pub(super) fn of(
        queue: QueueStatus,
        holder: Option<LockHolder>,
        now_ms: i64,
        setup: LocalSetup,
    ) -> Self {
        Self {
            jobs: queue.jobs.clone(),
            changed_after_sent: queue.changed_after_sent,
            dismissed: queue.dismissed,
            manifests: ManifestCounts {
                accepted: queue.manifests_accepted,
                refused: queue.manifests_refused,
            },
            slots: SlotCounts {
                used: queue.slots_used,
                limit: queue.slots_limit,
                configured: queue.slots_configured,
            },
            pause: queue.pause.as_ref().map(PauseReport::of),
            held_reason: queue.hold.clone(),
            // A daemon that ended may have left its last problem in the database.
            api_problem: queue.api_problem.as_ref().filter(|_| holder.is_some()).map(|problem| {
                ProblemReport { reason: problem.reason.clone(), since: iso_ms(problem.since_ms) }
            }),
            rate: RateReport::of(&queue, holder.is_some()),
            uploads: UploadReport::of(&queue.uploads).filter(|_| holder.is_some()),
            folder_problem: queue.folder_problem.clone().filter(|_| holder.is_some()),
            unreadable_folders: queue
                .unreadable_folders
                .as_ref()
                .filter(|_| holder.is_some())
                .map(FoldersReport::of),
            video_server_problem: queue.video_server_problem.clone().filter(|_| holder.is_some()),
            result_hosts_problem: queue.result_hosts_problem.clone().filter(|_| holder.is_some()),
            blocked: queue
                .blocked
                .as_ref()
                .map(|(jobs, reason)| BlockedReport { jobs: *jobs, reason: reason.clone() }),
            superseded: SupersededReport::of(&queue.superseded),
            undelivered: queue.undelivered.as_ref().map(UndeliveredReport::of),
            watermarks_missing: queue.missing_watermarks.jobs,
            notifications: UnsentReport::of(&queue.notifications),
            units: UnitTotals {
                today: units_number(queue.spent_today.units_micro),
                total: units_number(queue.spent_total.units_micro),
                cap: queue.caps.units_micro.map(units_number),
            },
            money: MoneyTotals {
                today: units_number(queue.spent_today.money_micro),
                total: units_number(queue.spent_total.money_micro),
                cap: queue.caps.money_micro.map(units_number),
            },
            packs: PacksReport::of(&queue.packs, now_ms),
            price_left: None,
            eta_seconds: None,
            daemon: DaemonReport::of(&queue, holder),
            needs_you: Vec::new(),
            time_left: None,
            queue,
            now_ms,
            setup,
        }
        .with_price(None)
    }

    /// Returns how many jobs have ended, and how many there are; cancelled jobs are in neither.
    pub(super) fn progress(&self) -> (i64, i64) {
        let ended = self.queue.count(&[State::Succeeded, State::Failed]);
        let all = State::ALL.into_iter().filter(|state| *state != State::Cancelled);
        (ended, self.queue.count(&all.collect::<Vec<_>>()))
    }
}

impl PauseReport {
    fn of(pause: &Pause) -> Self {
        Self {
            kind: pause.kind.name(),
            reason: pause.reason.clone(),
            code: pause.code,
            since: iso_ms(pause.since_ms),
            next_probe: pause.next_probe_at_ms.map(iso_ms),
        }
    }
}

impl DaemonReport {
    fn of(queue: &QueueStatus, holder: Option<LockHolder>) -> Self {
        let Some(holder) = holder else {
            return Self { running: false, pid: None, since: None, problem: None };
        };
        let pid = Some(holder.pid).filter(|pid| *pid > 0).or(queue.daemon_pid);
        // A daemon that has just taken its lock has not stored its start yet.
        let is_stored = pid == queue.daemon_pid;
        let since = queue.daemon_since_ms.filter(|_| is_stored).map(iso_ms);
        Self { running: true, pid, since, problem: holder.problem }
    }
}
