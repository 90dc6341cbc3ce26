//! `lipsyncd notify --test`: each target gets a message now, and its result is printed.

use super::*;

#[test]
fn each_target_gets_a_test_message_and_its_result_is_shown() {
    let (good, bad) = (Receiver::start(Mode::Status(200)), Receiver::start(Mode::Status(404)));
    let notify = format!(
        "notify: [{{ webhook: '{}' }}, {{ webhook: '{}', format: ntfy }}, {{ command: [/missing/program] }}]\n",
        good.url(),
        bad.url()
    );
    let env = TestEnv::with(quick(), 5, &notify);
    let mut command = env.command(&["notify", "--test"]);
    let ran = command.env("NOTIFY_SECRET", SECRET).output().unwrap();
    let out = String::from_utf8(ran.stdout).unwrap();
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(ran.status.code(), Some(1), "{out}");
    assert_eq!(lines[0], format!("webhook {}: sent (HTTP 200)", good.address));
    let refused = format!("webhook {0}: failed: {0} answered HTTP 404: what", bad.address);
    assert_eq!(lines[1], refused);
    assert!(lines[2].starts_with("command /missing/program: failed: cannot start"), "{out}");
    assert_eq!(good.events(), ["test"]);
    assert!(good.received()[0].headers["webhook-signature"].starts_with("v1,"));
    let ntfy = &bad.received()[0];
    assert_eq!(ntfy.headers["title"], "lipsyncd: test");
    assert_eq!(ntfy.body, "Messages of lipsyncd arrive here.");
}

#[test]
fn a_wrong_secret_is_named_and_not_shown() {
    let env = TestEnv::new(quick());
    for arguments in [&["notify", "--test"][..], &["run", "--once"]] {
        let ran = env.command(arguments).env("NOTIFY_SECRET", "hunter2").output().unwrap();
        let err = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(2), "{err}");
        assert!(err.contains("NOTIFY_SECRET is not `whsec_`") && !err.contains("hunter2"), "{err}");
    }
}
