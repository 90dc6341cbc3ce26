//! The settings as types. `lipsyncd.example.yaml` has the meaning of each.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use serde::Deserialize;
use url::Url;

use super::{NotifyTarget, kinds};
use crate::manifest::IgnorePatterns;

/// Every setting. The default needs no file: its paths are relative to the working directory.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Config {
    /// The folder of manifests.
    #[serde(deserialize_with = "kinds::path")]
    pub jobs_dir: PathBuf,
    /// Where results go.
    #[serde(deserialize_with = "kinds::path")]
    pub output_dir: PathBuf,
    /// The SQLite database.
    #[serde(deserialize_with = "kinds::path")]
    pub state_db: PathBuf,
    /// How the folder is watched.
    pub watch: WatchConfig,
    /// Where local media are, and how the API reaches them.
    pub media: MediaConfig,
    /// The bucket to which local videos are uploaded.
    pub upload: UploadConfig,
    /// The API.
    pub kling: KlingConfig,
    /// The limits of the account.
    pub limits: LimitsConfig,
    /// Prices that are assumed until they are learned.
    pub prices: PricesConfig,
    /// How often tasks are queried.
    pub poll: PollConfig,
    /// How failed calls are repeated.
    pub retry: RetryConfig,
    /// What happens while paid calls are paused.
    pub pause: PauseConfig,
    /// How results are fetched.
    pub download: DownloadConfig,
    /// How long what happened is kept.
    pub retention: RetentionConfig,
    /// Where messages about what happens go.
    pub notify: Vec<NotifyTarget>,
    /// The web page.
    pub web: WebConfig,
    /// Where metrics are served.
    pub metrics: MetricsConfig,
    /// The log.
    pub log: LogConfig,
    /// What was corrected in the file, a sentence for each.
    #[serde(skip)]
    pub notes: Vec<String>,
}

/// What happens to a job whose request changes after its task was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnChangeSetting {
    /// The job keeps its result and is flagged.
    Flag,
    /// The new request is made, and paid for.
    Run,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct WatchConfig {
    #[serde(deserialize_with = "kinds::duration")]
    pub settle: Duration,
    #[serde(deserialize_with = "kinds::duration")]
    pub media_settle: Duration,
    pub on_change: OnChangeSetting,
    #[serde(deserialize_with = "kinds::duration")]
    pub rescan_interval: Duration,
    /// Which names are ignored.
    #[serde(deserialize_with = "kinds::patterns")]
    pub ignore: IgnorePatterns,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct MediaConfig {
    #[serde(deserialize_with = "kinds::paths")]
    pub dirs: Vec<PathBuf>,
    /// The URL under which local videos are served; it ends in `/`.
    #[serde(deserialize_with = "kinds::folder_url")]
    pub public_base_url: Option<Url>,
    /// How lipsyncd itself serves them.
    pub serve: ServeConfig,
}

/// The listener for local videos; without both, there is none.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ServeConfig {
    /// The address.
    #[serde(deserialize_with = "kinds::listen")]
    pub listen: Option<SocketAddr>,
    /// The URL at which the internet reaches it; it ends in `/`.
    #[serde(deserialize_with = "kinds::folder_url")]
    pub public_url: Option<Url>,
}

/// How local videos are uploaded. Without endpoint and bucket, they are not.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct UploadConfig {
    /// The bucket.
    pub s3: S3Config,
    /// How long a link that Kling gets is valid.
    #[serde(deserialize_with = "kinds::duration")]
    pub link_ttl: Duration,
    /// Uploads at once.
    pub concurrency: u32,
}

/// A bucket of S3-compatible storage.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct S3Config {
    /// Its URL without the bucket; it ends in `/`.
    #[serde(deserialize_with = "kinds::folder_url")]
    pub endpoint: Option<Url>,
    #[serde(deserialize_with = "kinds::bucket")]
    /// Its name.
    pub bucket: Option<String>,
    /// None: `auto`.
    #[serde(deserialize_with = "kinds::region")]
    pub region: Option<String>,
    /// Whether the bucket is in the path of a URL, and not in its host name.
    pub path_style: bool,
    /// What the key of each object begins with.
    #[serde(deserialize_with = "kinds::prefix")]
    pub prefix: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct KlingConfig {
    /// Its URL; plain http only to this machine. The path ends in `/`, so that paths can be joined to it.
    #[serde(deserialize_with = "kinds::url")]
    pub base_url: Url,
    #[serde(deserialize_with = "kinds::duration")]
    pub connect_timeout: Duration,
    #[serde(deserialize_with = "kinds::duration")]
    pub request_timeout: Duration,
    #[serde(deserialize_with = "kinds::duration")]
    pub session_ttl: Duration,
    /// How long a create request of unknown outcome must stay absent at Kling before it is sent again. Above
    /// `request_timeout`, because a request can still arrive for as long as the client waits for its answer.
    #[serde(deserialize_with = "kinds::duration")]
    pub create_settle: Duration,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct LimitsConfig {
    pub concurrency: u32,
    pub identify_per_second: f64,
    pub create_per_second: f64,
    pub query_per_second: f64,
    /// Spending cap of a UTC day in millionths of a unit (`units_per_day`); none: no cap.
    #[serde(rename = "units_per_day", deserialize_with = "kinds::micro")]
    pub units_per_day_micro: Option<i64>,
    /// The same in millionths of the account's money (`money_per_day`), for accounts that pay from a balance.
    #[serde(rename = "money_per_day", deserialize_with = "kinds::micro")]
    pub money_per_day_micro: Option<i64>,
}

/// Prices in millionths of a unit; none: unknown until they are learned.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PricesConfig {
    /// One Identify Face call (`identify`).
    #[serde(rename = "identify", deserialize_with = "kinds::micro")]
    pub identify_micro: Option<i64>,
    /// Each started 5 s of a task (`per_5s`).
    #[serde(rename = "per_5s", deserialize_with = "kinds::micro")]
    pub per_5s_micro: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PollConfig {
    #[serde(deserialize_with = "kinds::duration")]
    pub min_interval: Duration,
    #[serde(deserialize_with = "kinds::duration")]
    pub max_interval: Duration,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct RetryConfig {
    #[serde(deserialize_with = "kinds::duration")]
    pub initial: Duration,
    #[serde(deserialize_with = "kinds::duration")]
    pub max: Duration,
    #[serde(deserialize_with = "kinds::duration")]
    pub give_up_after: Duration,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PauseConfig {
    #[serde(deserialize_with = "kinds::duration")]
    pub probe_interval: Duration,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct DownloadConfig {
    pub concurrency: u32,
    #[serde(deserialize_with = "kinds::bytes")]
    pub max_bytes: u64,
    /// Names or addresses, and `*.` before a name for all names below it.
    #[serde(deserialize_with = "kinds::hosts")]
    pub allow_hosts: Vec<String>,
}

/// How long history is kept. Jobs and spending are kept forever.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct RetentionConfig {
    /// For how long after a job ended its history is kept; none: forever.
    #[serde(deserialize_with = "kinds::optional_duration")]
    pub history: Option<Duration>,
}

/// The web page; without an address, there is none.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WebConfig {
    /// The address at which it is served.
    #[serde(deserialize_with = "kinds::listen")]
    pub listen: Option<SocketAddr>,
    /// The names of this machine, besides those of loopback, by which browsers may ask for it. In lower case.
    #[serde(deserialize_with = "kinds::own_hosts")]
    pub hosts: Vec<String>,
    /// Whether it only shows, and changes nothing.
    pub read_only: bool,
    /// The file with the password, or its hash.
    #[serde(deserialize_with = "kinds::optional_path")]
    pub password_file: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct MetricsConfig {
    #[serde(deserialize_with = "kinds::listen")]
    pub listen: Option<SocketAddr>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct LogConfig {
    /// The format. `RUST_LOG` sets the level.
    pub format: LogFormat,
}

/// The format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// To the journal under systemd, else text.
    Auto,
    /// Lines for people.
    Text,
    /// Lines of JSON.
    Json,
    /// To systemd's journal, with fields.
    Journald,
}
