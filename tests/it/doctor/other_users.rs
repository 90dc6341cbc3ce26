//! Doctor run by another user than the daemon's: by a member of the group, by root, and by systemd.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, chown},
    path::Path,
};

use super::{DoctorRun, environment::nobody};
use crate::support::daemon::{JOB, TestEnv, quick};

/// A user and group of every Debian system: nobody, nogroup.
const NOBODY: u32 = 65534;

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Gives the test environment with all its folders to nobody; false where this user may not.
fn give_away(test_env: &TestEnv) -> bool {
    set_mode(&test_env.path(""), 0o755);
    ["", "jobs", "media"]
        .iter()
        .all(|name| chown(test_env.path(name), Some(NOBODY), Some(NOBODY)).is_ok())
}

#[test]
fn empty_credentials_folder_from_systemd_has_no_credentials() {
    let test_env = TestEnv::new(quick());
    for (folder, mode) in [("credentials", 0o700), ("handed-over", 0o755)] {
        fs::create_dir(test_env.path(folder)).unwrap();
        set_mode(&test_env.path(folder), mode);
    }
    if !give_away(&test_env) {
        return;
    }
    let mut plain = test_env.command(&["doctor", "--json"]);
    plain.env_remove("KLING_ACCESS_KEY").env_remove("KLING_SECRET_KEY");
    let Some(mut closed) = nobody(&test_env, &plain) else { return };
    closed.env_remove("KLING_ACCESS_KEY").env_remove("KLING_SECRET_KEY");
    DoctorRun::of(closed).expect("credentials", "warning", "may not read ", "doctor");
    let mut handed_over = nobody(&test_env, &plain).unwrap();
    handed_over.env("CREDENTIALS_DIRECTORY", test_env.path("handed-over"));
    let found = DoctorRun::of(handed_over);
    found.expect("credentials", "error", "no credentials", "KLING_ACCESS_KEY");
    found.expect("api", "warning", "was not queried", "fix the credentials first");
}

#[test]
fn fix_of_several_checks_is_printed_once_at_the_end() {
    let test_env = TestEnv::new(quick());
    test_env.drop_in("x.yaml", JOB);
    assert_eq!(test_env.run(&["run", "--once"]).code, Some(0));
    set_mode(&test_env.path(""), 0o755);
    set_mode(&test_env.path("jobs"), 0o700);
    let Some(mut command) = nobody(&test_env, &test_env.command(&["doctor"])) else { return };
    let printed = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let again = format!(
        "sudo -u root lipsyncd --config {} doctor",
        test_env.path("lipsyncd.yaml").display()
    );
    assert_eq!(printed.matches(&again).count(), 1, "{printed}");
    let (checks, end) = printed.split_once("\nFor user, ").unwrap_or_else(|| panic!("{printed}"));
    assert!(end.lines().next().unwrap().contains("jobs_dir, output_dir"), "{printed}");
    assert!(checks.contains("warning  jobs_dir "), "{printed}");
    assert!(
        printed.trim_end().lines().last().unwrap().contains(" checks: 0 errors, "),
        "{printed}"
    );
}

#[test]
fn fix_creates_missing_folders_for_the_daemons_user_and_group() {
    let test_env = TestEnv::new(quick());
    if !give_away(&test_env) {
        return;
    }
    fs::remove_dir(test_env.path("jobs")).unwrap();
    let fix =
        format!("install -d -o nobody -g nogroup -m 2770 {}", test_env.path("jobs").display());
    DoctorRun::run(&test_env).expect("jobs_dir", "error", "No such file", &fix);
}

#[test]
fn configuration_that_only_root_can_read_is_an_error() {
    let test_env = TestEnv::new(quick());
    if !give_away(&test_env) {
        return;
    }
    let config = test_env.path("lipsyncd.yaml");
    set_mode(&config, 0o600);
    let file = config.display().to_string();
    let fix = format!("chgrp nogroup {file} && chmod g+r {file}");
    DoctorRun::run(&test_env).expect("configuration", "error", "nobody may not read it", &fix);
    set_mode(&config, 0o640);
    chown(&config, None, Some(NOBODY)).unwrap();
    DoctorRun::run(&test_env).expect("configuration", "ok", &file, "");
}

#[test]
fn fix_opens_the_closed_parent_folder() {
    let test_env = TestEnv::new(quick());
    let above = test_env.path("home");
    fs::create_dir_all(above.join("jobs")).unwrap();
    test_env.configure(5, "jobs_dir: home/jobs\n");
    set_mode(&above, 0o700);
    if !give_away(&test_env) {
        return;
    }
    let Some(command) = nobody(&test_env, &test_env.command(&["doctor", "--json"])) else { return };
    let fix = format!("chmod o+x {}", above.display());
    DoctorRun::of(command).expect("jobs_dir", "error", "ermission denied", &fix);
}
