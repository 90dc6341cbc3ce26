//! The simulated account: its state, and how calls are admitted, refused and counted.
//!
//! No IO, no clock, no async: time and facts about media are arguments, random numbers come from the seed. The rules of
//! each call are in the file with its name.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::{
    account::{AccountNumber, AccountUsage},
    config::SimConfig,
    fault_rules::{FaultRule, FaultRules},
    faults::{DueFault, Endpoint},
    ledger::Counts,
    random::SeededRandom,
    response::{Refusal, SimResponse, usual_message},
    session::SimSession,
    task::{DueCallback, SimTask},
    token,
    units::SimUnits,
};

/// The rules of the API, for one account and those of `more_keys`. Times are Unix milliseconds and never go back.
#[derive(Debug)]
pub struct Sim {
    pub(super) config: SimConfig,
    pub(super) base_url: String,
    pub(super) sessions: HashMap<String, SimSession>,
    /// In the order of their acceptance.
    pub(super) tasks: Vec<SimTask>,
    /// Indexes into `tasks` by `task_id`, and likewise by other ids.
    pub(super) by_task_id: HashMap<String, usize>,
    /// In the order of their acceptance, where a name was used twice.
    pub(super) by_external_id: HashMap<String, Vec<usize>>,
    pub(super) by_result_id: HashMap<String, usize>,
    /// Tasks that have not ended: when each will, and its index in `tasks`.
    pub(super) running: BTreeSet<(i64, usize)>,
    pub(super) due_callbacks: BTreeSet<DueCallback>,
    pub(super) counts: Counts,
    pub(super) used: AccountUsage,
    pub(super) random: SeededRandom,
    faults: FaultRules,
    fault_random: SeededRandom,
    requests: u64,
}

impl Sim {
    /// A new account. `base_url` (without a slash at its end) is where the simulator is reached: it
    /// begins the URLs of results.
    pub fn new(config: SimConfig, base_url: &str) -> Self {
        let seed = config.seed;
        Self {
            config,
            base_url: base_url.trim_end_matches('/').to_owned(),
            sessions: HashMap::new(),
            tasks: Vec::new(),
            by_task_id: HashMap::new(),
            by_external_id: HashMap::new(),
            by_result_id: HashMap::new(),
            running: BTreeSet::new(),
            due_callbacks: BTreeSet::new(),
            counts: Counts::default(),
            used: AccountUsage::default(),
            random: SeededRandom::new(seed),
            faults: FaultRules::default(),
            fault_random: SeededRandom::new(seed ^ 0x5eed),
            requests: 0,
        }
    }

    /// The settings.
    pub const fn config(&self) -> &SimConfig {
        &self.config
    }

    /// The settings, to be changed from now on. Accepted tasks are not changed.
    pub const fn config_mut(&mut self) -> &mut SimConfig {
        &mut self.config
    }

    /// Where the simulator is reached.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Adds a fault.
    pub fn add_fault(&mut self, rule: FaultRule) {
        self.faults.0.push((rule, 0));
    }

    /// Removes every added fault; random faults stay.
    pub fn clear_faults(&mut self) {
        self.faults.0.clear();
    }

    /// Returns the fault for this call: an added one, else a random one. A rule's
    /// `matching` is searched in `target` (the path with its query) and the body. Call this once per call.
    pub fn next_fault(&mut self, call: Endpoint, target: &str, body: &[u8]) -> Option<DueFault> {
        let by_chance = self.config.random_faults.draw(call, &mut self.fault_random);
        let due = self.faults.next(call, target, body).or(by_chance)?;
        *self.counts.faults.entry(due.fault.name()).or_default() += 1;
        Some(due)
    }

    /// The answer of a fault that refuses by code, counted as the rules' own refusals are.
    pub fn refuse(&mut self, call: Endpoint, refusal: &Refusal) -> SimResponse {
        self.answered(call, Err(refusal.clone()))
    }

    /// Answers a path that the API does not have with 1203, a wrong method with 1202.
    pub fn refuse_path(&mut self, wrong_method: bool) -> SimResponse {
        let code = if wrong_method { 1202 } else { 1203 };
        self.answered(Endpoint::Any, Err(Refusal::new(code, usual_message(code))))
    }

    /// Admits a call by its token and the rate limits of its account.
    pub(super) fn admit(
        &mut self,
        call: Endpoint,
        now_ms: i64,
        authorization: Option<&str>,
    ) -> Result<AccountNumber, Refusal> {
        let account = token::check(&self.config, now_ms, authorization)?;
        let (pace, limit) = match call {
            Endpoint::Identify => (0, self.config.identify_per_second),
            Endpoint::Create => (1, self.config.create_per_second),
            _ => (2, self.config.query_per_second),
        };
        if self.used.rate_windows(account)[pace].admits(now_ms, limit) {
            return Ok(account);
        }
        Err(Refusal { retry_after_s: Some(1), ..Refusal::new(1302, usual_message(1302)) })
    }

    /// Wraps an outcome in the envelope, and counts it.
    pub(super) fn answered(
        &mut self,
        call: Endpoint,
        outcome: Result<Value, Refusal>,
    ) -> SimResponse {
        self.requests += 1;
        let request_id = format!("sim-{:08}", self.requests);
        self.counts.count(call, outcome.as_ref().err().map(|refusal| refusal.code));
        self.config.odd_answers.apply(match outcome {
            Ok(data) => SimResponse::success(&request_id, data),
            Err(refusal) => SimResponse::refusal(&request_id, &refusal),
        })
    }

    /// Takes units from the resource pack of an account, or refuses with 1102.
    pub(super) fn spend(&mut self, account: AccountNumber, units: SimUnits) -> Result<(), Refusal> {
        if self.used.units(account) + units > self.config.pack_units {
            return Err(Refusal::new(1102, usual_message(1102)));
        }
        self.used.spend(account, units);
        Ok(())
    }

    /// An id of its kind, which begins at `first`.
    pub(super) fn new_id(&self, first: u64, index: usize) -> String {
        first.saturating_add(self.config.ids_from).saturating_add(index as u64).to_string()
    }

    /// Frees the slots of tasks that have ended.
    pub(super) fn settle(&mut self, now_ms: i64) {
        while self.running.first().is_some_and(|(ends_at_ms, _)| *ends_at_ms <= now_ms) {
            self.running.pop_first();
        }
    }

    /// A session of this account that exists and has not expired.
    pub(super) fn session(
        &self,
        account: AccountNumber,
        id: &str,
        now_ms: i64,
    ) -> Result<&SimSession, Refusal> {
        let ttl_ms = self.config.session_ttl_ms;
        self.sessions
            .get(id)
            .filter(|session| session.account == account && now_ms - session.made_at_ms < ttl_ms)
            .ok_or_else(|| self.config.gone_session.refusal(id))
    }
}
