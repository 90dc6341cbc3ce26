//! Where the daemon sends its requests, and with which key: an API, another host that has no tasks of its own at first,
//! and two keys of one account.

use lipsyncd::{
    job::Account,
    sim::{LedgerEntry, Sim, SimConfig, SimTaskStatus},
};

use super::{
    api::ON_ITS_WAY_MAX,
    world::{Sent, World},
};
use crate::support::chance::Chance;

const HOSTS: [&str; 2] = ["https://api.example", "https://other.example"];
pub const KEYS: [&str; 2] = ["simulated", "rotated"];
/// The ids of the second host begin here, so that no id means two tasks.
const OTHER_IDS_FROM: u64 = 1_000_000;

/// The host and the key in the configuration, by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AccountRef {
    pub host: usize,
    pub key: usize,
}

impl AccountRef {
    pub fn account(self) -> Account {
        Account::new(&HOSTS[self.host].parse().unwrap(), KEYS[self.key].to_owned())
    }

    pub fn authorization(self) -> String {
        format!("Bearer {}", KEYS[self.key])
    }
}

/// Whether users change the key and the host of the daemon between two of its runs.
#[derive(Debug)]
pub struct AccountChanges {
    rotates_key: bool,
    visits_other_host: bool,
}

impl AccountChanges {
    /// After the database was lost, nothing is known of another host.
    pub fn draw(chance: &Chance, may_lose_database: bool) -> Self {
        let visits_other_host = chance.happens(0.2) && !may_lose_database;
        Self { rotates_key: chance.happens(0.25), visits_other_host }
    }

    /// The account of the next run. A key that was rotated is not used again.
    pub fn next(&self, before: AccountRef, chance: &Chance) -> AccountRef {
        let is_rotated = self.rotates_key && chance.happens(0.4);
        let is_away = self.visits_other_host && chance.happens(0.35);
        AccountRef { host: usize::from(is_away), key: before.key.max(usize::from(is_rotated)) }
    }
}

/// The APIs at both hosts.
pub fn sims(config: SimConfig) -> [Sim; 2] {
    let other = SimConfig { ids_from: OTHER_IDS_FROM, ..config.clone() };
    [Sim::new(config, HOSTS[0]), Sim::new(other, HOSTS[1])]
}

impl World {
    pub fn account_ref(&self) -> AccountRef {
        *self.account_ref.lock().unwrap()
    }

    /// Users change the configuration while no daemon runs.
    pub fn switch_account(&self, account_ref: AccountRef) {
        if std::mem::replace(&mut *self.account_ref.lock().unwrap(), account_ref) != account_ref {
            self.log(&format!("the account is {}", account_ref.account()));
        }
    }

    /// All tasks that were accepted, at either host, in the order of their acceptance.
    pub fn ledger(&self) -> Vec<LedgerEntry> {
        let now_ms = self.time.true_ms();
        let of = |host| self.sim(host).ledger(now_ms).tasks;
        let mut tasks: Vec<_> = (0..HOSTS.len()).flat_map(of).collect();
        tasks.sort_by_key(|task| task.accepted_at_ms);
        tasks
    }

    /// How many tasks run at this host.
    pub fn running_at(&self, host: usize) -> usize {
        let ledger = self.sim(host).ledger(self.time.true_ms());
        let is_running =
            |status| matches!(status, SimTaskStatus::Submitted | SimTaskStatus::Processing);
        ledger.tasks.iter().filter(|task| is_running(task.status)).count()
    }

    /// Whether a task of this name was accepted, or a create request for it may still arrive.
    pub fn may_exist(&self, name: &str) -> bool {
        let is_on_its_way = |sent: &Sent| sent.at.elapsed() < ON_ITS_WAY_MAX;
        self.ledger().iter().any(|task| task.external_task_id.as_deref() == Some(name))
            || self.sent.lock().unwrap().get(name).is_some_and(is_on_its_way)
    }
}

/// The host of an address under one of them, and the rest of the address.
pub fn under_host(url: &str) -> Option<(usize, &str)> {
    let under = |host: usize| url.strip_prefix(HOSTS[host]).map(|rest| (host, rest));
    (0..HOSTS.len()).find_map(under)
}
