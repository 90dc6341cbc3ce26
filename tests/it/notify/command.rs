//! Commands: the message on stdin, and none of the daemon's secrets.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::*;
use crate::support::daemon::JOB;

/// Writes a shell script into the environment, and returns the configuration that calls it.
fn script(env: &TestEnv, body: &str) -> String {
    let path = env.path("report.sh");
    fs::write(&path, format!("#!/bin/sh\ncd {}\n{body}\n", env.dir.path().display())).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    // The path starts at the folder of the configuration.
    "notify: [{ command: [./report.sh, an argument], events: [manifest.finished] }]\n".to_owned()
}

#[test]
fn a_command_gets_the_message_and_no_secret() {
    let mut env = TestEnv::new(quick());
    let notify = script(
        &env,
        "env > env.txt\necho \"$1\" > argument.txt\ncat > message.part\nmv message.part message.json",
    );
    env.configure(5, &notify);
    env.drop_in_old("promo.yaml", JOB);
    env.start_with(&[("NOTIFY_SECRET", SECRET), ("PATH", "/usr/bin:/bin"), ("OTHER", "x")]);
    env.until("the command to run", |env| env.path("message.json").exists());
    let text = fs::read_to_string(env.path("message.json")).unwrap();
    let message: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(message["data"]["manifest"], "promo.yaml");
    assert_eq!(fs::read_to_string(env.path("argument.txt")).unwrap(), "an argument\n");
    let variables = fs::read_to_string(env.path("env.txt")).unwrap();
    assert!(variables.contains("LIPSYNCD_EVENT=manifest.finished\n"), "{variables}");
    for secret in ["sim-secret-key", "whsec_", "KLING", "OTHER"] {
        assert!(!variables.contains(secret), "{variables}");
    }
}

#[test]
fn a_command_that_fails_is_run_again() {
    let mut env = TestEnv::new(quick());
    let body = "if [ -e failed ]; then cat > arrived; else touch failed; echo 'no mail server' >&2; exit 7; fi";
    let notify = script(&env, body);
    env.configure(5, &notify);
    env.drop_in_old("promo.yaml", JOB);
    env.start_with(&[("PATH", "/usr/bin:/bin")]);
    env.until("the failure", |env| {
        env.log().contains("ended with exit code 7: no mail server; it is sent again")
    });
    env.until("the message to arrive", |env| env.path("arrived").exists());
}
