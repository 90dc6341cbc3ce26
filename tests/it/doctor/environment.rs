//! Errors of what lipsyncd depends on, each with its finding and its fix.

use std::{
    fs,
    os::unix::{
        fs::PermissionsExt as _,
        fs::{chown, symlink},
    },
    path::Path,
    process::Command,
};

use lipsyncd::sim::{Endpoint, FaultRule, SimConfig};

use super::DoctorRun;
use crate::support::{
    daemon::{TestEnv, clip, quick},
    refusal,
};

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Runs doctor as a user who owns nothing; none where that cannot be tried.
fn as_nobody(test_env: &TestEnv) -> Option<DoctorRun> {
    nobody(test_env, &test_env.command(&["doctor", "--json"])).map(DoctorRun::of)
}

/// A command as that user.
pub(super) fn nobody(test_env: &TestEnv, plain: &Command) -> Option<Command> {
    let mut nobody = Command::new("setpriv");
    nobody.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    nobody.arg(plain.get_program()).args(plain.get_args()).current_dir(test_env.path(""));
    nobody.env_clear();
    for (name, value) in plain.get_envs() {
        nobody.env(name, value.unwrap());
    }
    let ran = Command::new("setpriv").args(["--reuid=65534", "true"]).output();
    if !ran.is_ok_and(|ran| ran.status.success()) {
        println!("skipped: this test runs doctor as another user");
        return None;
    }
    Some(nobody)
}

#[test]
fn configuration_error_is_a_finding_and_exit_code_2() {
    let test_env = TestEnv::new(quick());
    fs::write(test_env.path("lipsyncd.yaml"), "jobsdir: x\nlimits: { concurrency: 0 }\n").unwrap();
    let found = DoctorRun::run(&test_env);
    assert_eq!(found.ran.code, Some(2));
    let config = test_env.path("lipsyncd.yaml").display().to_string();
    let fix = format!("lipsyncd --config {config} check");
    found.expect(
        "configuration",
        "error",
        "unknown key `jobsdir` (did you mean `jobs_dir`?)",
        &fix,
    );
    found.expect("credentials", "ok", "from the environment", "");
    let nowhere = DoctorRun::of(test_env.command_with("nowhere.yaml", &["doctor", "--json"]));
    assert_eq!(nowhere.ran.code, Some(2));
    nowhere.expect("configuration", "error", "nowhere.yaml", "ls -l ");
}

#[test]
fn missing_and_malformed_credentials_are_findings() {
    let test_env = TestEnv::new(quick());
    let mut none = test_env.command(&["doctor", "--json"]);
    none.env_clear();
    let found = DoctorRun::of(none);
    assert_eq!(found.ran.code, Some(1));
    found.expect("credentials", "error", "no credentials", "export KLING_ACCESS_KEY=…");
    found.expect(
        "api",
        "warning",
        "was not queried: there are no credentials",
        "fix the credentials first",
    );
    found.expect("jobs_dir", "ok", "", "");
    let mut half = test_env.command(&["doctor", "--json"]);
    half.env_remove("KLING_SECRET_KEY");
    DoctorRun::of(half).expect("credentials", "error", "KLING_SECRET_KEY is not", "export");
}

#[test]
fn package_credentials_are_found_and_their_modes_checked() {
    let test_env = TestEnv::new(quick());
    let folder = test_env.path("credentials");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("access_key"), "sim-access-key\n").unwrap();
    fs::write(folder.join("secret_key"), "sim-secret-key\n").unwrap();
    for (file, mode) in [("access_key", 0o400), ("secret_key", 0o644)] {
        set_mode(&folder.join(file), mode);
    }
    let look = || {
        let mut command = test_env.command(&["doctor", "--json"]);
        command.env_clear();
        DoctorRun::of(command)
    };
    let found = look();
    let secret = folder.join("secret_key").display().to_string();
    found.only(&["credential files"]);
    found.expect("credentials", "ok", &folder.display().to_string(), "");
    found.expect(
        "credential files",
        "warning",
        &format!("{secret} has mode 0644"),
        &format!("chmod o-rwx {secret}"),
    );
    // Others cannot read a file in a folder that they may not enter.
    set_mode(&folder, 0o700);
    look().only(&[]);
    fs::write(test_env.path("lipsyncd.env"), "KLING_API_TOKEN=x\n").unwrap();
    set_mode(&test_env.path(""), 0o755);
    look().expect("credential files", "warning", "lipsyncd.env has mode 0644", "chmod o-rwx");
}

#[test]
fn api_codes_have_their_own_fixes() {
    for (code, name, status, message, fix) in [
        (1002, "api", "error", "code 1002", "put the keys of your account into the environment"),
        (
            1002,
            "api",
            "error",
            "code 1002",
            "or set kling.base_url to the host of the keys' region: ",
        ),
        (
            1003,
            "clock",
            "error",
            ": the API refused the token because of its times",
            "timedatectl set-ntp true",
        ),
        (
            1004,
            "clock",
            "error",
            ": the API refused the token because of its times",
            "timedatectl set-ntp true",
        ),
        (
            1102,
            "api",
            "error",
            "code 1102",
            "pay, or buy a resource pack; the queue is then resumed automatically",
        ),
        (
            1103,
            "api",
            "error",
            "code 1103",
            "have this API enabled for the account, in Kling's console",
        ),
        (
            1302,
            "api",
            "warning",
            "code 1302",
            "run doctor again in a minute; if this stays, lower limits.query_per_second",
        ),
        (1303, "api", "warning", "code 1303", "run doctor again"),
        (
            1304,
            "api",
            "error",
            "code 1304",
            "add this machine's public address to the whitelist in Kling's console",
        ),
        (5001, "api", "warning", "code 5001", "status (the daemon tries again automatically)"),
    ] {
        let test_env = TestEnv::new(quick());
        test_env.sim.control(|sim| sim.add_fault(FaultRule::always(Endpoint::List, refusal(code))));
        let found = DoctorRun::run(&test_env);
        found.expect(name, status, message, fix);
        assert_eq!(found.ran.code, Some(i32::from(status == "error" || code < 1005)), "{code}");
    }
}

#[test]
fn wrong_clock_is_reported_with_its_difference() {
    let test_env = TestEnv::new(SimConfig { clock_offset_ms: 7_200_000, ..quick() });
    let found = DoctorRun::run(&test_env);
    let signed = " s behind the API's clock; tokens are signed with the API's time until then";
    found.expect("clock", "warning", signed, "timedatectl set-ntp true");
    let test_env = TestEnv::new(SimConfig { clock_offset_ms: -7_200_000, ..quick() });
    DoctorRun::run(&test_env).expect(
        "clock",
        "warning",
        " s ahead of the API's clock",
        "timedatectl set-ntp true && timedatectl",
    );
}

#[test]
fn unreachable_api_is_reported() {
    let test_env = TestEnv::new(quick());
    fs::write(test_env.path("lipsyncd.yaml"), "kling: { base_url: \"http://127.0.0.1:1\" }\n")
        .unwrap();
    let found = DoctorRun::run(&test_env);
    found.expect(
        "api",
        "error",
        "127.0.0.1",
        "curl -sv http://127.0.0.1:1/ (and check kling.base_url)",
    );
}

#[test]
fn missing_and_nested_folders_are_reported() {
    let test_env = TestEnv::with(quick(), 5, "media: { dirs: [nowhere] }\noutput_dir: results\n");
    fs::remove_dir(test_env.path("jobs")).unwrap();
    let found = DoctorRun::run(&test_env);
    let [jobs, media] = ["jobs", "nowhere"].map(|name| test_env.path(name).display().to_string());
    found.expect("jobs_dir", "error", "No such file", &jobs);
    found.expect("media.dirs", "error", "No such file", &media);
    found.expect("output_dir", "ok", "the daemon creates it", "");
    fs::create_dir_all(test_env.path("jobs/results")).unwrap();
    symlink("jobs/results", test_env.path("results")).unwrap();
    DoctorRun::run(&test_env).expect("folders", "error", "is within jobs_dir", "configuration");
    test_env.configure(5, "output_dir: .\n");
    DoctorRun::run(&test_env).expect("folders", "warning", "is within output_dir", "configuration");
}

#[test]
fn other_user_is_told_to_run_doctor_as_the_daemons_user() {
    let test_env = TestEnv::new(quick());
    let ran = test_env.run(&["run", "--once"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    set_mode(&test_env.path(""), 0o755);
    fs::create_dir(test_env.path("jobs/closed")).unwrap();
    set_mode(&test_env.path("jobs/closed"), 0o700);
    test_env.drop_in("mine.yaml", "video: x\n");
    set_mode(&test_env.path("jobs/mine.yaml"), 0o600);
    set_mode(&test_env.path("output"), 0o755);
    for name in ["lipsyncd.db", "lipsyncd.db-wal", "lipsyncd.db-shm"] {
        set_mode(&test_env.path(name), 0o640);
    }
    let Some(found) = as_nobody(&test_env) else { return };
    let config = test_env.path("lipsyncd.yaml").display().to_string();
    let again = format!("sudo -u root lipsyncd --config {config} doctor");
    found.expect("user", "warning", "the daemon as root", &again);
    found.expect("jobs_dir", "warning", "may not read", &again);
    found.expect("jobs_dir", "warning", " and 1 more; whether the daemon may is not known", "");
    found.expect("output_dir", "warning", "Permission denied", &again);
    found.expect("permissions", "warning", "may not read", &again);
    found.expect("database", "warning", "", &again);
    assert_eq!(found.ran.code, Some(0), "nothing is known to be wrong");
    // For the daemon's own user the same is an error.
    for name in ["", "jobs", "output", "lipsyncd.db", "lipsyncd.db-wal", "lipsyncd.db-shm"] {
        chown(test_env.path(name), Some(65534), Some(65534)).unwrap();
    }
    set_mode(&test_env.path("output"), 0o555);
    let found = as_nobody(&test_env).unwrap();
    found.expect("user", "ok", "", "");
    let [jobs, output] = ["jobs", "output"].map(|name| test_env.path(name).display().to_string());
    found.expect("jobs_dir", "error", "may not read", &format!("chmod -R g+rX {jobs}"));
    found.expect("output_dir", "error", "Permission denied", &format!("chown nobody {output}"));
    assert_eq!(found.ran.code, Some(1));
}

#[test]
fn low_open_files_limit_is_reported() {
    let test_env = TestEnv::new(quick());
    let plain = test_env.command(&["doctor", "--json"]);
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -n 64; exec \"$@\"", "sh"]).current_dir(test_env.path(""));
    limited.arg(plain.get_program()).args(plain.get_args()).env_clear();
    for (name, value) in plain.get_envs() {
        limited.env(name, value.unwrap());
    }
    let found = DoctorRun::of(limited);
    found.expect("open files", "warning", "allowed for this shell: 64", "ulimit -n 4096");
}

#[test]
fn wrong_public_base_url_is_reported() {
    let test_env = TestEnv::new(quick());
    let base = test_env.sim.base_url().to_owned();
    let served = |at: &str| {
        test_env.configure(5, &format!("media: {{ dirs: [media], public_base_url: \"{at}\" }}\n"));
        DoctorRun::run(&test_env)
    };
    served(&format!("{base}/media")).expect("media.public_base_url", "ok", "no local video", "");
    fs::write(test_env.path("media/my film.mp4"), clip("anna.mp4")).unwrap();
    let found = served(&format!("{base}/media"));
    found.expect("media.public_base_url", "ok", "my%20film.mp4 answers with its 78274 bytes", "");
    let found = served(&format!("{base}/elsewhere"));
    found.expect("media.public_base_url", "error", "the answer is HTTP 404", "curl -sSI ");
    let found = served("http://127.0.0.1:1/");
    found.expect("media.public_base_url", "error", "refused", "curl -sSI ");
    // The server has another file with that name.
    fs::write(test_env.path("jobs/sim.mp4"), clip("anna.mp4")).unwrap();
    fs::remove_file(test_env.path("media/my film.mp4")).unwrap();
    fs::write(test_env.path("media/sim.mp4"), clip("bruno.mp4")).unwrap();
    test_env.configure(5, &format!("media: {{ public_base_url: \"{base}/media\" }}\n"));
    let found = DoctorRun::run(&test_env);
    found.expect("media.public_base_url", "error", "has 78274 bytes here", "curl -sSI ");
    fs::write(
        test_env.path("lipsyncd.yaml"),
        "kling: { base_url: \"https://api.example.com\", connect_timeout: 1ms }\n\
         media: { public_base_url: \"http://192.168.0.4/\" }\n",
    )
    .unwrap();
    let found = DoctorRun::run(&test_env);
    found.expect("media.public_base_url", "error", "cannot reach it", "the internet");
}
