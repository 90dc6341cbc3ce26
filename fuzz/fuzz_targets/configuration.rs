//! Any bytes as a configuration: problems with locations in the text, or usable settings.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lipsyncd::config::fuzzing::read;
use lipsyncd_fuzz::problems_fit;

fuzz_target!(|bytes: &[u8]| {
    match read(bytes) {
        Err(problems) => problems_fit(&problems, bytes),
        Ok(config) => {
            assert!((1..=1_000).contains(&config.limits.concurrency));
            assert!((1..=64).contains(&config.download.concurrency));
            let limits = &config.limits;
            for pace in
                [limits.identify_per_second, limits.create_per_second, limits.query_per_second]
            {
                assert!(pace > 0.0 && pace <= 1_000.0);
            }
            assert!(limits.units_per_day_micro.is_none_or(|micro| micro >= 0));
            assert!(config.kling.base_url.path().ends_with('/'));
            assert!(config.poll.min_interval <= config.poll.max_interval);
            assert!(config.retry.initial <= config.retry.max);
        }
    }
});
