//! Manifests that a scan misses, jobs that have left, and folders that only seem to be empty.

use tracing::{info, warn};

use super::{
    diff::Differences,
    inbox::{Inbox, Pass},
};
use crate::store::{JobChange, StoreError};

impl Inbox {
    /// Writes what this scan means for jobs that are missing: those that an earlier scan missed long enough ago
    /// have left, and what was in the folder and is not is missing from now on. Nothing of it where the folder is
    /// another one and empty, such as the folder under a share that is not mounted.
    pub(super) async fn remove_gone(
        &mut self,
        differences: &Differences,
        pass: &mut Pass,
    ) -> Result<(), StoreError> {
        let before = self.store.folder().await?;
        let another = before.as_ref().is_some_and(|before| *before != differences.folder_id);
        if another && !differences.gone.is_empty() && differences.is_empty {
            self.complain(format!(
                "jobs_dir {} is another folder than before, and holds no manifest: is a share not \
                 mounted? Nothing is cancelled",
                self.settings.jobs_dir.display()
            ));
            return Ok(());
        }
        self.complaint = None;
        if another || before.is_none() {
            self.store.set_folder(&differences.folder_id).await?;
        }
        self.leave(pass).await?;
        for path in &differences.gone {
            self.known.remove(path);
            self.forget(path);
            let policy = self.settings.policy.clone();
            let changes = self.store.miss(path, (self.moment)(), policy).await?;
            let missing = changes.len();
            let jobs = if missing == 1 { "job" } else { "jobs" };
            info!(manifest = &**path, "{path}: no longer in the folder, with {missing} {jobs}");
            changes.iter().for_each(JobChange::log);
            pass.changed = true;
        }
        Ok(())
    }

    async fn leave(&mut self, pass: &mut Pass) -> Result<(), StoreError> {
        let moment = (self.moment)();
        let interval_ms =
            i64::try_from(self.settings.rescan_interval.as_millis()).unwrap_or(i64::MAX);
        let missed_before_ms = moment.now_ms.saturating_sub(interval_ms);
        let policy = self.settings.policy.clone();
        let changes = self.store.leave(missed_before_ms, moment, policy).await?;
        pass.changed |= !changes.is_empty();
        changes.iter().for_each(JobChange::log);
        Ok(())
    }

    pub(super) fn complain(&mut self, what: String) {
        if self.complaint.as_ref() != Some(&what) {
            warn!("{what}");
        }
        self.complaint = Some(what);
    }
}
