//! Messages that could not be sent for a day: shown, listed, sent again or deleted.

use rusqlite::Connection;

use super::*;

const DAY_MS: i64 = 86_400_000;

#[test]
fn a_message_that_failed_for_a_day_is_shown_until_a_person_decides() {
    let receiver = Receiver::start(Mode::Status(500));
    let mut env = reporting_to(&receiver, "manifest.error");
    env.drop_in_old("a.yaml", "video: 5\n");
    env.start();
    let shown = |env: &TestEnv, text: &str| env.run(&["status"]).out.contains(text);
    let answered = format!("{} answered HTTP 500: what", receiver.address);
    env.until("the failure", |env| shown(env, &format!("1 message not sent yet: {answered}")));
    env.kill();
    let day_passes = || {
        let sql = "UPDATE notification SET first_try_at_ms = first_try_at_ms - ?1, due_at_ms = 0";
        Connection::open(env.path("lipsyncd.db")).unwrap().execute(sql, [DAY_MS]).unwrap();
    };
    day_passes();
    env.start();
    let dead = format!("1 message not sent for 24 h: {answered}");
    env.until("the message to be dead", |env| shown(env, &dead));
    assert!(shown(&env, "lists messages that could not be sent"));
    let tries = receiver.received().len();
    let listed = env.run(&["notify"]).out;
    let expected = format!(
        "  webhook {}  manifest.error  a.yaml  ({tries} tries): {answered}\n",
        receiver.address
    );
    assert!(listed.ends_with(&expected), "{listed}");
    receiver.set(Mode::Status(200));
    let again = env.run(&["notify", "--retry"]);
    assert_eq!(again.out, "1 message to be sent again.\n");
    env.until("the message to arrive", |env| !shown(env, "not sent"));
    assert_eq!(receiver.received().len(), tries + 1);
    assert_eq!(env.run(&["notify", "--discard"]).out, "0 messages deleted.\n");
}
