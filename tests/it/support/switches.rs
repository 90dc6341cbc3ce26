//! Switches of the simulated API, for use while it runs, and counts of what it accepted.
//!
//! The settings are also fields of `SimConfig`, for a scenario that needs them from its beginning.

use lipsyncd::sim::{
    ClientSees, DuplicateNameError, Endpoint, Fault, FaultRule, Lags, LookupStyles, SimConfig,
    SimServer, UnknownTask,
};

/// A request that is delivered late waits this long, unless [`SimServer::deliver_kept`] ends the wait.
const UNTIL_DELIVERED_MS: u64 = 3_600_000;

/// What a scenario changes in the simulated API.
pub trait Switches {
    fn set(&self, change: impl FnOnce(&mut SimConfig));
    fn fault(&self, rule: FaultRule);

    /// Whether a second create request with a known name is refused.
    fn enforce_names(&self, enforced: bool) {
        self.set(|config| config.unique_external_ids = enforced);
    }

    /// How such a request is refused; `DuplicateNameError::all` has samples.
    fn refuse_known_names(&self, duplicate_name: DuplicateNameError) {
        self.set(|config| config.duplicate_name = duplicate_name);
    }

    /// Whether queries by name find tasks.
    fn answer_names(&self, answered: bool) {
        self.set(|config| config.answers_external_lookups = answered);
    }

    fn set_lookup_styles(&self, spellings: LookupStyles) {
        self.set(|config| config.lookup_styles = spellings);
    }

    /// For how long a new task is hidden from each kind of query.
    fn lag(&self, lags: Lags) {
        self.set(|config| config.lags = lags);
    }

    fn answer_unknown(&self, unknown: UnknownTask) {
        self.set(|config| config.unknown_task = unknown);
    }

    /// Whether the answers of single queries, and the entries of lists, carry the name.
    fn show_names(&self, in_queries: bool, in_lists: bool) {
        self.set(|config| {
            config.query_shows_external_ids = in_queries;
            config.list_shows_external_ids = in_lists;
        });
    }

    /// Whether queries by name, and lists, fail with 503.
    fn fail_lookups(&self, by_name: bool, lists: bool) {
        self.set(|config| {
            config.name_queries_fail = by_name;
            config.lists_fail = lists;
        });
    }

    /// The next `times` create requests are kept, until [`SimServer::deliver_kept`].
    fn keep_creates(&self, times: u64, sees: ClientSees) {
        let fault = Fault::DeliverLate { after_ms: UNTIL_DELIVERED_MS, sees };
        self.fault(FaultRule { times: Some(times), ..FaultRule::once(Endpoint::Create, fault) });
    }

    /// All create requests are refused for their size, until the faults are cleared.
    fn refuse_bodies(&self, status: u16, html: bool) {
        self.fault(FaultRule::always(Endpoint::Create, Fault::TooLarge { status, html }));
    }

    /// How many tasks were accepted under this name.
    fn tasks_named(&self, name: &str) -> usize;

    /// Each request was accepted once, and there are so many.
    fn assert_requests(&self, count: usize);
}

impl Switches for SimServer {
    fn set(&self, change: impl FnOnce(&mut SimConfig)) {
        self.control(|sim| change(sim.config_mut()));
    }

    fn fault(&self, rule: FaultRule) {
        self.control(|sim| sim.add_fault(rule));
    }

    fn tasks_named(&self, name: &str) -> usize {
        self.ledger().tasks_by_name().get(name).copied().unwrap_or(0)
    }

    fn assert_requests(&self, count: usize) {
        let ledger = self.ledger();
        let requests = ledger.tasks_by_request();
        let is_once = requests.values().all(|tasks| *tasks == 1);
        assert!(is_once && requests.len() == count, "not {count} requests: {:#?}", ledger.tasks);
    }
}

#[cfg(test)]
mod tests {
    use lipsyncd::sim::Sim;
    use serde_json::{Value, json};

    use super::*;
    use crate::support::{TestEnv, quick};

    const TOKEN: Option<&str> = Some("Bearer fixed");
    const NAME: &str = "name";

    /// Sends a create request to the rules, past the network; its code.
    fn create(sim: &mut Sim, now_ms: i64) -> u64 {
        let media = lipsyncd::sim::NoFiles { audio_ms: 8_000 };
        let video = json!({"video_url": "https://cdn.example.com/v.mp4?duration_ms=9000"});
        let session = sim.identify(now_ms, TOKEN, video.to_string().as_bytes(), &media);
        let body = json!({
            "session_id": session.data()["session_id"],
            "face_choose": [{
                "face_id": "0",
                "sound_file": "https://cdn.example.com/a.mp3?duration_ms=5000",
                "sound_insert_time": 0,
                "sound_start_time": 0,
                "sound_end_time": 4000,
            }],
            "external_task_id": NAME,
        });
        sim.create(now_ms, TOKEN, body.to_string().as_bytes(), &media).code()
    }

    #[tokio::test]
    async fn switches_change_the_api_while_it_runs() {
        let bearer_token = Some("fixed".to_owned());
        let test_env = TestEnv::new(SimConfig { bearer_token, ..quick() }).await;
        let now_ms = test_env.sim.now_ms();
        let create = || test_env.sim.control(|sim| create(sim, now_ms));
        let found = || test_env.sim.control(|sim| sim.query(now_ms, TOKEN, NAME));
        let listed = || test_env.sim.control(|sim| sim.list(now_ms, TOKEN, ""));
        let (sim, name) = (&test_env.sim, json!(NAME));

        assert_eq!(create(), 0);
        sim.assert_requests(1);
        sim.refuse_known_names(DuplicateNameError { code: 1203, message: "taken" });
        assert_eq!(create(), 1203);
        sim.enforce_names(false);
        assert_eq!((create(), sim.tasks_named(NAME), sim.tasks_named("other")), (0, 2, 0));

        sim.answer_unknown(UnknownTask::EmptyObject);
        for answered in [false, true] {
            sim.answer_names(answered);
            assert_eq!(found().data() == &json!({}), !answered);
        }
        sim.set_lookup_styles(LookupStyles::ON_LIST_PATH);
        assert_eq!(found().data(), &json!({}));
        sim.set_lookup_styles(LookupStyles::default());

        sim.lag(Lags { by_name_ms: Some(1), list_ms: Some(1), ..Lags::default() });
        assert_eq!((found().data(), listed().data()), (&json!({}), &json!([])));
        sim.lag(Lags::default());
        let shown = |data: &Value| data["task_info"]["external_task_id"].clone();
        sim.show_names(true, false);
        assert_eq!(shown(found().data()), name);
        assert_eq!(shown(&listed().data()[0]), Value::Null);
        sim.show_names(false, true);
        assert_eq!(shown(&listed().data()[0]), name);

        sim.fail_lookups(true, false);
        assert_eq!((found().http_status, listed().http_status), (503, 200));
        sim.fail_lookups(false, true);
        assert_eq!((found().http_status, listed().http_status), (200, 503));
        sim.fail_lookups(false, false);

        let next = || sim.control(|sim| sim.next_fault(Endpoint::Create, "/", b"").unwrap().fault);
        sim.keep_creates(1, ClientSees::Nothing);
        sim.refuse_bodies(413, true);
        assert_eq!(next().name(), "deliver_late");
        assert_eq!(next().name(), "too_large");
        test_env.clear_faults();
    }
}
