//! What an account may do beyond the API page; off unless a scenario is played with it.
//!
//! `OPTIONS=all`, or `OPTIONS=lags,late`, turns them on for `simulation::seeds`. They draw from chance of their own,
//! so that a seed without them is played as before.

use lipsyncd::sim::{KnownName, Lags, SimConfig, UnknownTask};

use crate::support::chance::Chance;

/// The lag of the quicker of list and query by name. An API that accepts a name twice must show a task in time, or
/// nobody could keep from paying twice.
const QUICK_LAG_MAX_MS: i64 = 20_000;
const SLOW_LAG_MAX_MS: i64 = 600_000;
const HOUR_MS: i64 = 3_600_000;

/// The options of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Another lag for each kind of query.
    pub lags: bool,
    /// Unknown tasks are answered with empty successes or errors; answers may carry names.
    pub unknown: bool,
    /// A known name is refused in other words.
    pub words: bool,
    /// Lookups stop, fail, and start again.
    pub stops: bool,
    /// Create requests are delivered after the client gave up.
    pub late: bool,
}

impl Options {
    pub const ALL: Self = Self { lags: true, unknown: true, words: true, stops: true, late: true };

    /// Reads the names of options with commas between them.
    pub fn named(names: &str) -> Self {
        let mut options = Self::default();
        for name in names.split(',') {
            match name {
                "all" => options = Self::ALL,
                "lags" => options.lags = true,
                "unknown" => options.unknown = true,
                "words" => options.words = true,
                "stops" => options.stops = true,
                "late" => options.late = true,
                _ => panic!("no option is called {name}"),
            }
        }
        options
    }

    /// Changes what the seed has drawn for the account.
    pub fn change(self, config: SimConfig, chance: &Chance) -> SimConfig {
        let (lags, unknown, words) = (chance.fork(), chance.fork(), chance.fork());
        let mut config = config;
        if self.lags {
            config.lags = self.draw_lags(&config, &lags);
        }
        if self.unknown {
            config.unknown_task = *unknown.pick(&UnknownTask::ALL);
            config.query_shows_external_ids = unknown.happens(0.5);
            config.list_shows_external_ids = unknown.happens(0.5);
        }
        if self.words {
            let all: Vec<_> = KnownName::all().collect();
            config.known_name = *words.pick(&all);
        }
        config
    }

    fn draw_lags(self, config: &SimConfig, chance: &Chance) -> Lags {
        let quick_ms = chance.between(0, QUICK_LAG_MAX_MS);
        let slow_ms = chance.between(quick_ms, SLOW_LAG_MAX_MS);
        let by_id_ms = Some(chance.between(0, 60_000));
        // Where names may be unanswered, only the list can show a task in time.
        let names_are_sure = config.answers_external_lookups && !self.stops;
        let is_list_slow = chance.happens(0.5) && names_are_sure;
        let (list_ms, by_name_ms) =
            if is_list_slow { (slow_ms, quick_ms) } else { (quick_ms, slow_ms) };
        Lags { by_id_ms, by_name_ms: Some(by_name_ms), list_ms: Some(list_ms) }
    }
}

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
    /// None, unless the option is on.
    pub fn draw(options: Options, config: &SimConfig, chance: &Chance, began_at_ms: i64) -> Self {
        let answers_names = config.answers_external_lookups;
        let count = if options.stops { chance.between(1, 4) } else { 0 };
        let stops = (0..count).map(|_| {
            let from_ms = began_at_ms + chance.between(0, 2 * HOUR_MS);
            let until_ms =
                from_ms + chance.between(1_000, *chance.pick(&[HOUR_MS / 10, 30 * HOUR_MS]));
            let [names_unanswered, names_fail, lists_fail] = *chance.pick(&[
                [true, false, false],
                [false, true, false],
                [false, false, true],
                [false, true, true],
            ]);
            Stop { from_ms, until_ms, names_unanswered, names_fail, lists_fail }
        });
        Self { answers_names, stops: stops.collect() }
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
    use crate::simulation::setup::account;

    fn drawn(options: Options) -> Vec<SimConfig> {
        let configs = (0..200).map(|seed| {
            let chance = Chance::new(seed);
            options.change(account(&chance, seed), &chance.fork())
        });
        configs.collect()
    }

    #[test]
    fn options_change_the_account_and_are_off_without_being_asked_for() {
        for config in drawn(Options::default()) {
            assert_eq!(
                (config.lags, config.unknown_task),
                (Lags::default(), UnknownTask::NotFound)
            );
            assert_eq!(config.known_name, KnownName::default());
            assert!(!config.query_shows_external_ids && !config.list_shows_external_ids);
        }
        let configs = drawn(Options::ALL);
        let enforced = configs.iter().filter(|config| config.unique_external_ids).count();
        assert!((70..130).contains(&enforced), "names are enforced in {enforced} of 200 seeds");
        for unknown in UnknownTask::ALL {
            assert!(configs.iter().any(|config| config.unknown_task == unknown), "{unknown:?}");
        }
        for config in &configs {
            let Lags { by_name_ms, list_ms, .. } = config.lags;
            assert!(by_name_ms.min(list_ms) <= Some(QUICK_LAG_MAX_MS));
        }
        assert_eq!(Options::named("lags,unknown,words,stops,late"), Options::named("all"));
    }

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
