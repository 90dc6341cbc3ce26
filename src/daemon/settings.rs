//! The settings of each part, from the configuration: they know nothing of it.

use std::{sync::Arc, time::Duration};

use secrecy::ExposeSecret as _;

use crate::{
    config::{self, Config, Credentials},
    inbox::InboxSettings,
    job::{Account, Policy},
    kling::{BuildError, Client, ClientConfig, Credential},
    media::Locator,
    metrics::Metrics,
    pipeline::{Clock, Offload, RateSettings, Settings},
    store::OnChange,
};

/// How long a download may stand still.
const DOWNLOAD_IDLE: Duration = Duration::from_secs(30);

/// What the pipeline works under.
pub(super) fn pipeline(config: &Config, credentials: &Credentials, metrics: &Metrics) -> Settings {
    Settings {
        account: account(config, credentials),
        policy: policy(config),
        session_ttl_ms: ms(config.kling.session_ttl),
        slots: usize::try_from(config.limits.concurrency).unwrap_or(usize::MAX),
        rate: RateSettings {
            identify_per_second: config.limits.identify_per_second,
            create_per_second: config.limits.create_per_second,
            query_per_second: config.limits.query_per_second,
        },
        units_per_day_micro: config.limits.units_per_day_micro,
        poll_min_ms: ms(config.poll.min_interval),
        poll_max_ms: ms(config.poll.max_interval),
        probe_interval_ms: ms(config.pause.probe_interval),
        downloads: usize::try_from(config.download.concurrency).unwrap_or(usize::MAX),
        download_bytes_max: config.download.max_bytes,
        output_dir: config.output_dir.clone(),
        locator: locator(config),
        offload: Offload::threads(),
        is_scanned: Arc::default(),
        metrics: metrics.clone(),
    }
}

/// By which settings outcomes are judged.
#[must_use]
pub fn policy(config: &Config) -> Policy {
    Policy {
        retry_initial_ms: ms(config.retry.initial),
        retry_max_ms: ms(config.retry.max),
        give_up_after_ms: ms(config.retry.give_up_after),
        create_settle_ms: ms(config.kling.create_settle),
    }
}

/// Where local media lie.
#[must_use]
pub fn locator(config: &Config) -> Locator {
    Locator { jobs_dir: config.jobs_dir.clone(), media_dirs: config.media.dirs.clone() }
}

/// What the inbox works under.
pub(super) fn inbox(config: &Config, settings: &Settings) -> InboxSettings {
    InboxSettings {
        jobs_dir: config.jobs_dir.clone(),
        media_dirs: config.media.dirs.clone(),
        settle: config.watch.settle,
        rescan_interval: config.watch.rescan_interval,
        policy: settings.policy.clone(),
        on_change: match config.watch.on_change {
            config::OnChange::Flag => OnChange::Flag,
            config::OnChange::Run => OnChange::Run,
        },
        offload: settings.offload.clone(),
        watches: true,
        is_scanned: Arc::clone(&settings.is_scanned),
        metrics: settings.metrics.clone(),
    }
}

/// A client of the API by these settings. Makes no request.
///
/// # Errors
/// When they allow none.
pub fn connect(config: &Config, credentials: &Credentials) -> Result<Client, BuildError> {
    Client::new(client(config), credential(credentials))
}

/// How the API is reached.
pub(super) fn client(config: &Config) -> ClientConfig {
    ClientConfig {
        base_url: config.kling.base_url.clone(),
        connect_timeout: config.kling.connect_timeout,
        request_timeout: config.kling.request_timeout,
        idle_timeout: DOWNLOAD_IDLE,
        now_ms: Clock::system_now_ms,
    }
}

/// As whom, and where: what a task remembers of it.
#[must_use]
pub fn account(config: &Config, credentials: &Credentials) -> Account {
    Account::new(&config.kling.base_url, credentials.account())
}

/// As whom.
pub(super) fn credential(credentials: &Credentials) -> Credential {
    match credentials {
        Credentials::Keys { access_key, secret_key } => Credential::Keys {
            access_key: access_key.expose_secret().to_owned(),
            secret_key: secret_key.clone(),
        },
        Credentials::Token(token) => Credential::Token(token.clone()),
    }
}

fn ms(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}
