//! State databases that are not to be had: each ends with exit code 3 and what to do.

use super::*;

/// What the commands that read and that write, and the daemon, say of the database as it is.
fn assert_refused(env: &CommandEnv, words: &[&str]) {
    for arguments in [&["status"][..], &["list"], &["pause"], &["run"]] {
        let mut command = env.command(arguments);
        command.env("KLING_API_TOKEN", "token");
        let output = command.output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {err}");
        assert!(words.iter().any(|words| err.contains(words)), "{arguments:?}: {err}");
        assert!(!err.contains("panicked"), "{err}");
    }
}

fn env_with(make: impl FnOnce(&std::path::Path)) -> CommandEnv {
    let env = CommandEnv::new();
    fs::create_dir(env.folder.path().join("state")).unwrap();
    fs::create_dir(env.folder.path().join("jobs")).unwrap();
    make(&env.database());
    env
}

#[test]
fn a_newer_database_needs_the_newer_program() {
    let env = env_with(|path| {
        drop(Store::open(path).unwrap());
        let sql = rusqlite::Connection::open(path).unwrap();
        sql.pragma_update(None, "user_version", 99).unwrap();
    });
    assert_refused(&env, &["install the newer lipsyncd again"]);
}

#[test]
fn a_damaged_database_needs_a_backup() {
    let env = env_with(|path| fs::write(path, "no database\n".repeat(1_000)).unwrap());
    assert_refused(&env, &["replace it with a backup"]);
    assert!(fs::read(env.database()).unwrap().starts_with(b"no database"));
}

#[test]
fn a_database_of_another_program_is_refused() {
    let env = env_with(|path| {
        let sql = rusqlite::Connection::open(path).unwrap();
        sql.execute_batch("CREATE TABLE bookmark (url)").unwrap();
    });
    assert_refused(&env, &["set `state_db` to another file"]);
}

#[test]
fn a_folder_in_place_of_the_database_is_reported() {
    let env = env_with(|path| fs::create_dir(path).unwrap());
    let path = env.database();
    assert_refused(
        &env,
        &[&format!("state database {}: is a directory", path.display()), "Is a directory"],
    );
}

#[test]
fn an_empty_database_is_read_after_a_daemon_has_initialised_it() {
    let env = env_with(|path| fs::write(path, "").unwrap());
    let ran = env.run(&["status"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("start `lipsyncd run` once"), "{ran:?}");
    drop(env.store());
    assert_eq!(env.run(&["status"]).code, 0);
}
