//! What the queue will cost, and how long the caps of a day make it last.

use serde::Serialize;

use crate::{
    actions::{CapPace, DAY_MS},
    cli::{
        Result, counted,
        price::{PriceReport, PriceSum, prices},
    },
    config::Config,
    store::{QueueStatus, Reader},
};

/// `status` reads no more tasks than these, so that it is as fast with a million.
const TASKS_MAX: i64 = 10_000;

/// The price of the tasks that Kling has not charged yet.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(in crate::cli) struct PriceLeft {
    #[serde(flatten)]
    pub(in crate::cli) price: PriceReport,
    /// Whether more tasks wait than these.
    pub(in crate::cli) has_more: bool,
    /// The UTC day on which the queue ends at the latest pace that the caps allow; none: unknown, or the caps do not delay it.
    pub(in crate::cli) lasts_until: Option<String>,
    #[serde(skip)]
    sum: PriceSum,
    /// None: unknown, or no cap delays the queue.
    #[serde(skip)]
    pace: Option<CapPace>,
}

impl PriceLeft {
    pub(in crate::cli) fn read(
        reader: &Reader,
        config: &Config,
        queue: &QueueStatus,
        now_ms: i64,
    ) -> Result<Option<Self>> {
        let (left, prices) = (reader.tasks_left(TASKS_MAX)?, prices(Some(reader), config)?);
        let sum = PriceSum::of_tasks_left(&left, &prices);
        if sum.tasks == 0 {
            return Ok(None);
        }
        let pace = CapPace::slowest(queue, &left, &sum);
        let until = pace.as_ref().and_then(|pace| {
            let at_ms = now_ms.saturating_add(pace.days.saturating_mul(DAY_MS));
            Some(jiff::Timestamp::from_millisecond(at_ms).ok()?.strftime("%Y-%m-%d").to_string())
        });
        let price = sum.report();
        Ok(Some(Self { price, has_more: left.has_more, lasts_until: until, sum, pace }))
    }

    /// Returns the known price in millionths of a unit, and whether the queue costs more than that.
    pub(in crate::cli) fn units_needed(&self) -> (i64, bool) {
        (self.sum.units_micro, self.has_more || self.sum.unknown_tasks > 0)
    }

    /// Returns the cap that makes the queue last longest; none: unknown, or none delays it.
    pub(super) fn pace(&self) -> Option<&CapPace> {
        self.pace.as_ref()
    }

    pub(super) fn text(&self) -> String {
        let tasks = counted(self.sum.tasks, "task");
        let of = if self.has_more { format!("the next {tasks}") } else { format!("{tasks} left") };
        let mut text = format!("{of}: {}", self.sum.text());
        if let Some((pace, until)) = self.pace.as_ref().zip(self.lasts_until.as_ref()) {
            let cap = &pace.cap;
            text += &format!("; at {cap} a day the queue lasts until about {until}");
        }
        text
    }
}
