//! `lipsyncd doctor`: what it finds, what it says to that, and that it leaves everything as it was.

mod around;
mod jobs;
mod others;
mod restored;
mod storage;
mod surroundings;

use std::process::Command;

use serde_json::Value;

use crate::support::daemon::{Ran, TestEnv};

/// What doctor finds in a test_env.
struct Found {
    ran: Ran,
    json: Value,
}

impl Found {
    fn of(mut command: Command) -> Self {
        let ran: Ran = command.output().unwrap().into();
        let json = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran:?}"));
        Self { ran, json }
    }

    fn look(test_env: &TestEnv) -> Self {
        Self::of(test_env.command(&["doctor", "--json"]))
    }

    /// Status and message of the checks of that name.
    fn checks(&self, name: &str) -> Vec<(&str, &str, &str)> {
        let checks = self.json["checks"].as_array().unwrap();
        checks
            .iter()
            .filter(|check| check["name"] == name)
            .map(|check| {
                let text = |member: &str| check[member].as_str().unwrap_or_default();
                (text("status"), text("message"), text("mend"))
            })
            .collect()
    }

    /// There is such a finding, and its mend says how.
    #[track_caller]
    fn expect(&self, name: &str, status: &str, message: &str, mend: &str) {
        let checks = self.checks(name);
        let is_it = |(is, says, how): &(&str, &str, &str)| {
            *is == status && says.contains(message) && how.contains(mend)
        };
        assert!(checks.iter().any(is_it), "{name}: {status}, {message}, {mend}: {:#}", self.json);
    }

    /// Nothing else than these is wrong.
    #[track_caller]
    fn only(&self, names: &[&str]) {
        let checks = self.json["checks"].as_array().unwrap();
        let wrong = checks.iter().filter(|check| check["status"] != "ok");
        let wrong: Vec<&str> = wrong.map(|check| check["name"].as_str().unwrap()).collect();
        assert_eq!(wrong, names, "{:#}", self.json);
    }
}
