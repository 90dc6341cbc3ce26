//! What a seed draws: the account and the settings of the daemon.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};

use lipsyncd::{
    job::{AssumedPrices, Caps, Policy},
    media::Locator,
    metrics::Metrics,
    pipeline::{Offload, RateSettings, Settings},
    sim::{ApiKey, OddAnswers, Payment, SessionGoneError, SimConfig},
};

use super::{
    folder,
    hosts::{AccountRef, KEYS},
    lookups::CREATE_SETTLE_MS,
};
use crate::support::chance::Chance;

const HOUR_MS: i64 = 3_600_000;

/// A folder in memory, if the machine has one.
pub fn fast_temp_dir() -> PathBuf {
    let shared = PathBuf::from("/dev/shm");
    if shared.is_dir() { shared } else { std::env::temp_dir() }
}

/// How the account behaves.
pub fn account(chance: &Chance, seed: u64) -> SimConfig {
    let low_ms = chance.between(1_000, 200_000);
    SimConfig {
        bearer_token: Some(KEYS[0].to_owned()),
        more_keys: vec![ApiKey::token(0, KEYS[1])],
        concurrency: usize::try_from(chance.between(1, 6)).unwrap(),
        identify_per_second: Some(u32::try_from(chance.between(1, 5)).unwrap()),
        create_per_second: Some(u32::try_from(chance.between(1, 5)).unwrap()),
        query_per_second: chance.happens(0.3).then_some(2),
        task_ms: (low_ms, low_ms + chance.between(0, 200_000)),
        session_ttl_ms: *chance.pick(&[600_000, 24 * HOUR_MS]),
        answers_external_lookups: chance.happens(0.7),
        unique_external_ids: chance.happens(0.5),
        min_result_bytes: 2_000,
        seed,
        ..SimConfig::default()
    }
}

/// Makes the answers of some accounts odd. A stream of its own, so that it does not shift what the seed draws otherwise.
pub fn with_odd_answers(config: SimConfig, seed: u64) -> SimConfig {
    let chance = Chance::new(seed.rotate_left(32));
    if !chance.happens(0.4) {
        return config;
    }
    let odd_answers = OddAnswers {
        types: chance.happens(0.6),
        status_words: chance.happens(0.6),
        video_without_url: chance.happens(0.6),
        no_parent_video: chance.happens(0.2),
    };
    let words: Vec<_> = SessionGoneError::all().collect();
    SimConfig { odd_answers, gone_session: *chance.pick(&words), ..config }
}

/// Makes some accounts pay from a balance. A stream of its own, too.
pub fn with_payment(config: SimConfig, seed: u64) -> SimConfig {
    let chance = Chance::new(!seed.rotate_left(16));
    let payments = [Payment::Units, Payment::Units, Payment::Balance, Payment::BalanceAlone];
    SimConfig { payment: *chance.pick(&payments), ..config }
}

/// The settings of the daemon.
pub fn settings(chance: &Chance, root: PathBuf, output_dir: PathBuf) -> Settings {
    let per_second = |chance: &Chance| *chance.pick(&[1.0, 2.0, 10.0]);
    Settings {
        account: AccountRef::default().account(),
        policy: Policy {
            retry_initial_ms: 1_000,
            retry_max_ms: 300_000,
            give_up_after_ms: 24 * HOUR_MS,
            create_settle_ms: CREATE_SETTLE_MS,
        },
        session_ttl_ms: 23 * HOUR_MS,
        slots: usize::try_from(chance.between(1, 5)).unwrap(),
        rate: RateSettings {
            identify_per_second: per_second(chance),
            create_per_second: per_second(chance),
            query_per_second: per_second(chance),
        },
        caps: Caps {
            units_micro: chance.happens(0.2).then(|| chance.between(4, 20) * 1_000_000),
            money_micro: None,
        },
        assumed_prices: AssumedPrices::default(),
        poll_min_ms: 2_000,
        poll_max_ms: 30_000,
        probe_interval_ms: 60_000,
        downloads: usize::try_from(chance.between(1, 4)).unwrap(),
        download_bytes_max: 1 << 20,
        output_dir,
        locator: Locator {
            jobs_dir: root.join(folder::JOBS),
            media_dirs: vec![root.join(folder::MEDIA)],
        },
        uploads: None,
        video_links: None,
        uploads_at_once: 1,
        offload: Offload::threads(),
        is_scanned: Arc::new(AtomicBool::new(false)),
        metrics: Metrics::new(),
    }
}
