//! Targets of messages that cannot work, and messages that could not be sent.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::DoctorRun;
use crate::support::daemon::{TestEnv, quick};

#[test]
fn commands_that_cannot_run_and_unsigned_webhooks_are_named() {
    let test_env = TestEnv::new(quick());
    test_env.configure(5, "notify: [{ command: [./report.sh] }]\n");
    let found = DoctorRun::run(&test_env);
    found.only(&["notifications"]);
    found.expect(
        "notifications",
        "warning",
        "/report.sh cannot run: No such file",
        "correct the path",
    );
    let program = test_env.path("report.sh");
    fs::write(&program, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o644)).unwrap();
    let found = DoctorRun::run(&test_env);
    let chmod = format!("chmod +x {}", program.display());
    found.expect("notifications", "warning", "is no executable file", &chmod);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let found = DoctorRun::run(&test_env);
    found.only(&[]);
    found.expect("notifications", "ok", "1 target", "");
    test_env.configure(5, "notify: [{ webhook: 'http://127.0.0.1:9/x' }]\n");
    let found = DoctorRun::run(&test_env);
    found.expect("notifications", "warning", "webhooks are not signed here", "set NOTIFY_SECRET");
}

#[test]
fn a_message_that_could_not_be_sent_names_the_test() {
    let mut test_env = TestEnv::new(quick());
    test_env.configure(5, "notify: [{ command: [/bin/false], events: [manifest.error] }]\n");
    test_env.drop_in_old("a.yaml", "video: 5\n");
    test_env.start();
    test_env.until("the command to fail", |test_env| {
        test_env.log().contains("ended with exit code 1; it is sent again")
    });
    let found = DoctorRun::run(&test_env);
    let problem = "1 message not sent yet: ended with exit code 1";
    found.expect("notifications", "warning", problem, "notify --test");
}
