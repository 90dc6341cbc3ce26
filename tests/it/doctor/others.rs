//! Doctor by another user than the daemon's, or with another's means: by a member of the group, by root, and
//! by systemd's own hand.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, chown},
    path::Path,
};

use super::{Found, surroundings::nobody};
use crate::support::daemon::{House, JOB, quick};

/// A user and group of every Debian system: nobody, nogroup.
const NOBODY: u32 = 65534;

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Gives the house with all its folders to nobody; false where this user may not.
fn give_away(house: &House) -> bool {
    set_mode(&house.path(""), 0o755);
    ["", "jobs", "media"]
        .iter()
        .all(|name| chown(house.path(name), Some(NOBODY), Some(NOBODY)).is_ok())
}

#[test]
fn an_empty_folder_of_credentials_that_systemd_handed_over_has_none() {
    let house = House::new(quick());
    for (folder, mode) in [("credentials", 0o700), ("handed-over", 0o755)] {
        fs::create_dir(house.path(folder)).unwrap();
        set_mode(&house.path(folder), mode);
    }
    if !give_away(&house) {
        return;
    }
    let mut plain = house.command(&["doctor", "--json"]);
    plain.env_remove("KLING_ACCESS_KEY").env_remove("KLING_SECRET_KEY");
    let Some(mut closed) = nobody(&house, &plain) else { return };
    closed.env_remove("KLING_ACCESS_KEY").env_remove("KLING_SECRET_KEY");
    Found::of(closed).expect("credentials", "warning", "lie in ", "doctor");
    let mut handed_over = nobody(&house, &plain).unwrap();
    handed_over.env("CREDENTIALS_DIRECTORY", house.path("handed-over"));
    let found = Found::of(handed_over);
    found.expect("credentials", "error", "no credentials", "KLING_ACCESS_KEY");
    found.expect("api", "warning", "was not asked", "mend the credentials first");
}

#[test]
fn a_mend_that_several_checks_have_is_told_once_at_the_end() {
    let house = House::new(quick());
    house.drop_in("x.yaml", JOB);
    assert_eq!(house.run(&["run", "--once"]).code, Some(0));
    set_mode(&house.path(""), 0o755);
    set_mode(&house.path("jobs"), 0o700);
    let Some(mut command) = nobody(&house, &house.command(&["doctor"])) else { return };
    let told = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let again =
        format!("sudo -u root lipsyncd --config {} doctor", house.path("lipsyncd.yaml").display());
    assert_eq!(told.matches(&again).count(), 1, "{told}");
    let (checks, end) = told.split_once("\nFor user, ").unwrap_or_else(|| panic!("{told}"));
    assert!(end.lines().next().unwrap().contains("jobs_dir, output_dir"), "{told}");
    assert!(checks.contains("warning  jobs_dir "), "{told}");
    assert!(told.trim_end().lines().last().unwrap().contains(" checks: 0 errors, "), "{told}");
}

#[test]
fn folders_that_are_missing_are_made_for_the_daemons_user_and_group() {
    let house = House::new(quick());
    if !give_away(&house) {
        return;
    }
    fs::remove_dir(house.path("jobs")).unwrap();
    let mend = format!("install -d -o nobody -g nogroup -m 2770 {}", house.path("jobs").display());
    Found::look(&house).expect("jobs_dir", "error", "No such file", &mend);
}

#[test]
fn root_hears_that_the_daemons_user_may_not_read_the_configuration() {
    let house = House::new(quick());
    if !give_away(&house) {
        return;
    }
    let config = house.path("lipsyncd.yaml");
    set_mode(&config, 0o600);
    let file = config.display().to_string();
    let mend = format!("chgrp nogroup {file} && chmod g+r {file}");
    Found::look(&house).expect("configuration", "error", "nobody may not read it", &mend);
    set_mode(&config, 0o640);
    chown(&config, None, Some(NOBODY)).unwrap();
    Found::look(&house).expect("configuration", "ok", &file, "");
}

#[test]
fn a_folder_above_that_is_closed_is_what_is_opened() {
    let house = House::new(quick());
    let above = house.path("home");
    fs::create_dir_all(above.join("jobs")).unwrap();
    house.configure(5, "jobs_dir: home/jobs\n");
    set_mode(&above, 0o700);
    if !give_away(&house) {
        return;
    }
    let Some(command) = nobody(&house, &house.command(&["doctor", "--json"])) else { return };
    let mend = format!("chmod o+x {}", above.display());
    Found::of(command).expect("jobs_dir", "error", "ermission denied", &mend);
}
