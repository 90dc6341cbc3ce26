//! Who may read, what is missing, and how the program takes and gives its words.

use std::os::unix::{fs::PermissionsExt as _, process::CommandExt as _};

use super::*;

const READING: [&[&str]; 8] = [
    &["status"],
    &["status", "--json"],
    &["list"],
    &["manifests"],
    &["failures"],
    &["show", "promo/queued"],
    &["wait", "promo/succeeded"],
    &["spend"],
];

#[test]
fn without_a_database_every_command_fails_and_creates_none() {
    let env = CommandEnv::new();
    for arguments in [
        &["status"][..],
        &["status", "--watch"],
        &["list"],
        &["manifests"],
        &["failures"],
        &["wait"],
        &["show", "x"],
        &["retry", "x"],
        &["fetch", "x"],
        &["dismiss", "x"],
        &["cancel", "x"],
        &["resolve", "x", "--resend"],
        &["pause"],
        &["resume"],
        &["notify"],
        &["notify", "--retry"],
        &["spend"],
    ] {
        let ran = env.run(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (3, ""), "{arguments:?}");
        assert!(ran.err.contains("no state database at"), "{}", ran.err);
        assert!(ran.err.contains("lipsyncd run"), "{}", ran.err);
    }
    assert!(!env.database().exists());
}

#[tokio::test]
async fn a_newer_database_is_reported() {
    let (env, store) = CommandEnv::with_jobs().await;
    drop(store);
    let sql = rusqlite::Connection::open(env.database()).unwrap();
    sql.pragma_update(None, "user_version", 1_000).unwrap();
    for arguments in [&["status"][..], &["pause"]] {
        let ran = env.run(arguments);
        assert_eq!(ran.code, 3);
        assert!(ran.err.contains("has version 1000"), "{}", ran.err);
    }
}

#[test]
fn check_prints_absolute_paths_in_the_root_folder() {
    let env = CommandEnv::new();
    let jobs = env.folder.path().join("jobs");
    fs::create_dir(&jobs).unwrap();
    fs::write(jobs.join("bad.yaml"), "vidoe: x\n").unwrap();
    let config = env.folder.path().join("lipsyncd.yaml");
    let mut check = env.command(&["check", "--config", config.to_str().unwrap()]);
    let output = check.current_dir("/").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let bad = jobs.canonicalize().unwrap().join("bad.yaml").display().to_string();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with(&format!("{bad}:1:1: ")), "{said}");
}

#[test]
fn check_reports_a_take_outside_its_range() {
    let env = CommandEnv::new();
    let jobs = env.folder.path().join("jobs");
    fs::create_dir(&jobs).unwrap();
    let job = "video: https://cdn.example.com/v.mp4\naudio: https://cdn.example.com/a.mp3\n";
    for (take, code) in [("0", 1), ("1", 0), ("99", 0), ("100", 1), ("-1", 1), ("1.5", 1), ("x", 1)]
    {
        fs::write(jobs.join("x.yaml"), format!("{job}take: {take}\n")).unwrap();
        let ran = env.run(&["check"]);
        assert_eq!(ran.code, code, "{take}: {ran:?}");
        let named = ran.err.contains("x.yaml:3:7") && ran.err.contains("take");
        assert_eq!(named, code == 1, "{take}: {}", ran.err);
    }
}

/// Whether this test may become another user; as any other user it is unprivileged already.
fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

#[tokio::test]
async fn an_unprivileged_reader_reads_and_changes_nothing() {
    let (env, store) = CommandEnv::with_jobs().await;
    let open =
        |path: PathBuf, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let folder = env.folder.path().to_owned();
    let program = folder.join("program");
    fs::copy(assert_cmd::cargo::cargo_bin!("lipsyncd"), &program).unwrap();
    open(program.clone(), 0o755);
    for part in fs::read_dir(folder.join("state")).unwrap() {
        open(part.unwrap().path(), 0o444);
    }
    open(folder.join("lipsyncd.yaml"), 0o444);
    open(folder.join("state"), 0o555);
    open(folder.clone(), 0o555);
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command.args(arguments).current_dir(&folder);
        if is_root() {
            command.uid(65_534).gid(65_534);
        }
        command.output().unwrap()
    };
    let read_all = |when: &str| {
        for arguments in READING {
            let output = run(arguments);
            let err = String::from_utf8_lossy(&output.stderr);
            assert_eq!((output.status.code(), &*err), (Some(0), ""), "{when}: {arguments:?}");
        }
    };
    read_all("while a writer has it open");
    let output = run(&["pause"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("as the daemon's user"));
    drop(store);
    read_all("after the writer has ended");
    open(folder.clone(), 0o755);
    open(folder.join("state"), 0o755);
}

#[tokio::test]
async fn reading_works_during_a_write() {
    let (env, _store) = CommandEnv::with_jobs().await;
    let sql = rusqlite::Connection::open(env.database()).unwrap();
    sql.execute_batch("BEGIN IMMEDIATE; UPDATE job SET priority = 9").unwrap();
    for arguments in READING {
        assert_eq!(env.run(arguments).code, 0, "{arguments:?}");
    }
    sql.execute_batch("ROLLBACK").unwrap();
}

#[test]
fn a_missing_or_invalid_configuration_is_wrong_usage() {
    let env = CommandEnv::new();
    let ran = env.run(&["--config", "other.yaml", "status"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("other.yaml"), "{}", ran.err);
    fs::write(env.folder.path().join("lipsyncd.yaml"), "state_bd: x\n").unwrap();
    let ran = env.run(&["status"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("lipsyncd.yaml:1:1") && ran.err.contains("state_db"), "{}", ran.err);
}

#[test]
fn wrong_usage_ends_with_2_and_help_with_0() {
    let env = CommandEnv::new();
    for arguments in [&["frobnicate"][..], &["list", "--frobnicate"], &[], &["show"]] {
        let ran = env.run(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{arguments:?}");
        assert!(ran.err.contains("Usage:"), "{}", ran.err);
    }
    for arguments in [&["--help"][..], &["-h"], &["--version"], &["retry", "--help"]] {
        let ran = env.run(arguments);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{arguments:?}");
    }
}

#[test]
fn every_command_has_a_short_and_a_long_help_with_an_example() {
    let env = CommandEnv::new();
    for command in [
        "status",
        "list",
        "show",
        "retry",
        "fetch",
        "dismiss",
        "resolve",
        "cancel",
        "pause",
        "resume",
        "notify",
        "spend",
        "init",
        "import",
        "completions",
    ] {
        let short = env.run(&[command, "-h"]).out;
        let long = env.run(&[command, "--help"]).out;
        assert!(long.len() > short.len(), "{command}: the long help says no more");
        assert!(long.contains("Example"), "{command}: {long}");
        assert!(long.contains(&format!("lipsyncd {command}")), "{command}: {long}");
    }
}

#[test]
fn completions_know_the_commands() {
    let env = CommandEnv::new();
    for shell in ["bash", "zsh", "fish"] {
        let ran = env.run(&["completions", shell]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""));
        assert!(ran.out.contains("resolve") && ran.out.contains("resend"), "{shell}");
        for word in ["fetch", "dismiss", "undo", "dry-run"] {
            assert!(ran.out.contains(word), "{shell}: {word}");
        }
    }
}

#[tokio::test]
async fn an_invalid_log_level_is_reported_on_stderr_only() {
    let (env, _store) = CommandEnv::with_jobs().await;
    let output = env.command(&["status", "--json"]).env("RUST_LOG", "=loud=").output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("RUST_LOG"));
}
