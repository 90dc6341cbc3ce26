//! Times in which an account answers no lookups, or fails them.

use lipsyncd::sim::SimConfig;

use crate::support::chance::Chance;

const HOUR_MS: i64 = 3_600_000;

/// Times in which lookups are not answered, or fail.
#[derive(Debug, Default)]
pub struct Stops {
    /// Whether the account answers queries by name at other times.
    answers_names: bool,
    stops: Vec<Stop>,
}

#[derive(Debug)]
struct Stop {
    from_ms: i64,
    until_ms: i64,
    names_unanswered: bool,
    names_fail: bool,
    lists_fail: bool,
}

impl Stops {
    pub fn draw(config: &SimConfig, chance: &Chance, began_at_ms: i64) -> Self {
        let count = if chance.happens(0.4) { chance.between(1, 4) } else { 0 };
        let stops = (0..count).map(|_| {
            let from_ms = began_at_ms + chance.between(0, 2 * HOUR_MS);
            let longest_ms = *chance.pick(&[HOUR_MS / 10, 30 * HOUR_MS]);
            let [names_unanswered, names_fail, lists_fail] = *chance.pick(&[
                [true, false, false],
                [false, true, false],
                [false, false, true],
                [false, true, true],
            ]);
            let until_ms = from_ms + chance.between(1_000, longest_ms);
            Stop { from_ms, until_ms, names_unanswered, names_fail, lists_fail }
        });
        Self { answers_names: config.answers_external_lookups, stops: stops.collect() }
    }

    /// Whether names are not answered at times.
    pub fn silence_names(&self) -> bool {
        self.stops.iter().any(|stop| stop.names_unanswered)
    }

    /// Makes the account answer as it does at this time; `ended`: nothing goes wrong any more.
    pub fn apply(&self, config: &mut SimConfig, now_ms: i64, ended: bool) {
        if self.stops.is_empty() {
            return;
        }
        let now = || {
            let stops = self.stops.iter().filter(|_| !ended);
            stops.filter(|stop| (stop.from_ms..stop.until_ms).contains(&now_ms))
        };
        config.answers_external_lookups =
            self.answers_names && !now().any(|stop| stop.names_unanswered);
        config.name_queries_fail = now().any(|stop| stop.names_fail);
        config.lists_fail = now().any(|stop| stop.lists_fail);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lookups_stop_and_start() {
        let stop = |from_ms, names_unanswered, names_fail| Stop {
            from_ms,
            until_ms: from_ms + 10,
            names_unanswered,
            names_fail,
            lists_fail: true,
        };
        let stops = vec![stop(0, true, false), stop(20, false, true)];
        let stops = Stops { answers_names: true, stops };
        assert!(stops.silence_names());
        let mut config = SimConfig::default();
        let mut at = |now_ms, ended| {
            stops.apply(&mut config, now_ms, ended);
            (config.answers_external_lookups, config.name_queries_fail, config.lists_fail)
        };
        assert_eq!(at(5, false), (false, false, true));
        assert_eq!(at(15, false), (true, false, false));
        assert_eq!(at(25, false), (true, true, true));
        assert_eq!(at(25, true), (true, false, false));
    }
}
