//! The row numbers of jobs and tasks in the state database.

/// The row of a job. It never changes.
pub type JobId = i64;

/// The row of a task. It never changes.
pub type TaskId = i64;
