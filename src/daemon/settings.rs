//! Makes the settings of each part from the configuration.

use std::{sync::Arc, time::Duration};

use secrecy::ExposeSecret as _;

use crate::{
    config::{self, BucketKeys, Config, Credentials, NotifySecret},
    inbox::InboxSettings,
    job::{Account, AssumedPrices, Caps, Policy},
    kling::{BuildError, Client, ClientConfig, Credential},
    media::{Locator, VideoHost},
    metrics::Metrics,
    notify::{MessageTarget, TimeLimits},
    pipeline::{Clock, Offload, RateSettings, Settings},
    store::OnChange,
    upload::{Bucket, BucketConfig, UploadError, object_base},
    video_server::VideoLinks,
    web::WebSettings,
};

use super::Inputs;

/// How long a download may receive no bytes.
const DOWNLOAD_IDLE: Duration = Duration::from_secs(30);

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
        caps: Caps {
            units_micro: config.limits.units_per_day_micro,
            money_micro: config.limits.money_per_day_micro,
        },
        assumed_prices: assumed_prices(config),
        poll_min_ms: ms(config.poll.min_interval),
        poll_max_ms: ms(config.poll.max_interval),
        probe_interval_ms: ms(config.pause.probe_interval),
        downloads: usize::try_from(config.download.concurrency).unwrap_or(usize::MAX),
        download_bytes_max: config.download.max_bytes,
        output_dir: config.output_dir.clone(),
        locator: locator(config),
        offload: Offload::threads(),
        is_scanned: Arc::default(),
        uploads: None,
        video_links: None,
        uploads_at_once: usize::try_from(config.upload.concurrency).unwrap_or(usize::MAX),
        metrics: metrics.clone(),
    }
}

/// Returns where Kling downloads local videos: from a bucket, else from lipsyncd itself, else from a web server.
pub fn video_host(config: &Config) -> VideoHost {
    let bucket = bucket_config(config).as_ref().and_then(object_base);
    let served = config.media.serve.public_url.as_ref().map(|url| format!("{url}m/"));
    match (bucket.or(served), config.media.public_base_url.clone()) {
        (Some(base), _) => VideoHost::Objects(base),
        (None, Some(server)) => VideoHost::Server(server),
        (None, None) => VideoHost::Nowhere,
    }
}

/// Builds the client of the bucket, if the configuration has one. Sends no request.
pub fn bucket(config: &Config, keys: Option<&BucketKeys>) -> Result<Option<Bucket>, UploadError> {
    match (bucket_config(config), keys) {
        (Some(config), Some(BucketKeys { access_key, secret_key })) => {
            Bucket::new(config, access_key, secret_key).map(Some)
        }
        (Some(_), None) => {
            Err(UploadError::Refused("upload.s3 is set, but its keys are not".to_owned()))
        }
        (None, _) => Ok(None),
    }
}

/// Returns how links to videos are signed that lipsyncd itself serves. A bucket is used instead, if there is one.
pub fn video_links(config: &Config, credentials: &Credentials) -> Option<VideoLinks> {
    let public_url = config.media.serve.public_url.clone()?;
    if config.upload.s3.bucket.is_some() {
        return None;
    }
    let secret = match credentials {
        Credentials::Keys { secret_key, .. } => secret_key,
        Credentials::Token(token) => token,
    };
    Some(VideoLinks::new(public_url, secret, config.upload.link_ttl))
}

fn bucket_config(config: &Config) -> Option<BucketConfig> {
    let config::UploadConfig { s3, link_ttl, .. } = &config.upload;
    Some(BucketConfig {
        endpoint: s3.endpoint.clone()?,
        bucket: s3.bucket.clone()?,
        region: s3.region.clone(),
        path_style: s3.path_style,
        prefix: s3.prefix.clone(),
        link_ttl: *link_ttl,
        connect_timeout: config.kling.connect_timeout,
        request_timeout: config.kling.request_timeout,
        now_ms: Clock::system_now_ms,
    })
}

/// Returns the settings by which outcomes are judged.
pub fn policy(config: &Config) -> Policy {
    Policy {
        retry_initial_ms: ms(config.retry.initial),
        retry_max_ms: ms(config.retry.max),
        give_up_after_ms: ms(config.retry.give_up_after),
        create_settle_ms: ms(config.kling.create_settle),
    }
}

/// Returns the prices that count until they are learned.
pub fn assumed_prices(config: &Config) -> AssumedPrices {
    AssumedPrices {
        identify_micro: config.prices.identify_micro,
        per_step_micro: config.prices.per_5s_micro,
    }
}

/// Returns the settings of the web page.
pub(super) fn web(inputs: &Inputs) -> WebSettings {
    let Inputs { config, web_password, .. } = inputs;
    WebSettings {
        config: config.clone(),
        password: web_password.clone(),
        policy: policy(config),
        assumed_prices: assumed_prices(config),
    }
}

/// Returns where local media are searched.
pub fn locator(config: &Config) -> Locator {
    Locator { jobs_dir: config.jobs_dir.clone(), media_dirs: config.media.dirs.clone() }
}

/// `is_reload`: the daemon has run before with other settings.
pub(super) fn inbox(config: &Config, settings: &Settings, is_reload: bool) -> InboxSettings {
    InboxSettings {
        jobs_dir: config.jobs_dir.clone(),
        media_dirs: config.media.dirs.clone(),
        ignore: config.watch.ignore.clone(),
        settle: config.watch.settle,
        trusts_old_times: !is_reload,
        rescan_interval: config.watch.rescan_interval,
        policy: settings.policy.clone(),
        on_change: match config.watch.on_change {
            config::OnChangeSetting::Flag => OnChange::Flag,
            config::OnChangeSetting::Run => OnChange::Run,
        },
        offload: settings.offload.clone(),
        watches: true,
        is_scanned: Arc::clone(&settings.is_scanned),
        metrics: settings.metrics.clone(),
    }
}

/// Returns the targets of notifications, ready to send.
pub fn notify_targets(config: &Config, secret: Option<&NotifySecret>) -> Vec<MessageTarget> {
    let limits = TimeLimits::default();
    config.notify.iter().map(|target| MessageTarget::new(target, secret, limits)).collect()
}

/// Builds a client of the API. Sends no request.
pub fn connect(config: &Config, credentials: &Credentials) -> Result<Client, BuildError> {
    let settings = ClientConfig {
        base_url: config.kling.base_url.clone(),
        connect_timeout: config.kling.connect_timeout,
        request_timeout: config.kling.request_timeout,
        idle_timeout: DOWNLOAD_IDLE,
        allow_hosts: config.download.allow_hosts.clone(),
        now_ms: Clock::system_now_ms,
    };
    let credential = match credentials {
        Credentials::Keys { access_key, secret_key } => Credential::Keys {
            access_key: access_key.expose_secret().to_owned(),
            secret_key: secret_key.clone(),
        },
        Credentials::Token(token) => Credential::Token(token.clone()),
    };
    Client::new(settings, credential)
}

/// Returns the account as tasks record it: credentials and API host.
pub fn account(config: &Config, credentials: &Credentials) -> Account {
    Account::new(&config.kling.base_url, credentials.account())
}

fn ms(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}
