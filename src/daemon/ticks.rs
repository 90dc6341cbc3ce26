//! The common timer of the checks that the daemon makes all the time: an idle daemon wakes up once for all of them.

use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

/// Counts time from its creation.
pub(super) struct Ticks {
    began: Instant,
}

impl Ticks {
    pub(super) fn new() -> Self {
        Self { began: Instant::now() }
    }

    /// Returns the ticks of a check: the first is now, the others are at multiples of `every`. A check that took longer
    /// than `every` is made again at once.
    pub(super) fn every(&self, every: Duration) -> Interval {
        let mut ticks = interval_at(self.began, every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        ticks
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        join,
        time::{advance, sleep},
    };

    use super::*;

    const EVERY: Duration = Duration::from_millis(500);

    /// Returns when two checks are made, in ms from the start.
    async fn checks_ms(timer: &Ticks, start_ms: u64, every: Duration) -> [u128; 2] {
        sleep(Duration::from_millis(start_ms)).await;
        let mut ticks = timer.every(every);
        ticks.tick().await;
        let first_ms = timer.began.elapsed().as_millis();
        ticks.tick().await;
        [first_ms, timer.began.elapsed().as_millis()]
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_check_is_at_once_and_later_ones_are_made_together() {
        let timer = Ticks::new();
        let checks_ms = |start_ms, every| checks_ms(&timer, start_ms, every);
        let made_ms = join!(checks_ms(1, EVERY), checks_ms(499, EVERY), checks_ms(3, EVERY * 4));
        assert_eq!(made_ms, ([1, 500], [499, 500], [3, 2_000]));
    }

    #[tokio::test(start_paused = true)]
    async fn checks_that_were_missed_are_not_made_up_for() {
        let timer = Ticks::new();
        let mut ticks = timer.every(EVERY);
        ticks.tick().await;
        advance(EVERY * 7 / 2).await;
        for expected in [EVERY * 7 / 2, EVERY * 4] {
            ticks.tick().await;
            assert_eq!(timer.began.elapsed(), expected);
        }
    }
}
