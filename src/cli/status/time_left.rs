//! How long the jobs that need a slot will take: by the measured rate and by the caps of a day, rounded to what is known.

use super::price_left::PriceLeft;
use crate::{
    job::State,
    store::{QueueStatus, SpeedLimit},
};

/// The states in which a job still needs a slot, or has one. Not `waiting`, because its media may never come, and not
/// `downloading`, which needs no slot.
const STATES_BEFORE_DOWNLOAD: [State; 5] =
    [State::Queued, State::Identified, State::Creating, State::Submitted, State::Processing];

/// The measured rate counts after so many finished jobs. Before, the usual time of a task and the slots count, unless
/// something else limits the speed.
const FINISHED_MIN: i64 = 10;
const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;
const MINUTE_MS: i64 = 60_000;

/// How long the queue will take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TimeLeft {
    pub(super) ms: i64,
    /// Caps of a day make it last that long.
    pub(super) is_by_cap: bool,
}

impl TimeLeft {
    /// Estimates the time left at `now_ms` (Unix time). None if it is unknown, if nothing is left, while the queue is
    /// paused, held for another reason than a cap, the API has a problem, or the output folder is not writable.
    pub(super) fn of(queue: &QueueStatus, price: Option<&PriceLeft>, now_ms: i64) -> Option<Self> {
        let ahead = queue.count(&STATES_BEFORE_DOWNLOAD);
        if ahead == 0 || queue.pause.is_some() || queue.api_problem.is_some() {
            return None;
        }
        let days = price.and_then(PriceLeft::days);
        let by_cap = days.map(|days| {
            let tomorrow_ms = DAY_MS - now_ms.rem_euclid(DAY_MS);
            (days - 1).saturating_mul(DAY_MS).saturating_add(tomorrow_ms)
        });
        let by_cap = by_cap.map(|ms| Self { ms, is_by_cap: true });
        if queue.hold.is_some() || queue.blocked.is_some() {
            return by_cap.filter(|_| queue.blocked.is_none());
        }
        let by_rate = ms_by_rate(queue, ahead).map(|ms| Self { ms, is_by_cap: false });
        by_rate.into_iter().chain(by_cap).max_by_key(|left| left.ms)
    }

    /// Formats the time with no more digits than are known: `50s`, `20m`, `3h`, `2 days`.
    pub(super) fn text(self) -> String {
        let rounded = |unit_ms: i64| (self.ms.saturating_add(unit_ms / 2) / unit_ms).max(1);
        match self.ms {
            ms if ms < 2 * MINUTE_MS => format!("{}s", rounded(10_000) * 10),
            ms if ms < 10 * MINUTE_MS => format!("{}m", rounded(MINUTE_MS)),
            ms if ms < 2 * HOUR_MS => format!("{}m", rounded(5 * MINUTE_MS) * 5),
            ms if ms < 2 * DAY_MS => format!("{}h", rounded(HOUR_MS)),
            _ => format!("{} days", rounded(DAY_MS)),
        }
    }
}

fn ms_by_rate(queue: &QueueStatus, ahead: i64) -> Option<i64> {
    let slots = queue.slots_limit.max(1);
    let median_ms = queue.median_task_ms;
    // Slots say nothing about the time where something else is scarcer.
    let only_slots = queue.speed_limit().is_none_or(|limit| limit == SpeedLimit::Slots);
    let by_slots = median_ms.filter(|_| only_slots);
    let by_slots = by_slots.map(|ms| ((ahead + slots - 1) / slots).saturating_mul(ms));
    let per_minute = queue
        .finished
        .per_minute()
        .filter(|rate| *rate > 0.0 && queue.finished.jobs >= FINISHED_MIN);
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "an estimate")]
    let measured = per_minute.map(|rate| (ahead as f64 / rate * MINUTE_MS as f64) as i64);
    // The last tasks take as long as any.
    measured.map(|ms| ms.max(median_ms.unwrap_or(0))).or(by_slots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_digits_than_are_known() {
        let text = |ms| TimeLeft { ms, is_by_cap: false }.text();
        let shown =
            [1, 14_000, 118_000, 200_000, 20 * 60_000, 47 * 60_000, 5 * HOUR_MS + 1, 9 * DAY_MS];
        let expected = ["10s", "10s", "120s", "3m", "20m", "45m", "5h", "9 days"];
        assert_eq!(shown.map(text), expected);
    }
}
