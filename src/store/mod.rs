//! The state database, and the only place with SQL. `schema.sql` describes what is stored and why.
//!
//! The store decides nothing about tasks: it writes transitions, and refuses them if the task changed since it was read.

mod account;
mod backup;
mod budget;
mod candidate;
mod change;
mod checkup;
mod command;
mod daemon_state;
mod database_problem;
mod delivery;
mod earlier;
mod error;
mod event;
mod find;
mod handle;
mod history_text;
mod hold;
mod incomplete_download;
mod job_row;
mod job_state;
mod listing;
mod local_video;
mod lock;
mod manifest_row;
mod manifests;
mod media_queue;
mod metrics_snapshot;
mod never_arrived;
mod notification;
mod notification_row;
mod open;
mod pause;
mod price;
mod price_left;
mod queue;
mod queue_status;
mod reason;
mod reconcile;
mod reconciled;
mod record;
mod remaining;
mod resource_pack;
mod retention;
mod select;
mod session;
mod sharing;
mod spec_columns;

mod spend;
mod spend_report;
mod sql;
mod take;
mod task_row;
mod transition;
mod upload;
mod wanted;
mod watermark;
mod worker;

#[cfg(test)]
mod tests;

pub use crate::offload::SimulationHook;
pub use account::Lookups;
pub use backup::{BackupError, BackupReport, back_up};
pub use budget::BudgetNumbers;
pub use candidate::{Candidate, ListScan};
pub use change::{HistoryPosition, JobChange, OtherChanges};
pub use checkup::{IntegrityCheck, OpenTask};
pub use command::{Command, CommandFailure};
pub use delivery::{DueDelivery, MovedFile};
pub use error::StoreError;
pub use event::{ApiCall, HistoryAnswer};
pub use handle::{Reader, Store};
pub use hold::{Hold, HoldKind};
pub use incomplete_download::{IncompleteDownload, KeptDownload};
pub use job_state::{JobState, ResendRisk};
pub use listing::{HistoryEntry, JobDetail, JobOverview, JobPage};
pub use lock::{Lock, LockError, LockHolder, lock_holder};
pub use manifest_row::StoredManifest;
pub use media_queue::{MediaScope, StoredJob};
pub use metrics_snapshot::MetricsSnapshot;
pub use notification::NotificationProblems;
pub use notification_row::{FailureGroup, Notification};
pub use open::{VERSION, open_reader};
pub use pause::{OpenCreates, Pause, PauseKind};
pub use price_left::TasksLeft;
pub use queue_status::{ApiProblem, QueueStatus, RateLimit, RefusedManifest};
pub use reconciled::{Conflict, Reconciled};
pub use remaining::{Remaining, SupersededTasks};
pub use resource_pack::{PackStatus, StoredPack};
pub use select::{
    ManifestGlob, PageEnd, Select, SelectedJobs, SelectedPage, SelectedPages, SortBy,
};
pub use session::SessionFaces;
pub use spend_report::{SpendBy, SpendRow};
pub use take::DetachReason;
pub use upload::{UploadProblem, UploadStatus};
pub use wanted::{AcceptedManifest, OnChange, RUN_AT_ONCE_MAX, WantedJob};
pub use watermark::{MissingWatermarks, WatermarkOutcome, WatermarkTries};
