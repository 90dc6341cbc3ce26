//! What users decide about create requests whose outcome is unknown. Some look into the account and take their time,
//! some do not.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use lipsyncd::{
    job::{Outcome, State, Task},
    sim::LedgerEntry,
    store::{Command, JobState},
};
use tokio::time::Instant;

use super::{check::texts, check_waiting::check_left_to_users, users::Users};

/// Users decide after this time.
const DECISION_DELAY: Duration = Duration::from_secs(600);
/// At the end they leave more time to the daemon: it asks each hour, and may have to prove first that lookups are
/// answered.
const FINAL_DECISION_DELAY: Duration = Duration::from_secs(4 * 3_600);

impl Users {
    /// Decides what only a person can, with the account's own ledger, and not at once: a request may arrive late.
    pub async fn decide(&self) {
        for key in self.undecided_for(DECISION_DELAY) {
            self.decide_one(&key).await;
        }
    }

    /// The same after the last fault.
    pub async fn decide_at_end(&self) {
        for key in self.undecided_for(FINAL_DECISION_DELAY) {
            check_left_to_users(&self.world, &key);
            self.decide_one(&key).await;
        }
    }

    /// The jobs that have needed a decision for so long.
    fn undecided_for(&self, delay: Duration) -> Vec<String> {
        let sql = "SELECT j.key FROM task t JOIN job j ON j.id = t.lead_job
            WHERE t.state = 'unresolved' ORDER BY t.id";
        let mut keys = self.world.read(|database| texts(database, sql));
        let mut undecided = self.undecided.lock().unwrap();
        undecided.retain(|key, _| keys.contains(key));
        keys.retain(|key| {
            undecided.entry(key.clone()).or_insert_with(Instant::now).elapsed() >= delay
        });
        keys
    }

    async fn decide_one(&self, key: &str) {
        let ledger = self.world.ledger();
        let choose = move |state: &JobState| {
            let task = state.to_decide().filter(|task| task.state == State::Unresolved)?;
            let outcome =
                found(&ledger, task).unwrap_or(Outcome::ResolvedAsUnsent { is_sure: true });
            Some(Command::Task(outcome))
        };
        self.command(key, choose).await;
    }

    /// `lipsyncd resolve` at any time: the task, if the account shows it to this user, or
    /// `--resend`, which is refused where it may pay twice, or `--resend --yes`. Returns whether anything was decided.
    pub async fn resolve(&self) -> bool {
        let sql =
            "SELECT DISTINCT j.key FROM task t JOIN job j ON j.id = t.lead_job OR j.task_row = t.id
            WHERE t.state IN ('creating', 'unresolved') ORDER BY t.id";
        let keys = self.world.read(|database| texts(database, sql));
        if keys.is_empty() {
            return false;
        }
        let key = self.chance.pick(&keys).clone();
        let ledger = self.world.ledger();
        let (names_it, is_sure) = (self.chance.happens(0.4), self.chance.happens(0.3));
        let decided = Arc::new(Mutex::new(None));
        let name = Arc::clone(&decided);
        let host = self.world.account_ref().account().host;
        let choose = move |state: &JobState| {
            let task = state.to_decide().filter(|task| !task.is_sending())?;
            let is_here = task.create.as_ref().is_none_or(|create| create.host == host);
            let is_allowed = is_here && state.resend_risk().is_none();
            let outcome = match names_it {
                true => found(&ledger, task)?,
                false if is_sure || is_allowed => Outcome::ResolvedAsUnsent { is_sure },
                false => return None,
            };
            *name.lock().unwrap() = Some(task.external_task_id());
            Some(Command::Task(outcome))
        };
        let is_done = self.command(&key, choose).await.is_some();
        let decided = decided.lock().unwrap().take();
        let Some(name) = decided.filter(|_| is_done && !names_it) else { return is_done };
        let yes = if is_sure { " --yes" } else { "" };
        self.world.log(&format!("resolve --resend{yes}: {name}"));
        if is_sure && self.world.may_exist(&name) {
            *self.world.paid_again.lock().unwrap().entry(name).or_default() += 1;
        }
        true
    }
}

/// The task of the account that has this name.
fn found(ledger: &[LedgerEntry], task: &Task) -> Option<Outcome> {
    let name = Some(task.external_task_id());
    let found = ledger.iter().find(|remote| remote.external_task_id == name)?;
    Some(Outcome::ResolvedAs { task_id: found.task_id.clone() })
}
