//! How long the jobs that need a slot will take: by the measured rate and by the caps of a day, rounded to what is known.

use super::{DAY_MS, PriceSum, units};
use crate::{
    job::State,
    store::{QueueStatus, SpeedLimit, TasksLeft},
};

/// The cap of a day that makes the queue last longest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapPace {
    /// On which day after today the queue ends at the latest pace that the caps allow.
    pub days: i64,
    /// The cap: `400 units`.
    pub cap: String,
}

impl CapPace {
    /// Returns the cap that makes the queue last longest; `left` and `sum`: the tasks of the queue, and their price. None:
    /// no cap delays it, or its price is not completely known.
    pub fn slowest(queue: &QueueStatus, left: &TasksLeft, sum: &PriceSum) -> Option<Self> {
        if left.has_more || sum.unknown_tasks > 0 {
            return None;
        }
        let of_units =
            (queue.caps.units_micro, queue.spent_today.units_micro, sum.units_micro, "units");
        let of_money =
            (queue.caps.money_micro, queue.spent_today.money_micro, sum.money_micro, "in money");
        let paces = [of_units, of_money].into_iter().filter_map(|(cap, spent, left, unit)| {
            let cap = cap.filter(|cap| *cap > 0)?;
            let after_today = left.saturating_sub(cap.saturating_sub(spent).max(0));
            let days = after_today.saturating_add(cap - 1) / cap;
            (days > 0).then(|| Self { days, cap: format!("{} {unit}", units(cap)) })
        });
        paces.max_by_key(|pace| pace.days)
    }
}

/// The states in which a job still needs a slot, or has one. Not `waiting`, because its media may never come, and not
/// `downloading`, which needs no slot.
const STATES_BEFORE_DOWNLOAD: [State; 5] =
    [State::Queued, State::Identified, State::Creating, State::Submitted, State::Processing];

/// The measured rate counts after so many finished jobs. Before, the usual time of a task and the slots count, unless
/// something else limits the speed.
const FINISHED_MIN: i64 = 10;
const HOUR_MS: i64 = 3_600_000;
const MINUTE_MS: i64 = 60_000;

/// How long the queue will take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeLeft {
    /// In ms.
    pub ms: i64,
    /// Caps of a day make it last that long.
    pub is_by_cap: bool,
}

impl TimeLeft {
    /// Estimates the time left at `now_ms` (Unix time); `pace`: as far as it is known. None if it is unknown, if nothing is
    /// left, while the queue is paused, held for another reason than a cap, the API has a problem, or the output folder is
    /// not writable.
    pub fn of(queue: &QueueStatus, pace: Option<&CapPace>, now_ms: i64) -> Option<Self> {
        let ahead = queue.count(&STATES_BEFORE_DOWNLOAD);
        if ahead == 0 || queue.pause.is_some() || queue.api_problem.is_some() {
            return None;
        }
        let by_cap = pace.map(|pace| {
            let tomorrow_ms = DAY_MS - now_ms.rem_euclid(DAY_MS);
            (pace.days - 1).saturating_mul(DAY_MS).saturating_add(tomorrow_ms)
        });
        let by_cap = by_cap.map(|ms| Self { ms, is_by_cap: true });
        if queue.hold.is_some() || queue.blocked.is_some() {
            return by_cap.filter(|_| queue.blocked.is_none());
        }
        let by_rate = ms_by_rate(queue, ahead).map(|ms| Self { ms, is_by_cap: false });
        by_rate.into_iter().chain(by_cap).max_by_key(|left| left.ms)
    }

    /// Formats the time with no more digits than are known: `50s`, `20m`, `3h`, `2 days`.
    pub fn text(self) -> String {
        let rounded = |unit_ms: i64| (self.ms.saturating_add(unit_ms / 2) / unit_ms).max(1);
        match self.ms {
            ms if ms < 2 * MINUTE_MS => format!("{}s", rounded(10_000) * 10),
            ms if ms < 10 * MINUTE_MS => format!("{}m", rounded(MINUTE_MS)),
            ms if ms < 2 * HOUR_MS => format!("{}m", rounded(5 * MINUTE_MS) * 5),
            ms if ms < 2 * DAY_MS => format!("{}h", rounded(HOUR_MS)),
            _ => format!("{} days", rounded(DAY_MS)),
        }
    }

    /// Describes the time: `about 3h`, `about 2 days, as the daily budget allows`.
    pub fn sentence(self) -> String {
        let why = if self.is_by_cap { ", as the daily budget allows" } else { "" };
        format!("about {}{why}", self.text())
    }
}

fn ms_by_rate(queue: &QueueStatus, ahead: i64) -> Option<i64> {
    let slots = queue.slots_limit.max(1);
    let median_ms = queue.median_task_ms;
    // Slots say nothing about the time where something else is scarcer, or where they stay free although tasks wait for
    // them: just after a start, nothing else is known yet.
    let only_slots = queue.speed_limit().is_none_or(|limit| limit == SpeedLimit::Slots);
    let are_used = queue.slots_used >= slots.min(ahead);
    let by_slots = median_ms.filter(|_| only_slots && are_used);
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
