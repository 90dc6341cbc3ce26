//! The ledger of the account at one time.

use std::collections::BTreeMap;

use super::{
    account::AccountNumber,
    ledger::{Ledger, LedgerEntry, PaidTwice, Repeated},
    rules::Sim,
};

impl Sim {
    /// Returns the account at this time.
    pub fn ledger(&self, now_ms: i64) -> Ledger {
        let tasks: Vec<_> = (0..self.tasks.len()).map(|index| self.entry(index, now_ms)).collect();
        let external = |entry: &LedgerEntry| entry.external_task_id.clone();
        let content = |entry: &LedgerEntry| Some(entry.content_digest.clone());
        Ledger {
            paid_twice: PaidTwice {
                external_task_ids: repeats(&tasks, external),
                contents: repeats(&tasks, content),
            },
            at_once_max: self.counts.at_once_max,
            identify_units: self.counts.identify_units,
            task_units: tasks.iter().map(|entry| entry.units).sum(),
            calls: self.counts.calls.clone(),
            faults: self.counts.faults.clone(),
            tasks,
        }
    }

    fn entry(&self, index: usize, now_ms: i64) -> LedgerEntry {
        let task = &self.tasks[index];
        let status = task.status(now_ms);
        LedgerEntry {
            task_id: task.id.clone(),
            account: task.account,
            external_task_id: task.external_task_id.clone(),
            session_id: task.session_id.clone(),
            video: task.video.spelled.clone(),
            body_digest: task.body_digest.clone(),
            content_digest: task.content_digest.clone(),
            result_id: task.result_id.clone(),
            accepted_at_ms: task.accepted_at_ms,
            ended_at_ms: status.is_ended().then_some(task.ends_at_ms),
            status,
            units: task.units,
            payment: task.payment,
        }
    }
}

fn repeats(tasks: &[LedgerEntry], name: impl Fn(&LedgerEntry) -> Option<String>) -> Vec<Repeated> {
    let mut by_name: BTreeMap<(AccountNumber, String), Vec<String>> = BTreeMap::new();
    for entry in tasks {
        if let Some(what) = name(entry) {
            by_name.entry((entry.account, what)).or_default().push(entry.task_id.clone());
        }
    }
    let repeated = by_name.into_iter().filter(|(_, task_ids)| task_ids.len() > 1);
    repeated.map(|((_, what), task_ids)| Repeated { what, task_ids }).collect()
}
