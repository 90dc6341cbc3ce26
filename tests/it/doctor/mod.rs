//! `lipsyncd doctor`: what it finds, which fixes it prints, and that it changes nothing.

mod environment;
mod healthy;
mod jobs;
mod network;
mod notifications;
mod other_users;
mod packs;
mod restored;
mod storage;

use std::process::Command;

use serde_json::Value;

use crate::support::daemon::{Ran, TestEnv};

/// The report of one run of doctor.
struct DoctorRun {
    ran: Ran,
    json: Value,
}

impl DoctorRun {
    fn of(mut command: Command) -> Self {
        let ran: Ran = command.output().unwrap().into();
        let json = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran:?}"));
        Self { ran, json }
    }

    fn run(test_env: &TestEnv) -> Self {
        Self::of(test_env.command(&["doctor", "--json"]))
    }

    /// Status, message and fix of the checks with that name.
    fn checks(&self, name: &str) -> Vec<(&str, &str, &str)> {
        let checks = self.json["checks"].as_array().unwrap();
        checks
            .iter()
            .filter(|check| check["name"] == name)
            .map(|check| {
                let text = |member: &str| check[member].as_str().unwrap_or_default();
                (text("status"), text("message"), text("fix"))
            })
            .collect()
    }

    /// Asserts that there is such a finding with such a fix.
    #[track_caller]
    fn expect(&self, name: &str, status: &str, message: &str, fix: &str) {
        let checks = self.checks(name);
        let is_it = |(is, says, how): &(&str, &str, &str)| {
            *is == status && says.contains(message) && how.contains(fix)
        };
        assert!(checks.iter().any(is_it), "{name}: {status}, {message}, {fix}: {:#}", self.json);
    }

    /// Asserts that exactly these checks are not ok.
    #[track_caller]
    fn only(&self, names: &[&str]) {
        let checks = self.json["checks"].as_array().unwrap();
        let wrong = checks.iter().filter(|check| check["status"] != "ok");
        let wrong: Vec<&str> = wrong.map(|check| check["name"].as_str().unwrap()).collect();
        assert_eq!(wrong, names, "{:#}", self.json);
    }
}
