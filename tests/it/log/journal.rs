//! What reaches systemd's journal: the real daemon sends to the test's own socket, which replaces journald's in a mount
//! namespace.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::net::UnixDatagram,
    process::Command,
    sync::{Arc, Mutex},
    thread,
};

use crate::support::daemon::{JOB, TestEnv, quick};

type Entry = BTreeMap<String, String>;

/// Reads an entry of the journal's native protocol.
fn entry(mut bytes: &[u8]) -> Entry {
    let mut fields = Entry::new();
    while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
        let (line, rest) = (String::from_utf8_lossy(&bytes[..end]), &bytes[end + 1..]);
        if let Some((name, value)) = line.split_once('=') {
            fields.insert(name.to_owned(), value.to_owned());
            bytes = rest;
            continue;
        }
        let (length, rest) = rest.split_at(8);
        let length = u64::from_le_bytes(length.try_into().unwrap()) as usize;
        let value = String::from_utf8_lossy(&rest[..length]).into_owned();
        fields.insert(line.into_owned(), value);
        bytes = &rest[length + 1..];
    }
    fields
}

/// A command that runs what follows it with `folder` in the place of /run/systemd/journal.
fn with_test_journal(folder: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c"]);
    command.arg(
        "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal && \
         mount --bind \"$0\" /run/systemd/journal && exec \"$@\"",
    );
    command.arg(folder);
    command
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn the_journal_gets_the_documented_field_names() {
    let mut test_env = TestEnv::with(quick(), 5, "log: { format: journald }\n");
    let folder = test_env.path("journal");
    fs::create_dir(&folder).unwrap();
    let folder = folder.to_str().unwrap().to_owned();
    if !with_test_journal(&folder).arg("true").output().is_ok_and(|tried| tried.status.success()) {
        eprintln!("skipped: this test mounts in a namespace, which is not allowed here");
        return;
    }
    let socket = UnixDatagram::bind(test_env.path("journal/socket")).unwrap();
    let entries: Arc<Mutex<Vec<Entry>>> = Arc::default();
    let kept = Arc::clone(&entries);
    thread::spawn(move || {
        let mut bytes = vec![0; 1 << 16];
        while let Ok(length) = socket.recv(&mut bytes) {
            kept.lock().unwrap().push(entry(&bytes[..length]));
        }
    });
    test_env.drop_in("a.yaml", JOB);
    let daemon = test_env.command(&["run"]);
    let mut command = with_test_journal(&folder);
    command.arg(daemon.get_program()).args(daemon.get_args());
    for (name, value) in daemon.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    command.current_dir(test_env.dir.path());
    test_env.spawn_as(command);
    test_env.until_state("a", "succeeded");
    let of = |state: &str| {
        let all = entries.lock().unwrap();
        all.iter().find(|entry| entry.get("TO_STATE").is_some_and(|to| to == state)).cloned()
    };
    test_env.until("the last entry", |_| of("succeeded").is_some());
    let accepted = of("submitted").unwrap();
    for (name, value) in [
        ("JOB", "a"),
        ("MANIFEST", "a.yaml"),
        ("CODE", "0"),
        ("FROM_STATE", "creating"),
        ("PRIORITY", "6"),
        ("SYSLOG_IDENTIFIER", "lipsyncd"),
    ] {
        assert_eq!(accepted.get(name).map(String::as_str), Some(value), "{accepted:?}");
    }
    let ids = test_env.database().unwrap().query_row(
        "SELECT j.task_id, h.request_id FROM job_overview j JOIN job_history h ON h.key = j.key
         WHERE h.to_state = 'submitted'",
        [],
        |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)),
    );
    let (task_id, request_id) = ids.unwrap();
    assert_eq!((&accepted["TASK_ID"], &accepted["REQUEST_ID"]), (&task_id, &request_id));
    assert!(accepted["MESSAGE"].starts_with("a: creating → submitted: "), "{accepted:?}");
    let queued = of("creating").unwrap();
    assert!(!queued.contains_key("TASK_ID") && !queued.contains_key("CODE"), "{queued:?}");
}
