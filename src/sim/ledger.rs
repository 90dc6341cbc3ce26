//! All calls and payments of an account: the ground truth for tests.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    account::AccountNumber, billing::Payment, faults::Endpoint, task::SimTaskStatus,
    units::SimUnits,
};

/// One accepted Create Task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the API's")]
pub struct LedgerEntry {
    pub task_id: String,
    pub account: AccountNumber,
    pub external_task_id: Option<String>,
    pub session_id: String,
    /// The video, as its Identify Face spelled it.
    pub video: String,
    /// The SHA-256 of the accepted body as sent.
    pub body_digest: String,
    /// The same for every task with the same video, audio, crop, place and face.
    pub content_digest: String,
    pub result_id: String,
    pub accepted_at_ms: i64,
    /// When it ended; none while it has not.
    pub ended_at_ms: Option<i64>,
    pub status: SimTaskStatus,
    /// Units, or the same amount of money for an account that pays from a balance.
    pub units: SimUnits,
    pub payment: Payment,
}

/// How the calls of one kind went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct EndpointCount {
    /// Answered with code 0.
    pub accepted: u64,
    /// Answered with this code.
    pub refused: BTreeMap<u16, u64>,
}

/// Something that was paid for more than once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Repeated {
    /// The `external_task_id`, or the digest of the content.
    pub what: String,
    /// The tasks, in the order of their acceptance.
    pub task_ids: Vec<String>,
}

/// What one account accepted more than once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PaidTwice {
    /// By `external_task_id` as sent: `a` and `a-2` are two ids.
    pub external_task_ids: Vec<Repeated>,
    /// By content (see `content_digest`), whatever the ids: a requested retry is listed here, too.
    pub contents: Vec<Repeated>,
}

/// The complete account at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ledger {
    /// Every accepted create, in the order of acceptance.
    pub tasks: Vec<LedgerEntry>,
    /// What was accepted more than once.
    pub paid_twice: PaidTwice,
    /// The most tasks of one account that ran at one time.
    pub at_once_max: usize,
    /// Deducted by Identify Face.
    pub identify_units: SimUnits,
    /// Deducted by tasks.
    pub task_units: SimUnits,
    /// How calls went, by kind; `any` are those to paths that the API does not have.
    pub calls: BTreeMap<Endpoint, EndpointCount>,
    /// How often each kind of fault was injected.
    pub faults: BTreeMap<String, u64>,
}

impl Ledger {
    /// How often calls of this kind were accepted.
    pub fn accepted(&self, call: Endpoint) -> u64 {
        self.calls.get(&call).map_or(0, |count| count.accepted)
    }

    /// How often calls of this kind were refused with this code.
    pub fn refused(&self, call: Endpoint, code: u16) -> u64 {
        self.calls.get(&call).and_then(|count| count.refused.get(&code)).copied().unwrap_or(0)
    }

    /// How many tasks were accepted under each `external_task_id`; tasks without one are left out.
    pub fn tasks_by_name(&self) -> BTreeMap<String, usize> {
        count(self.tasks.iter().filter_map(|entry| entry.external_task_id.clone()))
    }

    /// How many tasks were accepted for each request, by its `content_digest`.
    pub fn tasks_by_request(&self) -> BTreeMap<String, usize> {
        count(self.tasks.iter().map(|entry| entry.content_digest.clone()))
    }
}

/// What is counted as it happens.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) calls: BTreeMap<Endpoint, EndpointCount>,
    pub(super) faults: BTreeMap<String, u64>,
    pub(super) at_once_max: usize,
    pub(super) identify_units: SimUnits,
}

impl Counts {
    /// One answered call; `code` of its refusal.
    pub(super) fn count(&mut self, call: Endpoint, code: Option<u16>) {
        let count = self.calls.entry(call).or_default();
        match code {
            None => count.accepted += 1,
            Some(code) => *count.refused.entry(code).or_default() += 1,
        }
    }
}

fn count(names: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    names.for_each(|name| *counts.entry(name).or_default() += 1);
    counts
}
