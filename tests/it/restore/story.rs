//! Stories by chance: jobs come in, are sent, cancelled and retried, while backups are made and put back. However
//! they go, a job is paid for once, and once more for each retry of what was sent.
//!
//! `LIPSYNCD_STORIES=20 cargo test --test it restore::story -- --nocapture` plays 20, `LIPSYNCD_STORY=7` plays one.

use std::{collections::BTreeMap, fs};

use super::{back_up, job, put_back};
use crate::support::{
    chance::Chance,
    counts::{count, number},
    daemon::{TestEnv, slow},
};

const STEPS: u64 = 40;
/// Few, so that much happens to each.
const JOBS_MAX: u64 = 3;

struct Story {
    test_env: TestEnv,
    chance: Chance,
    reported: Vec<String>,
    jobs: u64,
    /// By job, how many retries may be paid for.
    retries: BTreeMap<String, usize>,
}

impl Story {
    fn step(&mut self) {
        let some = format!("j{}", self.chance.next() % self.jobs.max(1));
        match self.chance.next() % 16 {
            0..2 if self.jobs < JOBS_MAX => {
                let name = format!("j{}", self.jobs);
                self.jobs += 1;
                self.reported.push(format!("{name} comes in"));
                self.test_env.drop_in(&format!("{name}.yaml"), job(&name));
            }
            2 => {
                self.reported.push("tasks end".to_owned());
                self.test_env.finish_tasks();
            }
            3 | 4 => self.type_in(&["cancel", &some]),
            5..8 => self.retry(&some),
            8 => self.type_in(&["pause"]),
            9 | 10 => self.type_in(&["resume"]),
            11 => {
                let _none = fs::remove_file(self.test_env.path("backup.db"));
                back_up(&self.test_env);
                self.reported.push("backup".to_owned());
            }
            12 | 13 if self.test_env.path("backup.db").exists() => {
                self.test_env.kill();
                put_back(&self.test_env);
                self.reported.push("put back".to_owned());
                self.test_env.start();
            }
            _ => {
                self.test_env.until_scanned_again(&format!("look-{}", self.reported.len()));
                self.reported.push(format!("{:?}", self.jobs()));
            }
        }
    }

    fn type_in(&mut self, arguments: &[&str]) {
        let ran = self.test_env.run(arguments);
        self.reported.push(format!("{arguments:?}: {} {}", ran.out.trim(), ran.err.trim()));
    }

    fn retry(&mut self, key: &str) {
        let before = self.test_env.database().and_then(|database| {
            let sql = "SELECT task_id IS NOT NULL FROM job_overview WHERE key = ?1";
            database.query_row(sql, [key], |row| row.get::<_, bool>(0)).ok()
        });
        let ran = self.test_env.run(&["retry", "--yes", key]);
        self.reported.push(format!("retry {key}: {} {}", ran.out.trim(), ran.err.trim()));
        if ran.code == Some(0) && before == Some(true) {
            *self.retries.entry(key.to_owned()).or_default() += 1;
        }
    }

    /// The jobs of the story, without the markers.
    fn jobs(&self) -> Vec<(String, String)> {
        let states = self.test_env.states().into_iter();
        states.filter(|(key, _)| key.starts_with('j')).collect()
    }

    fn end(mut self) -> usize {
        self.type_in(&["resume"]);
        self.test_env.until("all to end", |test_env| {
            test_env.finish_tasks();
            let states = test_env.states();
            let of_story = || states.iter().filter(|(key, _)| key.starts_with('j'));
            of_story().count() as u64 == self.jobs
                && of_story().all(|(_, state)| state == "succeeded" || state == "cancelled")
        });
        let tasks = self.test_env.ledger().tasks;
        for (key, state) in self.jobs() {
            let paid =
                tasks.iter().filter(|task| task.video.contains(&format!("/{key}.mp4"))).count();
            let most = 1 + self.retries.get(&key).copied().unwrap_or_default();
            assert!(paid <= most, "{key}: {paid} tasks for {most}:\n{}", self.reported.join("\n"));
            if state == "succeeded" {
                assert!(paid > 0, "{key}: {}", self.reported.join("\n"));
                self.test_env.assert_complete(&format!("{key}.mp4"));
            }
        }
        self.test_env.assert_paid_once();
        tasks.len()
    }
}

#[test]
fn seeds() {
    let seeds = match number("LIPSYNCD_STORY") {
        Some(seed) => seed..seed + 1,
        None => 0..count("LIPSYNCD_STORIES", 1, 3),
    };
    let (mut tasks, mut restores) = (0, 0);
    for seed in seeds.clone() {
        let mut test_env = TestEnv::new(slow());
        test_env.start();
        let (reported, retries) = (Vec::new(), BTreeMap::new());
        let chance = Chance::new(seed);
        let mut story = Story { test_env, chance, reported, jobs: 0, retries };
        for _ in 0..STEPS {
            story.step();
        }
        restores += story.reported.iter().filter(|reported| *reported == "put back").count();
        tasks += story.end();
    }
    println!("stories {}, backups put back {restores}, tasks {tasks}, paid twice 0", seeds.count());
}
