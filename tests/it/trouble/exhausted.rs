//! What a process may run out of: open files, and watches of folders.

use std::process::Command;

use super::skipped;
use crate::support::daemon::{House, clip, quick};

/// The daemon, run by a shell that says `before` first.
fn after(house: &House, shell: &[&str], before: &str) -> Command {
    let daemon = house.command(&["run"]);
    let mut command = Command::new(shell[0]);
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command.envs(daemon.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(house.dir.path()).args(&shell[1..]);
    command.args(["-c", &format!("{before} && exec \"$0\" \"$@\"")]).arg(daemon.get_program());
    command.args(daemon.get_args());
    command
}

fn drop_in_a_batch(house: &House) {
    house.drop_in("sounds/en.mp3", clip("welcome-en.mp3"));
    let job = |n| {
        format!(
            "- {{ id: j{n}, audio: sounds/en.mp3, \
             video: \"https://cdn.example.com/{n}.mp4?duration_ms=9000\" }}\n"
        )
    };
    house.drop_in("m.yaml", format!("jobs:\n{}", (0..8).map(job).collect::<String>()));
}

fn count(house: &House, state: &str) -> usize {
    house.states().iter().filter(|(_, is)| is == state).count()
}

#[test]
fn a_daemon_that_may_open_hardly_any_file_fails_nothing_and_goes_on() {
    let mut house = House::new(quick());
    drop_in_a_batch(&house);
    for files in [22, 26] {
        house.spawn_as(after(&house, &["sh"], &format!("ulimit -n {files}")));
        let before = house.log().matches("Too many open files").count();
        house.until("files to be used up", |house| {
            house.log().matches("Too many open files").count() > before + 3
        });
        assert!(house.is_running(), "{}", house.log());
        assert_eq!(count(&house, "failed"), 0, "{}", house.log());
        house.signal("TERM");
        assert_eq!(house.ended().code(), Some(0), "{}", house.log());
    }
    house.start();
    house.until("all to succeed", |house| count(house, "succeeded") == 8);
    assert_eq!(house.ledger().tasks.len(), 8);
    assert!(!house.log().contains("panicked"), "{}", house.log());
}

#[test]
fn a_folder_that_cannot_be_watched_is_walked_all_the_same() {
    let mut house = House::new(quick());
    let unshare = ["unshare", "--user", "--map-root-user", "sh"];
    // The limit of a user namespace of its own.
    let limit = "echo 0 > /proc/sys/user/max_inotify_instances";
    if !after(&house, &unshare, limit)
        .args(["--version"])
        .output()
        .is_ok_and(|ran| String::from_utf8_lossy(&ran.stderr).is_empty() && ran.status.success())
    {
        skipped("makes a user namespace");
        return;
    }
    house.spawn_as(after(&house, &unshare, limit));
    house.until("the daemon to say so", |house| house.log().contains("cannot be watched"));
    drop_in_a_batch(&house);
    house.until("all to succeed", |house| count(house, "succeeded") == 8);
    assert_eq!(house.log().matches("cannot be watched").count(), 1, "{}", house.log());
}
