//! How the simulated account and its API behave.
//!
//! Plain values with defaults; the rules and the server apply them.

use std::path::PathBuf;

use super::{
    account::ApiKey,
    billing::{BilledLength, Payment},
    fault_rules::RandomFaults,
    lookup_settings::{DuplicateNameError, Lags, LookupStyles, UnknownTask},
    media_folder::MediaReader,
    odd_answers::{OddAnswers, SessionGoneError},
    units::SimUnits,
};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Defines the settings, each with its default.
macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $default:expr,)*) => {
        /// The settings of a simulator. They may be changed while it runs, except `seed`, `media_dir`,
        /// `media_reader`, `clock_offset_ms` and `public_url`, which are read at the start.
        #[derive(Debug, Clone)]
        pub struct SimConfig {
            $($(#[$doc])* pub $name: $type,)*
        }

        impl Default for SimConfig {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }
    };
}

settings! {
    /// The account's access key: the `iss` of its tokens.
    access_key: String = "sim-access-key".to_owned(),
    /// The account's secret key, which signs its tokens.
    secret_key: String = "sim-secret-key".to_owned(),
    /// A fixed bearer token that is accepted, too, as a gateway would.
    bearer_token: Option<String> = None,
    /// More keys that are accepted, of this account and of others.
    more_keys: Vec<ApiKey> = Vec::new(),
    /// Tasks at once of each account; a create above it is refused with 1303.
    concurrency: usize = 5,
    /// Identify Face calls within one second; above it 1302. None: no limit.
    identify_per_second: Option<u32> = Some(5),
    /// Create Task calls within one second; above it 1302. None: no limit.
    create_per_second: Option<u32> = Some(5),
    /// Query calls (single and list) within one second; above it 1302. None: no limit.
    query_per_second: Option<u32> = None,
    /// How long tasks take, shortest and longest; each draws its own.
    task_ms: (i64, i64) = (3_000, 8_000),
    /// How long the answer to a Create Task is delayed after it was accepted.
    create_latency_ms: u64 = 0,
    /// How long the answer to an Identify Face is delayed.
    identify_latency_ms: u64 = 0,
    /// For how long a new task is not found by queries and not listed.
    visibility_lag_ms: i64 = 0,
    /// The same for each kind of query.
    lags: Lags = Lags::default(),
    /// How long a session may be used.
    session_ttl_ms: i64 = DAY_MS,
    /// How long results can be downloaded, and how long the ids of made videos stay valid.
    result_ttl_ms: i64 = 30 * DAY_MS,
    /// Whether a task is found by its `external_task_id` at all; if not, that answers 1203.
    answers_external_lookups: bool = true,
    /// In which styles.
    lookup_styles: LookupStyles = LookupStyles::default(),
    /// The answer to a query that finds no task.
    unknown_task: UnknownTask = UnknownTask::default(),
    /// Whether queries by anything but a known `task_id` fail, with 503 and code 5002.
    name_queries_fail: bool = false,
    /// Whether Query Task (List) fails, with 503 and code 5002.
    lists_fail: bool = false,
    /// Whether the answers of Query Task (Single) carry `task_info.external_task_id`; the page says no.
    query_shows_external_ids: bool = false,
    /// Whether the entries of lists carry it.
    list_shows_external_ids: bool = false,
    /// How old the statuses are that lists show; a query of one task shows the present status.
    list_status_lag_ms: i64 = 0,
    /// Whether queries and lists show a task's video by the address that was sent; if not, by that of a copy.
    shows_sent_videos: bool = true,
    /// Whether an `external_task_id` that exists already is refused; if not, a second task is made.
    unique_external_ids: bool = true,
    /// The code and message of that refusal.
    duplicate_name: DuplicateNameError = DuplicateNameError::default(),
    /// Bodies longer than this are not read, as if the network were too slow. None: all are.
    stalled_upload_bytes: Option<u64> = None,
    /// The code and message of the refusal of a session that is gone.
    gone_session: SessionGoneError = SessionGoneError::default(),
    /// Which answers have other forms than the page describes.
    odd_answers: OddAnswers = OddAnswers::default(),
    /// What one Identify Face costs.
    units_per_identify: SimUnits = SimUnits::from_thousandths(50),
    /// What the account pays with.
    payment: Payment = Payment::default(),
    /// Which length decides what a task costs.
    billed_length: BilledLength = BilledLength::default(),
    /// What a task costs for each started five seconds.
    units_per_five_seconds: SimUnits = SimUnits::from_thousandths(1_000),
    /// What the resource pack of each account holds; a paid call it cannot cover is refused with 1102.
    pack_units: SimUnits = SimUnits::from_thousandths(1_000_000_000),
    /// Which resource packs are listed; deductions are taken from the usual one whatever is listed.
    shown_packs: ShownPacks = ShownPacks::One,
    /// Added to every new id: ids must never repeat, not even after a restart of the simulator.
    ids_from: u64 = 0,
    /// The seed of all random numbers.
    seed: u64 = 0,
    /// A folder that is served under `/media/`; its videos and audio files are really read.
    media_dir: Option<PathBuf> = None,
    /// How files of `media_dir`, and audio files sent inline, are read.
    media_reader: MediaReader = MediaReader::default(),
    /// The minimum size of results: a `free` box at the end fills them up.
    min_result_bytes: u64 = 0,
    /// Random faults.
    random_faults: RandomFaults = RandomFaults::default(),
    /// How far the simulator's clock is ahead of the machine's.
    clock_offset_ms: i64 = 0,
    /// The address that result and face URLs begin with; none: that of the socket.
    public_url: Option<String> = None,
}

/// The resource packs that the account's costs list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ShownPacks {
    /// None: the account pays from a balance.
    None,
    /// The one with `pack_units`.
    #[default]
    One,
    /// Also an expired one that has units left, one that begins later, and one without figures.
    Several,
}
