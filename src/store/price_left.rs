//! The lengths of the tasks that Kling has not charged yet, from which their price is computed.

use std::collections::{BTreeMap, HashSet};

use super::{Reader, StoreError, price::used_audio_ms, sql::Sql as _};
use crate::job::Length;

/// The first tasks that were not charged yet. Reading all tasks of a long queue would take too long.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TasksLeft {
    /// How many of them have these lengths.
    pub by_length: BTreeMap<Length, i64>,
    /// How many videos of them were not identified yet.
    pub videos: i64,
    /// Whether there are more.
    pub has_more: bool,
}

pub(super) const LEFT: &str = concat!(
    "SELECT ",
    used_audio_ms!(),
    ", video_ms, CASE WHEN state IN ('queued', 'waiting') THEN coalesce(video_sha256 || ' ' || coalesce(video_url, ''), video) END
    FROM task INDEXED BY task_state
    WHERE state IN ('creating', 'submitted', 'processing', 'identified', 'queued', 'waiting') LIMIT ?1"
);

impl Reader {
    /// Returns the first `limit` tasks that were not charged yet.
    pub fn tasks_left(&self, limit: i64) -> Result<TasksLeft, StoreError> {
        let mut left = TasksLeft::default();
        let mut statement = self.connection.prepare_cached(LEFT)?;
        let mut rows = statement.query([limit])?;
        let (mut videos, mut tasks) = (HashSet::new(), 0);
        while let Some(row) = rows.next()? {
            let length = Length::of_ms(row.get(0)?, row.get(1)?);
            *left.by_length.entry(length).or_default() += 1;
            if let Some(video) = row.get::<_, Option<String>>(2)? {
                videos.insert(video);
            }
            tasks += 1;
        }
        left.videos = i64::try_from(videos.len()).unwrap_or(i64::MAX);
        left.has_more = tasks == limit;
        Ok(left)
    }

    /// Whether Kling has accepted a task of this request, and of this take, if one is named. Then another job of the
    /// request costs nothing.
    pub fn is_paid(&self, request_hash: &str, take: Option<u32>) -> Result<bool, StoreError> {
        let sql = "
            SELECT 1 FROM task WHERE request_hash = ?1 AND take = coalesce(?2, take) AND task_id IS NOT NULL
              AND (?2 IS NOT NULL OR state <> 'failed')";
        self.connection.exists(sql, (request_hash, take))
    }
}
