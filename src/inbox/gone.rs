//! Manifests that left the folder, and folders that only seem to be empty.

use tracing::{info, warn};

use super::{
    differ::Differences,
    keep::{Inbox, Pass},
};
use crate::store::{Change, StoreError};

impl Inbox {
    /// What was in the folder and is not, is gone: unless the folder could not be seen, or is
    /// another one, such as the empty folder under a share that is not mounted.
    pub(super) async fn remove_gone(
        &mut self,
        differences: &Differences,
        pass: &mut Pass,
    ) -> Result<(), StoreError> {
        let gone = &differences.gone;
        let before = self.store.folder().await?;
        let another = before.as_ref().is_some_and(|before| *before != differences.folder_id);
        if another && !gone.is_empty() && differences.is_empty {
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
        for path in gone {
            self.known.remove(path);
            self.forget(path);
            let policy = self.settings.policy.clone();
            let changes = self.store.remove(path, (self.moment)(), policy).await?;
            let cancelled = changes.len();
            let jobs = if cancelled == 1 { "job" } else { "jobs" };
            info!(
                manifest = &**path,
                cancelled, "{path}: left the folder, {cancelled} {jobs} cancelled"
            );
            changes.iter().for_each(Change::log);
            pass.changed = true;
        }
        Ok(())
    }

    pub(super) fn complain(&mut self, what: String) {
        if self.complaint.as_ref() != Some(&what) {
            warn!("{what}");
        }
        self.complaint = Some(what);
    }
}
