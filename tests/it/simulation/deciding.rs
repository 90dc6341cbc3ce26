//! What people decide of create requests whose outcome is unknown: some look into the account and take their time,
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

use super::{check::texts, check_waiting::check_left_to_people, people::People};

/// How long people think before they decide.
const THINKS: Duration = Duration::from_secs(600);
/// At the end they leave to the daemon what it can find out: it looks each hour, and may have to prove first that
/// lookups are answered.
const THINKS_AT_LAST: Duration = Duration::from_secs(4 * 3_600);

impl People {
    /// Decides what only a person can, with the account's own ledger at hand, and after some thought:
    /// what was sent may arrive late.
    pub async fn decide(&self) {
        for key in self.undecided_for(THINKS) {
            self.decide_one(&key).await;
        }
    }

    /// The same when nothing goes wrong any more.
    pub async fn decide_at_last(&self) {
        for key in self.undecided_for(THINKS_AT_LAST) {
            check_left_to_people(&self.world, &key);
            self.decide_one(&key).await;
        }
    }

    /// The jobs that have needed a decision for so long.
    fn undecided_for(&self, thinks: Duration) -> Vec<String> {
        let sql = "SELECT j.key FROM task t JOIN job j ON j.id = t.lead_job
            WHERE t.state = 'unresolved' ORDER BY t.id";
        let mut keys = self.world.read(|database| texts(database, sql));
        let mut undecided = self.undecided.lock().unwrap();
        undecided.retain(|key, _| keys.contains(key));
        keys.retain(|key| {
            undecided.entry(key.clone()).or_insert_with(Instant::now).elapsed() >= thinks
        });
        keys
    }

    async fn decide_one(&self, key: &str) {
        let ledger = self.world.ledger();
        let judge = move |state: &JobState| {
            let task = state.to_decide().filter(|task| task.state == State::Unresolved)?;
            let outcome =
                found(&ledger, task).unwrap_or(Outcome::ResolvedAsUnsent { is_sure: true });
            Some(Command::Task(outcome))
        };
        self.command(key, judge).await;
    }

    /// `lipsyncd resolve` as soon as a person thinks of it: the task, if the account shows it to this person, or
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
        let host = self.world.place().account().host;
        let judge = move |state: &JobState| {
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
        let is_done = self.command(&key, judge).await.is_some();
        let decided = decided.lock().unwrap().take();
        let Some(name) = decided.filter(|_| is_done && !names_it) else { return is_done };
        let yes = if is_sure { " --yes" } else { "" };
        self.world.act(&format!("resolve --resend{yes}: {name}"));
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
