//! Writing a job that was changed, and what follows for the task that it left.

use super::Sharing;
use crate::{
    job::Job,
    store::{StoreError, job_row, job_row::JobRow, record::add_event},
};

impl Sharing<'_> {
    /// Writes a job that was changed in memory, and `what` happened to it into its history. The task that it pointed to
    /// `before` is released.
    pub(in crate::store) fn save(
        &self,
        row: &mut JobRow,
        before: &Job,
        what: &str,
    ) -> Result<(), StoreError> {
        let (job, now_ms) = (&mut row.job, self.moment.now_ms);
        job_row::save(self.connection, job, row.manifest_id, now_ms)?;
        add_event(self.connection, job.id, Some(before.state), job.state, what, None, now_ms)?;
        match before.task.filter(|left| job.task != Some(*left)) {
            Some(left) => self.release(left, job.id),
            None => Ok(()),
        }
    }
}
