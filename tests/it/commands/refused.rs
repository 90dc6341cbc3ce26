//! State databases that are not to be had: each ends with exit code 3 and what to do.

use super::*;

/// What the commands that read and that write, and the daemon, say of the database as it is.
fn told(place: &Place, words: &[&str]) {
    for arguments in [&["status"][..], &["list"], &["pause"], &["run"]] {
        let mut command = place.command(arguments);
        command.env("KLING_API_TOKEN", "token");
        let output = command.output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {err}");
        assert!(words.iter().any(|words| err.contains(words)), "{arguments:?}: {err}");
        assert!(!err.contains("panicked"), "{err}");
    }
}

fn place_with(make: impl FnOnce(&std::path::Path)) -> Place {
    let place = Place::new();
    fs::create_dir(place.folder.path().join("state")).unwrap();
    fs::create_dir(place.folder.path().join("jobs")).unwrap();
    make(&place.database());
    place
}

#[test]
fn a_newer_one_asks_for_the_newer_program() {
    let place = place_with(|path| {
        drop(Store::open(path).unwrap());
        let sql = rusqlite::Connection::open(path).unwrap();
        sql.pragma_update(None, "user_version", 99).unwrap();
    });
    told(&place, &["install the newer lipsyncd again"]);
}

#[test]
fn a_damaged_one_is_told_how_to_restore() {
    let place = place_with(|path| fs::write(path, "no database\n".repeat(1_000)).unwrap());
    told(&place, &["replace it with a backup"]);
    assert!(fs::read(place.database()).unwrap().starts_with(b"no database"));
}

#[test]
fn another_programs_asks_for_another_file() {
    let place = place_with(|path| {
        let sql = rusqlite::Connection::open(path).unwrap();
        sql.execute_batch("CREATE TABLE bookmark (url)").unwrap();
    });
    told(&place, &["set `state_db` to another file"]);
}

#[test]
fn a_folder_is_told_by_its_name() {
    let place = place_with(|path| fs::create_dir(path).unwrap());
    let path = place.database();
    told(
        &place,
        &[&format!("state database {}: is a directory", path.display()), "Is a directory"],
    );
}

#[test]
fn one_that_is_older_or_empty_is_read_once_a_daemon_has_brought_it_up_to_date() {
    let place = place_with(|path| fs::write(path, "").unwrap());
    let ran = place.run(&["status"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("start `lipsyncd run` once"), "{ran:?}");
    drop(place.store());
    assert_eq!(place.run(&["status"]).code, 0);
}
