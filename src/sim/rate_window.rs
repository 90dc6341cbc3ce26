//! Rate limits: how many calls of a kind one second allows.
//!
//! A sliding window: no second has more calls than the limit, wherever it starts. A refused call does not count.

use std::collections::VecDeque;

const WINDOW_MS: i64 = 1_000;

/// The calls of the last second.
#[derive(Debug, Default)]
pub(super) struct RateWindow(VecDeque<i64>);

impl RateWindow {
    /// Counts a call, or returns false if the limit is reached.
    pub(super) fn admits(&mut self, now_ms: i64, limit: Option<u32>) -> bool {
        let Some(limit) = limit else { return true };
        while self.0.front().is_some_and(|at_ms| now_ms - at_ms >= WINDOW_MS) {
            self.0.pop_front();
        }
        if self.0.len() >= limit as usize {
            return false;
        }
        self.0.push_back(now_ms);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_has_more_calls_than_the_limit() {
        let mut pace = RateWindow::default();
        let admitted: Vec<_> = [0, 10, 20, 999, 1000, 1005, 1010]
            .into_iter()
            .filter(|at_ms| pace.admits(*at_ms, Some(2)))
            .collect();
        assert_eq!(admitted, [0, 10, 1000, 1010]);
        assert!((0..1000).all(|_| pace.admits(2000, None)));
        assert!(!pace.admits(5000, Some(0)));
    }
}
