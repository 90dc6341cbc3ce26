//! Writes a changed job, and releases the task that it left.

use super::Sharing;
use crate::{
    job::Job,
    store::{StoreError, event::record_change, job_row, job_row::JobRow},
};

impl Sharing<'_> {
    /// Writes a job that was changed in memory, and `what` happened into its history. Releases the task that the job
    /// pointed to `before`.
    pub(in crate::store) fn save(
        &self,
        row: &mut JobRow,
        before: &Job,
        what: &str,
    ) -> Result<(), StoreError> {
        let (job, now_ms) = (&mut row.job, self.moment.now_ms);
        job_row::save(self.connection, job, row.manifest_id, now_ms)?;
        record_change(self.connection, job, Some(before.state), what, now_ms)?;
        match before.task.filter(|left| job.task != Some(*left)) {
            Some(left) => self.release(left, job.id),
            None => Ok(()),
        }
    }
}
