//! How an account answers lookups: in which styles, how late it shows a task, how it answers for an unknown task, and in
//! which words it refuses a known name.
//!
//! The world stays fair. What lipsyncd promises holds as far as Kling shows a task by its name or in the list within
//! `create_settle` after the client gave up. So a create request arrives within [`ARRIVES_MAX_MS`], and the quicker of
//! the two shows its task within [`SHOWN_MAX_MS`] more. The slower one may take any time, with one exception: an account
//! that answers "not found" to every name shows a task in the list in time, because its answers look like true ones while
//! it has no other task. A database is lost or restored only where names are answered within a minute, and after all
//! earlier requests are shown: two databases learn of each other only from Kling. An account that shows no name for a
//! minute counts as one that does not answer names.

use lipsyncd::sim::{DuplicateNameError, Lags, LookupStyles, SimConfig, UnknownTask};

use super::lookup_outages::LookupOutages;
use crate::support::chance::Chance;

/// `kling.create_settle`, as it is by default.
pub const CREATE_SETTLE_MS: i64 = 90_000;
/// A create request arrives this long after its client gave up or died, or never.
pub const ARRIVES_MAX_MS: i64 = 65_000;
/// The quicker of list and query by name shows a task within this time.
pub const SHOWN_MAX_MS: i64 = 20_000;
/// And the slower one within this time.
const SHOWN_LATE_MAX_MS: i64 = 600_000;
/// The limit of queries by name where two databases learn of each other by names.
const NAME_SHOWN_MAX_MS: i64 = 50_000;
const _: () = assert!(ARRIVES_MAX_MS + SHOWN_MAX_MS < CREATE_SETTLE_MS);

/// Draws how the account answers lookups.
pub fn draw(
    config: SimConfig,
    outages: &LookupOutages,
    may_lose_database: bool,
    chance: &Chance,
) -> SimConfig {
    let mut config = config;
    config.lookup_styles = *chance.pick(&[
        LookupStyles::IN_PATH,
        LookupStyles::IN_PATH,
        LookupStyles::ON_LIST_PATH,
        LookupStyles::PATH_WITH_FLAG,
        LookupStyles { in_path: true, on_list_path: true, path_with_flag: true },
    ]);
    if chance.happens(0.6) {
        config.unknown_task = *chance.pick(&UnknownTask::ALL);
    }
    config.query_shows_external_ids = chance.happens(0.5);
    // Only the name in it distinguishes an answer on the list path from the list itself.
    let is_by_list = config.lookup_styles == LookupStyles::ON_LIST_PATH;
    config.list_shows_external_ids = chance.happens(0.5) || is_by_list;
    config.shows_sent_videos = chance.happens(0.9);
    let words: Vec<_> = DuplicateNameError::all().collect();
    config.duplicate_name = *chance.pick(&words);
    config.lags = lags(&config, outages, chance);
    if may_lose_database {
        config.lags.by_name_ms = config.lags.by_name_ms.min(Some(NAME_SHOWN_MAX_MS));
    }
    config
}

fn lags(config: &SimConfig, outages: &LookupOutages, chance: &Chance) -> Lags {
    let quick_ms = chance.between(0, SHOWN_MAX_MS);
    let slow_ms = match chance.happens(0.5) {
        true => chance.between(quick_ms, SHOWN_LATE_MAX_MS),
        false => quick_ms,
    };
    let is_list_slow = chance.happens(0.6) && may_list_be_slow(config, outages);
    let (list_ms, by_name_ms) =
        if is_list_slow { (slow_ms, quick_ms) } else { (quick_ms, slow_ms) };
    Lags {
        by_id_ms: Some(chance.between(0, 60_000)),
        by_name_ms: Some(by_name_ms),
        list_ms: Some(list_ms),
    }
}

/// Either names show a task in time, or no answer to a name can be mistaken for an absence.
fn may_list_be_slow(config: &SimConfig, outages: &LookupOutages) -> bool {
    match config.answers_external_lookups {
        true => !outages.has_unanswered_names(),
        false => config.unknown_task != UnknownTask::NotFound,
    }
}

/// So long after a create request was sent, its task is shown by name and by the list.
pub fn all_shown_ms(config: &SimConfig) -> i64 {
    let Lags { by_name_ms, list_ms, .. } = config.lags;
    ARRIVES_MAX_MS + by_name_ms.max(list_ms).unwrap_or(0)
}

/// An account in words, for the history of a seed.
pub fn described(config: &SimConfig) -> String {
    let SimConfig { lookup_styles, unknown_task, lags, duplicate_name, .. } = config;
    let (odd, gone) = (config.odd_answers, config.gone_session);
    let names = match config.answers_external_lookups {
        true => format!("{lookup_styles:?}"),
        false => "are not answered".to_owned(),
    };
    let shown = (config.query_shows_external_ids, config.list_shows_external_ids);
    let (enforced, videos) = (config.unique_external_ids, config.shows_sent_videos);
    format!(
        "account: names {names}, enforced {enforced} ({duplicate_name:?}), shown {shown:?}, videos {videos}, \
         unknown {unknown_task:?}, {lags:?}, {odd:?}, {gone:?}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::setup::account;

    #[test]
    fn accounts_differ_in_all_that_nobody_documents() {
        let configs: Vec<(SimConfig, LookupOutages)> = (0..200)
            .map(|seed| {
                let chance = Chance::new(seed);
                let config = account(&chance, seed);
                let outages = LookupOutages::draw(&config, &chance, 0);
                (draw(config, &outages, false, &chance), outages)
            })
            .collect();
        let count = |is: &dyn Fn(&SimConfig) -> bool| configs.iter().filter(|it| is(&it.0)).count();
        let enforced = count(&|config| config.unique_external_ids);
        assert!((70..130).contains(&enforced), "names are enforced in {enforced} of 200 seeds");
        for unknown in UnknownTask::ALL {
            assert!(count(&|config| config.unknown_task == unknown) > 0, "{unknown:?}");
        }
        for styles in
            [LookupStyles::IN_PATH, LookupStyles::ON_LIST_PATH, LookupStyles::PATH_WITH_FLAG]
        {
            assert!(count(&|config| config.lookup_styles == styles) > 0, "{styles:?}");
        }
        for (Lags { by_name_ms, list_ms, .. }, config, outages) in
            configs.iter().map(|(config, outages)| (config.lags, config, outages))
        {
            assert!(by_name_ms.min(list_ms) <= Some(SHOWN_MAX_MS));
            let is_list_quick = list_ms <= Some(SHOWN_MAX_MS);
            assert!(is_list_quick || may_list_be_slow(config, outages));
        }
    }
}
