//! State databases that are not to be had: each ends with exit code 3 and what to do.

use super::*;

/// What the commands that read and that write, and the daemon, say of the database as it is.
fn told(env: &CommandEnv, words: &[&str]) {
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

fn place_with(make: impl FnOnce(&std::path::Path)) -> CommandEnv {
    let env = CommandEnv::new();
    fs::create_dir(env.folder.path().join("state")).unwrap();
    fs::create_dir(env.folder.path().join("jobs")).unwrap();
    make(&env.database());
    env
}

#[test]
fn a_newer_one_asks_for_the_newer_program() {
    let env = place_with(|path| {
        drop(Store::open(path).unwrap());
        let sql = rusqlite::Connection::open(path).unwrap();
        sql.pragma_update(None, "user_version", 99).unwrap();
    });
    told(&env, &["install the newer lipsyncd again"]);
}

#[test]
fn a_damaged_one_is_told_how_to_restore() {
    let env = place_with(|path| fs::write(path, "no database\n".repeat(1_000)).unwrap());
    told(&env, &["put a backup in its env"]);
    assert!(fs::read(env.database()).unwrap().starts_with(b"no database"));
}

#[test]
fn another_programs_asks_for_another_file() {
    let env = place_with(|path| {
        let sql = rusqlite::Connection::open(path).unwrap();
        sql.execute_batch("CREATE TABLE bookmark (url)").unwrap();
    });
    told(&env, &["`state_db` must name another file"]);
}

#[test]
fn a_folder_is_told_by_its_name() {
    let env = place_with(|path| fs::create_dir(path).unwrap());
    let path = env.database();
    told(&env, &[&format!("state database {}: is a directory", path.display()), "Is a directory"]);
}

#[test]
fn one_that_is_older_or_empty_is_read_once_a_daemon_has_brought_it_up_to_date() {
    let env = place_with(|path| fs::write(path, "").unwrap());
    let ran = env.run(&["status"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("start `lipsyncd run` once"), "{ran:?}");
    drop(env.store());
    assert_eq!(env.run(&["status"]).code, 0);
}
