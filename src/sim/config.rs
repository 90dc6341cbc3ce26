//! How the simulated account and its API behave.
//!
//! Plain values with defaults; the rules and the server apply them.

use std::path::PathBuf;

use super::{
    account::ApiKey,
    duplicate_name::DuplicateNameError,
    lookup_settings::{Lags, LookupStyles, UnknownTask},
    media_folder::MediaReader,
    random_faults::RandomFaults,
    units::SimUnits,
};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The settings of a simulator. They may be changed while it runs, except `seed`, `media_dir`,
/// `media_reader`, `clock_offset_ms` and `public_url`, which are read at the start.
#[derive(Debug, Clone)]
pub struct SimConfig {
    /// The account's access key: the `iss` of its tokens.
    pub access_key: String,
    /// The account's secret key, which signs its tokens.
    pub secret_key: String,
    /// A fixed bearer token that is accepted, too, as a gateway would.
    pub bearer_token: Option<String>,
    /// More keys that are accepted, of this account and of others.
    pub more_keys: Vec<ApiKey>,
    /// Tasks at once of each account; a create above it is refused with 1303.
    pub concurrency: usize,
    /// Identify Face calls within one second; above it 1302. None: no limit.
    pub identify_per_second: Option<u32>,
    /// Create Task calls within one second; above it 1302. None: no limit.
    pub create_per_second: Option<u32>,
    /// Query calls (single and list) within one second; above it 1302. None: no limit.
    pub query_per_second: Option<u32>,
    /// How long tasks take, shortest and longest; each draws its own.
    pub task_ms: (i64, i64),
    /// How long the answer to a Create Task is delayed after it was accepted.
    pub create_latency_ms: u64,
    /// How long the answer to an Identify Face is delayed.
    pub identify_latency_ms: u64,
    /// How long the answer to a query is delayed.
    pub query_latency_ms: u64,
    /// For how long a new task is not found by queries and not listed.
    pub visibility_lag_ms: i64,
    /// The same for each kind of query.
    pub lags: Lags,
    /// How long a session may be used.
    pub session_ttl_ms: i64,
    /// How long results can be downloaded, and how long the ids of made videos stay valid.
    pub result_ttl_ms: i64,
    /// Whether a task is found by its `external_task_id` at all; if not, that answers 1203.
    pub answers_external_lookups: bool,
    /// In which styles.
    pub lookup_styles: LookupStyles,
    /// The answer to a query that finds no task.
    pub unknown_task: UnknownTask,
    /// Whether queries by anything but a known `task_id` fail, with 503 and code 5002.
    pub name_queries_fail: bool,
    /// Whether Query Task (List) fails, with 503 and code 5002.
    pub lists_fail: bool,
    /// Whether the answers of Query Task (Single) carry `task_info.external_task_id`; the page says no.
    pub query_shows_external_ids: bool,
    /// Whether the entries of lists carry it.
    pub list_shows_external_ids: bool,
    /// Whether queries and lists show a task's video by the address that was sent; if not, by that of a copy.
    pub shows_sent_videos: bool,
    /// Whether an `external_task_id` that exists already is refused; if not, a second task is made.
    pub unique_external_ids: bool,
    /// The code and message of that refusal.
    pub duplicate_name: DuplicateNameError,
    /// What one Identify Face costs.
    pub units_per_identify: SimUnits,
    /// What a task costs for each started five seconds of its video.
    pub units_per_five_seconds: SimUnits,
    /// What the resource pack of each account holds; a paid call it cannot cover is refused with 1102.
    pub pack_units: SimUnits,
    /// Added to every new id: ids must never repeat, not even after a restart of the simulator.
    pub ids_from: u64,
    /// The seed of all random numbers.
    pub seed: u64,
    /// A folder that is served under `/media/`; its videos and audio files are really read.
    pub media_dir: Option<PathBuf>,
    /// How files of `media_dir`, and audio files sent inline, are read.
    pub media_reader: MediaReader,
    /// The result of tasks whose video is not in `media_dir`; none: an MP4 built by hand that has the
    /// video's size and length.
    pub fallback_result: Option<Vec<u8>>,
    /// The minimum size of results: a `free` box at the end fills them up.
    pub min_result_bytes: u64,
    /// Random faults.
    pub random_faults: RandomFaults,
    /// How far the simulator's clock is ahead of the machine's.
    pub clock_offset_ms: i64,
    /// The address that result and face URLs begin with; none: that of the socket.
    pub public_url: Option<String>,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            access_key: "sim-access-key".to_owned(),
            secret_key: "sim-secret-key".to_owned(),
            bearer_token: None,
            more_keys: Vec::new(),
            concurrency: 5,
            identify_per_second: Some(5),
            create_per_second: Some(5),
            query_per_second: None,
            task_ms: (3_000, 8_000),
            create_latency_ms: 0,
            identify_latency_ms: 0,
            query_latency_ms: 0,
            visibility_lag_ms: 0,
            lags: Lags::default(),
            session_ttl_ms: DAY_MS,
            result_ttl_ms: 30 * DAY_MS,
            answers_external_lookups: true,
            lookup_styles: LookupStyles::default(),
            unknown_task: UnknownTask::default(),
            name_queries_fail: false,
            lists_fail: false,
            query_shows_external_ids: false,
            list_shows_external_ids: false,
            shows_sent_videos: true,
            unique_external_ids: true,
            duplicate_name: DuplicateNameError::default(),
            units_per_identify: SimUnits::from_thousandths(50),
            units_per_five_seconds: SimUnits::from_thousandths(1_000),
            pack_units: SimUnits::from_thousandths(1_000_000_000),
            ids_from: 0,
            seed: 0,
            media_dir: None,
            media_reader: MediaReader::default(),
            fallback_result: None,
            min_result_bytes: 0,
            random_faults: RandomFaults::default(),
            clock_offset_ms: 0,
            public_url: None,
        }
    }
}
