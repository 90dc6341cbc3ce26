//! What the account paid for, from the simulator's ledger.
//!
//! The ledger's digest of a content has video, audio, face and times, but no volumes: scenarios make
//! requests different by the former.

use std::{collections::BTreeMap, fmt, thread::panicking};

use lipsyncd::sim::Ledger;

use super::env::Env;

/// The takes that a name may end with.
const TAKES: std::ops::RangeInclusive<u32> = 2..=99;

/// Everything that was paid for: per content and take, the names of its tasks.
pub struct Paid {
    tasks: usize,
    requests: BTreeMap<(String, u32), Vec<String>>,
}

impl Paid {
    pub fn of(ledger: &Ledger) -> Self {
        let mut requests: BTreeMap<_, Vec<String>> = BTreeMap::new();
        for task in &ledger.tasks {
            let name = task.external_task_id.clone().unwrap_or_default();
            let content = format!("{} {}", task.video, &task.content_digest[..8]);
            requests.entry((content, take_of(&name))).or_default().push(name);
        }
        Self { tasks: ledger.tasks.len(), requests }
    }
}

impl fmt::Display for Paid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (tasks, requests) = (self.tasks, self.requests.len());
        writeln!(f, "{tasks} tasks paid for {requests} requests and takes:")?;
        for ((content, take), names) in &self.requests {
            writeln!(f, "  {} x {content} take {take}: {}", names.len(), names.join(", "))?;
        }
        Ok(())
    }
}

/// The take of a task by its name: `…-2` is the second one.
fn take_of(name: &str) -> u32 {
    let ending = name.rsplit_once('-').and_then(|(_, ending)| ending.parse().ok());
    ending.filter(|take| TAKES.contains(take)).unwrap_or(1)
}

impl Env {
    /// So many tasks were paid for, and none of them for the content and take of another one.
    pub fn assert_paid(&self, tasks: usize, when: &str) {
        let paid = Paid::of(&self.ledger());
        let jobs = || self.all_jobs();
        assert_eq!(paid.tasks, tasks, "{when}: {paid}jobs: {:?}", jobs());
        assert_eq!(paid.requests.len(), tasks, "{when}: {paid}jobs: {:?}", jobs());
    }

    /// The names under which tasks were paid for, in the order of their creation.
    pub fn paid_names(&self) -> Vec<String> {
        let tasks = self.ledger().tasks.into_iter();
        tasks.map(|task| task.external_task_id.unwrap_or_default()).collect()
    }
}

impl Drop for Env {
    /// Shows what was paid beside the message of a scenario that failed.
    fn drop(&mut self) {
        if panicking() {
            println!("{}", Paid::of(&self.ledger()));
        }
    }
}

#[test]
fn take_is_read_from_the_name() {
    let hash = "0123456789abcdef0123456789abcdef";
    let digits = "01234567890123456789012345678901";
    for (name, take) in [
        (format!("lipsyncd-{hash}"), 1),
        (format!("lipsyncd-{digits}"), 1),
        (format!("lipsyncd-{hash}-2"), 2),
        (format!("lipsyncd-{hash}-99"), 99),
        ("mine".to_owned(), 1),
        ("mine-3".to_owned(), 3),
    ] {
        assert_eq!(take_of(&name), take, "{name}");
    }
}
