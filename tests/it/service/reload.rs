//! SIGHUP: settings and credentials are read anew, and the work goes on with them in the same process.

use std::{fs, process::Command};

use super::manager::Manager;
use crate::support::daemon::{House, JOB, quick, slow};

fn job(name: &str) -> String {
    JOB.replace("/v.mp4", &format!("/{name}.mp4"))
}

/// Reloads, and waits until that is over.
fn reload(house: &House, manager: &Manager) {
    let before = manager.count("READY=1");
    house.signal("HUP");
    house.until("the reload to begin", |_| manager.count("RELOADING=1") > 0);
    house.until("the reload to end", |_| manager.count("READY=1") > before);
}

#[test]
fn a_new_limit_is_taken_while_tasks_are_followed_on() {
    let mut house = House::with(slow(), 1, "");
    let manager = Manager::listen(&house);
    for name in ["a", "b", "c"] {
        house.drop_in_old(&format!("{name}.yaml"), job(name));
    }
    manager.start(&mut house, &[]);
    house.until("the one slot to be used", |house| house.ledger().tasks.len() == 1);
    let pid = house.pid();
    house.configure(2, "");
    reload(&house, &manager);
    assert!(manager.heard().iter().any(|line| line.starts_with("MONOTONIC_USEC=")));
    house.until("the second slot to be used", |house| house.ledger().tasks.len() == 2);
    house.until("both to be counted", |_| manager.status().starts_with("2 of 2 slots used"));
    assert_eq!(house.pid(), pid);
    assert!(house.is_running());
    house.until("all to be done", |house| {
        house.finish_tasks();
        ["a", "b", "c"].iter().all(|key| house.state(key) == "succeeded")
    });
    house.assert_paid_once();
    assert_eq!(house.ledger().tasks.len(), 3);
}

#[test]
fn a_faulty_configuration_is_told_and_not_taken() {
    let mut house = House::new(quick());
    let manager = Manager::listen(&house);
    manager.start(&mut house, &[]);
    house.until("the daemon to be ready", |_| manager.count("READY=1") == 1);
    let good = fs::read_to_string(house.path("lipsyncd.yaml")).unwrap();
    let moved = format!("{good}state_db: other.db\n");
    let unusable = format!("{good}output_dir: lipsyncd.yaml\n");
    let unknown = format!("{good}colour: blue\n");
    let told = "the new configuration is not taken";
    let faulty = [
        (unknown, "colour"),
        (moved, "state_db cannot change"),
        (unusable, "output_dir"),
        (String::new(), "is empty"),
    ];
    for (turn, (text, why)) in faulty.into_iter().enumerate() {
        fs::write(house.path("lipsyncd.yaml"), text).unwrap();
        reload(&house, &manager);
        let log = house.log();
        let lines: Vec<_> = log.lines().filter(|line| line.contains(told)).collect();
        assert_eq!(lines.len(), turn + 1, "{log}");
        assert!(lines[turn].contains(why), "{}", lines[turn]);
        house.until("it to stand in the line of status", |_| {
            let status = manager.status();
            status.starts_with("a new configuration was refused (") && status.contains(why)
        });
    }
    // And it works on.
    house.drop_in("x.yaml", JOB);
    house.until_state("x", "succeeded");
    fs::write(house.path("lipsyncd.yaml"), good).unwrap();
    reload(&house, &manager);
    assert!(house.log().contains("are as they were"), "{}", house.log());
    house.until("the status to be plain again", |_| manager.status().starts_with("0 of 5 slots"));
}

#[test]
fn credentials_that_were_refused_are_replaced_without_a_restart() {
    let mut house = House::with(quick(), 5, "pause: { probe_interval: 100ms }\n");
    let manager = Manager::listen(&house);
    let folder = house.path("credentials");
    fs::create_dir(&folder).unwrap();
    let write = |secret: &str| {
        fs::write(folder.join("kling_access_key"), "sim-access-key\n").unwrap();
        fs::write(folder.join("kling_secret_key"), format!("{secret}\n")).unwrap();
    };
    write("sim-mistyped-key");
    let found = ("CREDENTIALS_DIRECTORY", folder.to_str().unwrap());
    // Empty ones count as absent.
    let unset = [("KLING_ACCESS_KEY", ""), ("KLING_SECRET_KEY", "")];
    manager.start(&mut house, &[found, unset[0], unset[1]]);
    house.drop_in("x.yaml", JOB);
    house.until("the line to be paused", |_| manager.status().starts_with("paused: "));
    fs::remove_file(folder.join("kling_secret_key")).unwrap();
    reload(&house, &manager);
    assert!(house.log().contains("KLING_SECRET_KEY is not"), "{}", house.log());
    write("sim-secret-key");
    reload(&house, &manager);
    house.until_state("x", "succeeded");
    assert!(!house.log().contains("mistyped"));
}

#[test]
fn a_reload_in_a_storm_pays_nothing_twice() {
    let mut house = House::with(quick(), 4, "");
    let manager = Manager::listen(&house);
    for number in 0..40 {
        house.drop_in_old(&format!("{number}.yaml"), job(&format!("v{number}")));
    }
    manager.start(&mut house, &[]);
    house.until("the daemon to be ready", |_| manager.count("READY=1") == 1);
    for turn in 0..12 {
        house.configure(2 + turn % 3, "");
        reload(&house, &manager);
    }
    house.until("all to be done", |house| {
        (0..40).all(|number| house.state(&number.to_string()) == "succeeded")
    });
    house.assert_paid_once();
    assert_eq!(house.ledger().tasks.len(), 40);
    assert!(house.is_running());
}

#[test]
fn a_pipe_in_the_place_of_the_configuration_holds_no_reload_up() {
    let mut house = House::new(quick());
    let manager = Manager::listen(&house);
    manager.start(&mut house, &[]);
    house.until("the daemon to be ready", |_| manager.count("READY=1") == 1);
    let file = house.path("lipsyncd.yaml");
    fs::remove_file(&file).unwrap();
    assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
    house.signal("HUP");
    house.drop_in("x.yaml", JOB);
    house.until_state("x", "succeeded");
    house.until("the pipe to be told", |house| house.log().contains("give no answer within"));
    fs::remove_file(&file).unwrap();
    house.configure(3, "");
    reload(&house, &manager);
    house.until("the new limit", |_| manager.status().starts_with("0 of 3 slots used"));
}

#[test]
fn what_is_being_written_is_written_before_others_write_there() {
    let mut house = House::new(quick());
    let manager = Manager::listen(&house);
    let hold = house.path("hold");
    fs::write(&hold, "").unwrap();
    let held = format!("part.finish.before:{}", hold.display());
    house.drop_in_old("x.yaml", JOB);
    manager.start(&mut house, &[("LIPSYNCD_HOLD", &held)]);
    let part = house.path("output/.x.mp4.part");
    let length = || fs::metadata(&part).map_or(0, |part| part.len());
    // All of it is there; it has yet to be synced, and to get its name.
    house.until("the result to come", |_| length() > 0);
    let came = length();
    house.configure(3, "");
    house.signal("HUP");
    house.until("the result to be waited for", |house| {
        house.log().contains("waits for files that are still being written")
    });
    assert_eq!(length(), came);
    assert_eq!(house.log().matches(", state in ").count(), 1);
    fs::remove_file(&hold).unwrap();
    house.until_state("x", "succeeded");
    house.until("the new limit", |_| manager.status().starts_with("0 of 3 slots used"));
    house.assert_whole("x.mp4");
    house.assert_paid_once();
    assert!(house.hidden("output").is_empty());
}
