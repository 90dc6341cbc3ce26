//! Times in which an account does not answer lookups, or answers them with errors.

use lipsyncd::sim::SimConfig;

use crate::support::chance::Chance;

const HOUR_MS: i64 = 3_600_000;

#[derive(Debug, Default)]
pub struct LookupOutages {
    /// Whether the account answers queries by name at other times.
    answers_names: bool,
    outages: Vec<LookupOutage>,
}

#[derive(Debug)]
struct LookupOutage {
    from_ms: i64,
    until_ms: i64,
    names_unanswered: bool,
    names_fail: bool,
    lists_fail: bool,
}

impl LookupOutages {
    pub fn draw(config: &SimConfig, chance: &Chance, began_at_ms: i64) -> Self {
        let count = if chance.happens(0.4) { chance.between(1, 4) } else { 0 };
        let outages = (0..count).map(|_| {
            let from_ms = began_at_ms + chance.between(0, 2 * HOUR_MS);
            let longest_ms = *chance.pick(&[HOUR_MS / 10, 30 * HOUR_MS]);
            let [names_unanswered, names_fail, lists_fail] = *chance.pick(&[
                [true, false, false],
                [false, true, false],
                [false, false, true],
                [false, true, true],
            ]);
            let until_ms = from_ms + chance.between(1_000, longest_ms);
            LookupOutage { from_ms, until_ms, names_unanswered, names_fail, lists_fail }
        });
        Self { answers_names: config.answers_external_lookups, outages: outages.collect() }
    }

    /// Whether the account sometimes does not answer names.
    pub fn has_unanswered_names(&self) -> bool {
        self.outages.iter().any(|outage| outage.names_unanswered)
    }

    /// Makes the account answer as at this time. `ended`: without outages.
    pub fn apply(&self, config: &mut SimConfig, now_ms: i64, ended: bool) {
        if self.outages.is_empty() {
            return;
        }
        let now = || {
            let outages = self.outages.iter().filter(|_| !ended);
            outages.filter(|outage| (outage.from_ms..outage.until_ms).contains(&now_ms))
        };
        config.answers_external_lookups =
            self.answers_names && !now().any(|outage| outage.names_unanswered);
        config.name_queries_fail = now().any(|outage| outage.names_fail);
        config.lists_fail = now().any(|outage| outage.lists_fail);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outages_begin_and_end() {
        let outage = |from_ms, names_unanswered, names_fail| LookupOutage {
            from_ms,
            until_ms: from_ms + 10,
            names_unanswered,
            names_fail,
            lists_fail: true,
        };
        let outages = vec![outage(0, true, false), outage(20, false, true)];
        let outages = LookupOutages { answers_names: true, outages };
        assert!(outages.has_unanswered_names());
        let mut config = SimConfig::default();
        let mut at = |now_ms, ended| {
            outages.apply(&mut config, now_ms, ended);
            (config.answers_external_lookups, config.name_queries_fail, config.lists_fail)
        };
        assert_eq!(at(5, false), (false, false, true));
        assert_eq!(at(15, false), (true, false, false));
        assert_eq!(at(25, false), (true, true, true));
        assert_eq!(at(25, true), (true, false, false));
    }
}
