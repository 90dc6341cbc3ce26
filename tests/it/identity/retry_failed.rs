//! `retry --failed` beside other commands: only jobs that are failed when it writes are taken.

use std::{
    fs,
    process::{Child, Command, ExitStatus, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use lipsyncd::sim::{Endpoint, Fault, FaultRule, Sim};

use super::{env::Env, samples::single};

/// After how many ms `retry --failed` is stopped, in one round each.
const STOPPED_AFTER_MS: [u64; 8] = [1, 3, 5, 7, 10, 14, 20, 30];
/// A command that does not end within this waits for one that is stopped.
const BLOCKED: Duration = Duration::from_millis(1500);

/// Makes these jobs fail, before Kling accepts anything.
fn fail(env: &Env, keys: &[String]) {
    let refusal = Fault::Code { code: 1301, status: None, retry_after_s: None, message: None };
    env.sim.control(|sim| sim.add_fault(FaultRule::always(Endpoint::Create, refusal)));
    for key in keys {
        env.drop_in(&format!("{key}.yaml"), single(key));
    }
    env.until_all(keys, "failed");
    env.sim.control(Sim::clear_faults);
}

fn signal(name: &str, child: &Child) {
    // The process may have ended, which is no error here.
    let _ended = Command::new("kill").args([name, &child.id().to_string()]).output().unwrap();
}

/// Stops a process and waits until it is stopped.
fn stop(child: &Child) {
    signal("-STOP", child);
    let path = format!("/proc/{}/stat", child.id());
    let is_still = || {
        let stat = fs::read_to_string(&path).unwrap_or_default();
        stat.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with(['T', 'Z']))
    };
    while !is_still() {
        sleep(Duration::from_millis(1));
    }
}

fn spawn(env: &Env, arguments: &[&str]) -> Child {
    let mut command = env.command(arguments);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Waits for a command; none if it did not end within [`BLOCKED`], and was killed.
fn ended_in_time(mut child: Child) -> Option<ExitStatus> {
    let began = Instant::now();
    while began.elapsed() < BLOCKED {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

/// Waits for a `retry --failed --yes`, which may have found nothing to do.
fn assert_understood(mut command: Child) {
    let status = command.wait().unwrap();
    assert!(matches!(status.code(), Some(0 | 1)), "retry --failed --yes: {status}");
}

#[test]
fn succeeded_job_is_not_taken_by_a_slow_retry_failed() {
    let mut env = Env::new();
    env.start();
    let mut paid = 0;
    for ms in STOPPED_AFTER_MS {
        let keys = ["revived", "left"].map(|name| format!("{name}-{ms}"));
        let [revived, left] = &keys;
        fail(&env, &keys);
        env.assert_paid(paid, "after the refusals");
        let slow = spawn(&env, &["retry", "--failed", "--yes"]);
        sleep(Duration::from_millis(ms));
        stop(&slow);
        // The stopped command may have taken the job already: then another one must not.
        if env.state(revived) == "failed" {
            let named = spawn(&env, &["retry", revived, "--yes"]);
            if let Some(status) = ended_in_time(named) {
                assert_eq!(status.code(), Some(0), "retry {revived} --yes");
                env.until_all(std::slice::from_ref(revived), "succeeded");
            }
        }
        signal("-CONT", &slow);
        assert_understood(slow);
        env.until_all(&keys, "succeeded");
        env.scanned();
        env.until_all_ended();
        paid += keys.len();
        env.assert_paid(paid, &format!("stopped after {ms} ms, then continued; {left} was left"));
    }
}

#[test]
fn two_retry_failed_at_once_pay_once() {
    let mut env = Env::new();
    env.start();
    let keys: Vec<String> = (0..10).map(|n| format!("at-once-{n}")).collect();
    fail(&env, &keys);
    let commands: Vec<Child> =
        (0..6).map(|_| spawn(&env, &["retry", "--failed", "--yes"])).collect();
    for command in commands {
        assert_understood(command);
    }
    env.until_all(&keys, "succeeded");
    env.scanned();
    env.until_all_ended();
    env.assert_paid(keys.len(), "after six commands at once");
}

#[test]
fn retry_without_a_terminal_needs_yes() {
    let mut env = Env::new();
    env.start();
    fail(&env, &["unasked".to_owned()]);
    let ran = env.run(&["retry", "--failed"]);
    assert!(ran.code != Some(0) && ran.err.contains("--yes"), "{ran:?}");
    env.scanned();
    assert_eq!(env.state("unasked"), "failed");
    env.assert_paid(0, "without --yes");
}
