//! What is opened, what is refused, and that a refused file is left as it was.

use std::{fs, path::Path};

use tempfile::tempdir;

use super::*;
use crate::store::{Lock, LockError, LockHolder, Reader, StoreError, VERSION, lock_holder};

/// Opens `path` for writing and for reading; both must fail and leave every byte alone.
fn refused(path: &Path) -> (StoreError, StoreError) {
    let before = fs::read(path).unwrap();
    let written = Store::open(path).err().unwrap();
    let read = Reader::open(path).and_then(|reader| reader.queue_status(NOW_MS)).err().unwrap();
    assert!(fs::read(path).unwrap() == before, "{} was touched", path.display());
    (written, read)
}

#[tokio::test]
async fn a_new_database_has_the_version_and_is_kept_when_opened_again() {
    let bench = Bench::new();
    bench.accept(manifest("a.yaml", vec![wanted("a")])).await.unwrap();
    assert_eq!(bench.value::<i64>("PRAGMA user_version"), VERSION);
    assert_eq!(bench.value::<String>("PRAGMA journal_mode"), "wal");
    let again = Store::open(&bench.path).unwrap();
    assert_eq!(again.job_by_key("a").await.unwrap(), Some(bench.job("a").await));
}

#[test]
fn the_folder_of_a_new_database_is_made() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("var/lib/lipsyncd.db");
    Store::open(&path).unwrap();
    assert!(path.is_file());
}

#[tokio::test]
async fn two_that_make_the_database_at_once_make_one() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("lipsyncd.db");
    let opened: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..4).map(|_| scope.spawn(|| Store::open(&path).map(drop))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for opened in opened {
        opened.unwrap();
    }
    assert!(Reader::open(&path).unwrap().queue_status(NOW_MS).is_ok());
}

#[test]
fn what_litestream_keeps_in_a_database_is_nobodys_schema() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("lipsyncd.db");
    // It came first, as the database was being made.
    let sql = rusqlite::Connection::open(&path).unwrap();
    sql.execute_batch("CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER)")
        .unwrap();
    drop(sql);
    drop(Store::open(&path).unwrap());
    assert!(Reader::open(&path).unwrap().queue_status(NOW_MS).is_ok());
}

/// A database file without a log, as a backup has it.
fn settled_database(folder: &Path) -> PathBuf {
    let path = folder.join("lipsyncd.db");
    drop(Store::open(&path).unwrap());
    let copy = folder.join("copy.db");
    let sql = rusqlite::Connection::open(&path).unwrap();
    sql.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
    copy
}

#[test]
fn a_newer_database_is_refused_untouched() {
    let folder = tempdir().unwrap();
    let path = settled_database(folder.path());
    rusqlite::Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", VERSION + 1)
        .unwrap();
    let (written, read) = refused(&path);
    for error in [written, read] {
        assert!(matches!(error, StoreError::Newer { found, .. } if found == VERSION + 1));
    }
}

#[test]
fn a_damaged_database_is_refused_untouched() {
    let folder = tempdir().unwrap();
    let path = settled_database(folder.path());
    let mut bytes = fs::read(&path).unwrap();
    let page = 4096;
    for byte in &mut bytes[page..page * 12] {
        *byte = 0xA5;
    }
    fs::write(&path, bytes).unwrap();
    let (written, read) = refused(&path);
    assert!(matches!(written, StoreError::Damaged { .. }), "{written}");
    assert!(matches!(read, StoreError::Damaged { .. } | StoreError::Sqlite(_)), "{read}");
}

#[test]
fn a_file_that_is_no_database_is_refused_untouched() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("lipsyncd.db");
    fs::write(&path, "jobs:\n  - id: a\n".repeat(100)).unwrap();
    let (written, read) = refused(&path);
    for error in [written, read] {
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    }
}

#[test]
fn the_database_of_another_program_is_refused_untouched() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("lipsyncd.db");
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE bookmark (url)")
        .unwrap();
    let (written, read) = refused(&path);
    for error in [written, read] {
        assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    }
}

/// Nothing was released before version 1: its drafts are refused like any other database.
#[test]
fn the_database_of_a_draft_is_refused_untouched() {
    let folder = tempdir().unwrap();
    let path = settled_database(folder.path());
    let sql = rusqlite::Connection::open(&path).unwrap();
    sql.pragma_update(None, "application_id", 0x4C53_7964).unwrap();
    drop(sql);
    let (written, read) = refused(&path);
    for error in [written, read] {
        assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    }
}

#[test]
fn a_log_without_its_database_is_not_begun_anew() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("lipsyncd.db");
    fs::write(folder.path().join("lipsyncd.db-wal"), "what was committed last").unwrap();
    let error = Store::open(&path).err().unwrap();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert!(!path.exists());
}

#[test]
fn a_reader_never_makes_a_database() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("lipsyncd.db");
    assert!(Reader::open(&path).is_err());
    assert!(!path.exists());
}

#[tokio::test]
async fn the_log_stays_for_readers_when_the_last_writer_closes() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("lipsyncd.db");
    let store = Store::open(&path).unwrap();
    store.set_hold(hold("why")).await.unwrap();
    // The file in use is not copied but left: a reader who may not write finds all three parts.
    drop(store);
    let reader = Reader::open(&path).unwrap();
    assert_eq!(reader.queue_status(NOW_MS).unwrap().hold.as_deref(), Some("why"));
    for part in ["lipsyncd.db-wal", "lipsyncd.db-shm"] {
        assert!(folder.path().join(part).exists(), "{part}");
    }
}

#[test]
fn one_daemon_a_database() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("lipsyncd.db");
    assert_eq!(lock_holder(&path), None);
    let lock = Lock::take(&path).unwrap();
    assert_eq!(lock_holder(&path), Some(LockHolder { pid: std::process::id(), problem: None }));
    lock.report(Some("state database: it is locked"));
    let reported = lock_holder(&path).unwrap();
    assert_eq!(reported.problem.as_deref(), Some("state database: it is locked"));
    let bytes = fs::metadata(folder.path().join("lipsyncd.db.lock")).unwrap().len();
    lock.report(None);
    assert_eq!(lock_holder(&path), Some(LockHolder { pid: std::process::id(), problem: None }));
    assert_eq!(fs::metadata(folder.path().join("lipsyncd.db.lock")).unwrap().len(), bytes);
    let Err(LockError::Held { pid, .. }) = Lock::take(&path) else {
        panic!("the lock was given twice");
    };
    assert_eq!(pid, std::process::id().to_string());
    drop(lock);
    assert_eq!(lock_holder(&path), None);
    Lock::take(&path).unwrap();
}

#[test]
fn looking_for_the_holder_keeps_no_daemon_from_starting() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("lipsyncd.db");
    drop(Lock::take(&path).unwrap());
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let _free_or_held = lock_holder(&path);
            }
        });
        let taken: Vec<_> = (0..200).map(|_| Lock::take(&path).map(drop)).collect();
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        for taken in taken {
            taken.unwrap();
        }
    });
}

#[tokio::test]
async fn no_other_name_and_no_deleted_lock_file_lets_a_second_daemon_in() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("lipsyncd.db");
    let (symbolic, hard) = (folder.path().join("symbolic.db"), folder.path().join("hard.db"));
    let lock = Lock::take(&path).unwrap();
    let store = Store::open_alone(&path).unwrap();
    std::os::unix::fs::symlink(&path, &symbolic).unwrap();
    fs::hard_link(&path, &hard).unwrap();
    // By a link the lock file itself is found, and with it the PID.
    let Err(LockError::Held { pid, .. }) = Lock::take(&symbolic) else {
        panic!("the lock was given twice");
    };
    assert_eq!(pid, std::process::id().to_string());
    fs::remove_file(folder.path().join("lipsyncd.db.lock")).unwrap();
    for name in [&path, &symbolic, &hard] {
        let held = Store::open_alone(name).err().unwrap();
        assert!(matches!(held, StoreError::Held(LockError::Held { .. })), "{held}");
        assert!(held.to_string().contains("another lipsyncd"), "{held}");
    }
    // Commands come in beside it.
    Store::open(&path).unwrap().set_hold(hold("why")).await.unwrap();
    store.set_hold(None).await.unwrap();
    // The threads let go of it when they have ended.
    drop((store, lock));
    while Store::open_alone(&path).is_err() {
        std::thread::yield_now();
    }
}

#[test]
fn a_folder_or_a_file_that_may_not_be_made_is_told_by_its_name() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("lipsyncd.db");
    fs::create_dir(&path).unwrap();
    let reported = Store::open_alone(&path).err().unwrap().to_string();
    assert!(reported.starts_with(&format!("state database {}", path.display())), "{reported}");
    let below = folder.path().join("file");
    fs::write(&below, "").unwrap();
    let reported = Store::open_alone(&below.join("lipsyncd.db")).err().unwrap().to_string();
    assert!(reported.contains(&below.display().to_string()), "{reported}");
}

#[tokio::test]
async fn damage_that_shows_while_the_database_is_in_use_is_told_like_any_other() {
    let bench = Bench::new();
    let jobs = (0..200).map(|number| wanted(&format!("a/{number}"))).collect();
    bench.accept(manifest("a.yaml", jobs)).await.unwrap();
    bench.sql().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let mut bytes = fs::read(&bench.path).unwrap();
    bytes[4096..].fill(0xA5);
    fs::OpenOptions::new()
        .write(true)
        .open(&bench.path)
        .and_then(|file| std::os::unix::fs::FileExt::write_all_at(&file, &bytes[4096..], 4096))
        .unwrap();
    // What others wrote makes both connections read it again.
    bench.sql().pragma_update(None, "user_version", VERSION).unwrap();
    let read = bench.store.job_by_key("a/1").await.err().unwrap();
    let written = bench.store.set_hold(hold("why")).await.err().unwrap();
    for error in [read, written] {
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains("replace it with a backup"), "{error}");
    }
}
