//! Commands in a working directory that their user may not enter, such as the home of another user.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use super::skipped;
use crate::support::daemon::{TestEnv, is_root, quick};

#[test]
fn a_folder_without_permission_is_not_searched_for_a_configuration() {
    if !is_root() {
        return skipped("enters a folder that its user may not look into");
    }
    let test_env = TestEnv::new(quick());
    let home = test_env.path("home");
    fs::create_dir(&home).unwrap();
    let program = test_env.command(&[]).get_program().to_owned();
    let status = |mode: u32| {
        // As `sudo -u` does: the working directory stays, without the permission to enter it.
        let mut command = Command::new("setpriv");
        command.env_clear().current_dir(&home);
        for set in ["--bounding-set", "--inh-caps"] {
            command.args([set, "-dac_override,-dac_read_search"]);
        }
        fs::set_permissions(&home, fs::Permissions::from_mode(mode)).unwrap();
        command.arg(&program).arg("status");
        let reported = String::from_utf8(command.output().unwrap().stderr).unwrap();
        fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
        reported
    };
    let reported = status(0o000);
    assert!(!reported.contains("cannot read the configuration"), "{reported}");
    // A file that exists and cannot be read is an error.
    fs::write(home.join("lipsyncd.yaml"), "").unwrap();
    fs::set_permissions(home.join("lipsyncd.yaml"), fs::Permissions::from_mode(0o000)).unwrap();
    let reported = status(0o700);
    assert!(reported.contains("cannot read the configuration"), "{reported}");
}
