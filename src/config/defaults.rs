//! The default of every setting. A test compares them with `lipsyncd.example.yaml`.

use std::time::Duration;

use url::Url;

use super::settings::{
    Config, DownloadConfig, KlingConfig, LimitsConfig, LogConfig, MediaConfig, MetricsConfig,
    OnChangeSetting, PauseConfig, PollConfig, RetentionConfig, RetryConfig, WatchConfig,
};

impl Default for Config {
    fn default() -> Self {
        Self {
            jobs_dir: "jobs".into(),
            output_dir: "output".into(),
            state_db: "lipsyncd.db".into(),
            watch: WatchConfig::default(),
            media: MediaConfig::default(),
            kling: KlingConfig::default(),
            limits: LimitsConfig::default(),
            poll: PollConfig::default(),
            retry: RetryConfig::default(),
            pause: PauseConfig::default(),
            download: DownloadConfig::default(),
            retention: RetentionConfig::default(),
            metrics: MetricsConfig::default(),
            log: LogConfig::default(),
        }
    }
}

impl Default for WatchConfig {
    fn default() -> Self {
        Self {
            settle: Duration::from_secs(1),
            on_change: OnChangeSetting::Flag,
            rescan_interval: Duration::from_secs(30),
        }
    }
}

impl Default for KlingConfig {
    fn default() -> Self {
        #[expect(clippy::expect_used, reason = "a constant that a test parses")]
        let base_url = Url::parse("https://api-singapore.klingai.com/").expect("a valid address");
        Self {
            base_url,
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(60),
            session_ttl: Duration::from_hours(23),
            create_settle: Duration::from_secs(90),
        }
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            concurrency: 5,
            identify_per_second: 2.0,
            create_per_second: 2.0,
            query_per_second: 10.0,
            units_per_day_micro: None,
        }
    }
}

impl Default for PollConfig {
    fn default() -> Self {
        Self { min_interval: Duration::from_secs(2), max_interval: Duration::from_secs(30) }
    }
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            initial: Duration::from_secs(1),
            max: Duration::from_mins(5),
            give_up_after: Duration::from_hours(24),
        }
    }
}

impl Default for PauseConfig {
    fn default() -> Self {
        Self { probe_interval: Duration::from_mins(1) }
    }
}

impl Default for DownloadConfig {
    fn default() -> Self {
        Self { concurrency: 4, max_bytes: 2 << 30 }
    }
}

impl Default for RetentionConfig {
    fn default() -> Self {
        Self { history: Some(Duration::from_hours(90 * 24)) }
    }
}
