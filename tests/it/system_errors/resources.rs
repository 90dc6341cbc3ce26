//! Limits of the process: open files, and watches of folders.

use std::process::Command;

use super::skipped;
use crate::support::daemon::{TestEnv, clip, quick};

/// Runs the daemon from a shell that runs `before` first.
fn after(test_env: &TestEnv, shell: &[&str], before: &str) -> Command {
    let daemon = test_env.command(&["run"]);
    let mut command = Command::new(shell[0]);
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command.envs(daemon.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(test_env.dir.path()).args(&shell[1..]);
    command.args(["-c", &format!("{before} && exec \"$0\" \"$@\"")]).arg(daemon.get_program());
    command.args(daemon.get_args());
    command
}

fn drop_in_a_batch(test_env: &TestEnv) {
    test_env.drop_in("audio/en.mp3", clip("welcome-en.mp3"));
    let job = |n| {
        format!(
            "- {{ id: j{n}, audio: audio/en.mp3, \
             video: \"https://cdn.example.com/{n}.mp4?duration_ms=9000\" }}\n"
        )
    };
    test_env.drop_in("m.yaml", format!("jobs:\n{}", (0..8).map(job).collect::<String>()));
}

fn count(test_env: &TestEnv, state: &str) -> usize {
    test_env.states().iter().filter(|(_, is)| is == state).count()
}

#[test]
fn too_few_open_files_fail_no_job() {
    let mut test_env = TestEnv::new(quick());
    drop_in_a_batch(&test_env);
    for files in [22, 26] {
        test_env.spawn_as(after(&test_env, &["sh"], &format!("ulimit -n {files}")));
        let before = test_env.log().matches("Too many open files").count();
        test_env.until("files to be used up", |test_env| {
            test_env.log().matches("Too many open files").count() > before + 3
        });
        assert!(test_env.is_running(), "{}", test_env.log());
        assert_eq!(count(&test_env, "failed"), 0, "{}", test_env.log());
        test_env.signal("TERM");
        assert_eq!(test_env.wait_until_ended().code(), Some(0), "{}", test_env.log());
    }
    test_env.start();
    test_env.until("all to succeed", |test_env| count(test_env, "succeeded") == 8);
    assert_eq!(test_env.ledger().tasks.len(), 8);
    assert!(!test_env.log().contains("panicked"), "{}", test_env.log());
}

#[test]
fn a_folder_that_cannot_be_watched_is_scanned() {
    let mut test_env = TestEnv::new(quick());
    let unshare = ["unshare", "--user", "--map-root-user", "sh"];
    // The limit of a user namespace of its own.
    let limit = "echo 0 > /proc/sys/user/max_inotify_instances";
    if !after(&test_env, &unshare, limit)
        .args(["--version"])
        .output()
        .is_ok_and(|ran| String::from_utf8_lossy(&ran.stderr).is_empty() && ran.status.success())
    {
        skipped("makes a user namespace");
        return;
    }
    test_env.spawn_as(after(&test_env, &unshare, limit));
    test_env.until("the daemon to say so", |test_env| test_env.log().contains("cannot watch "));
    drop_in_a_batch(&test_env);
    test_env.until("all to succeed", |test_env| count(test_env, "succeeded") == 8);
    assert_eq!(test_env.log().matches("cannot watch ").count(), 1, "{}", test_env.log());
}
