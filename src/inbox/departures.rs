//! Manifests that a scan misses, jobs that have left, and folders that only seem to be empty.

use tracing::info;

use super::{diff::Differences, inbox::Inbox, pass::Pass};
use crate::{manifest::ignored_path, store::StoreError};

/// For how many `watch.rescan_interval` an unread manifest keeps missing jobs from leaving.
const UNREAD_INTERVALS: i64 = 10;

impl Inbox {
    /// Writes what this scan means for missing jobs. Jobs that an earlier scan missed long enough ago have left.
    /// Jobs of manifests that are gone are missing from now on.
    ///
    /// Writes nothing if the folder is another one and empty, such as the folder under an unmounted share.
    pub(super) async fn write_departures(
        &mut self,
        differences: &Differences,
        pass: &mut Pass,
    ) -> Result<(), StoreError> {
        let before = self.store.folder().await?;
        let is_another = before.as_ref().is_some_and(|before| *before != differences.folder_id);
        if is_another && !differences.gone.is_empty() && differences.is_empty {
            self.set_folder_problem(format!(
                "jobs_dir {} is another folder than before and has no manifests: is a share not mounted? No jobs \
                 are cancelled",
                self.settings.jobs_dir.display()
            ));
            return Ok(());
        }
        self.folder_problem = None;
        if is_another || before.is_none() {
            self.store.set_folder(&differences.folder_id).await?;
        }
        self.write_left_jobs(differences, pass).await?;
        for path in &differences.gone {
            self.write_gone(path, pass).await?;
        }
        Ok(())
    }

    pub(super) async fn write_gone(
        &mut self,
        path: &str,
        pass: &mut Pass,
    ) -> Result<(), StoreError> {
        self.index.remove(path);
        let changes = self.store.miss(path, self.moment(), self.policy()).await?;
        let missing = changes.len();
        let jobs = if missing == 1 { "job" } else { "jobs" };
        match ignored_path(path, &self.settings.ignore) {
            Some(why) => {
                info!(manifest = path, "{path}: ignored now, with {missing} {jobs}: {why}")
            }
            None => info!(manifest = path, "{path}: no longer in jobs_dir, with {missing} {jobs}"),
        }
        pass.log(&changes);
        pass.store_changed = true;
        Ok(())
    }

    /// A job has not left while a manifest is unread that appeared or changed in time: the job may be in it.
    async fn write_left_jobs(
        &mut self,
        differences: &Differences,
        pass: &mut Pass,
    ) -> Result<(), StoreError> {
        let moment = self.moment();
        let interval_ms =
            i64::try_from(self.settings.rescan_interval.as_millis()).unwrap_or(i64::MAX);
        let unread = differences.changed.iter().filter(|(_, change)| change.is_new);
        let unread_since_ms = unread.filter_map(|(path, _)| self.index.changed_at_ms(path));
        // A manifest that never settles, or that cannot be read, keeps no job for ever.
        let oldest_ms = moment.now_ms.saturating_sub(interval_ms.saturating_mul(UNREAD_INTERVALS));
        let until_ms = unread_since_ms.filter(|since_ms| *since_ms > oldest_ms).min();
        // A manifest that appeared before the clock was set back must not make jobs leave early.
        let until_ms = until_ms.unwrap_or(moment.now_ms).min(moment.now_ms);
        let missed_before_ms = until_ms.saturating_sub(interval_ms);
        let changes = self.store.orphan(missed_before_ms, moment, self.policy()).await?;
        pass.log(&changes);
        Ok(())
    }
}
