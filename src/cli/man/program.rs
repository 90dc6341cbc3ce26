//! What the page of the program says beyond its commands: exit status, environment, signals, files.

use clap::Command;

use super::page::Page;

/// What stands in every command's page.
pub(super) fn exit_status(page: &mut Page) {
    page.heading("EXIT STATUS");
    page.item("0", "Done.");
    page.item("1", "Some job or manifest failed, was refused or is left waiting.");
    page.item("2", "Wrong usage, configuration or credentials.");
    page.item(
        "3",
        "Cannot run: another daemon works on this database, there is no permission, no database, or \
         one that is damaged or from another version.",
    );
}

/// What a reader needs before examples make sense.
pub(super) fn before_examples(page: &mut Page) {
    page.heading("STATES OF A JOB");
    for (state, meaning) in STATES {
        page.item(state, meaning);
    }
}

/// What stands last.
pub(super) fn ending(page: &mut Page, command: &Command) {
    page.heading("ENVIRONMENT");
    for (name, meaning) in ENVIRONMENT {
        page.item(name, meaning);
    }
    page.heading("SIGNALS");
    for (name, meaning) in SIGNALS {
        page.item(name, meaning);
    }
    page.heading("FILES");
    for (path, meaning) in FILES {
        page.item(path, meaning);
    }
    let mut pages: Vec<String> = command
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .map(|command| format!("lipsyncd-{}(1)", command.get_name()))
        .collect();
    pages.extend(
        [
            "lipsyncd.yaml(5)",
            "lipsyncd-manifest(5)",
            "journalctl(1)",
            "sqlite3(1)",
            "systemd.exec(5)",
        ]
        .map(str::to_owned),
    );
    page.see_also(&pages.iter().map(String::as_str).collect::<Vec<_>>());
}

const STATES: [(&str, &str); 11] = [
    ("waiting", "For its media, or for `not_before`."),
    ("queued", "All that is local is known. Identify Face comes next."),
    (
        "identified",
        "Face and timing are settled. The create request, which is the paid step, comes next, when a slot \
         is free.",
    ),
    (
        "creating",
        "The create request is written and may have been sent; its outcome is not known yet. Holds a slot, \
         for 15 minutes at most.",
    ),
    ("submitted", "The task was accepted. Holds a slot."),
    ("processing", "Kling works on it. Holds a slot."),
    ("downloading", "The task succeeded; its result is being fetched."),
    ("succeeded", "The result is on disk, whole and checked."),
    ("failed", "It ended without a result; the error says why."),
    ("cancelled", "It was taken back, or left the folder, before it was sent."),
    (
        "unresolved",
        "It cannot be found out whether Kling has a task of its create request. You decide, by `lipsyncd \
         resolve`, unless more becomes known: it is looked up hourly.",
    ),
];

const ENVIRONMENT: [(&str, &str); 9] = [
    ("LIPSYNCD_CONFIG", "The configuration, unless `--config` names one."),
    (
        "KLING_ACCESS_KEY, KLING_SECRET_KEY",
        "The account's keys. Only `lipsyncd run` and commands that ask the API need them.",
    ),
    ("KLING_API_TOKEN", "A fixed bearer token, in place of the keys."),
    (
        "CREDENTIALS_DIRECTORY",
        "Where credentials are looked for that are not in the environment, as files of the same names \
         in lower case: `kling_access_key`, `kling_secret_key`, `kling_api_token`. systemd sets it for \
         `LoadCredential=`.",
    ),
    (
        "RUST_LOG",
        "How much is logged: `error`, `warn`, `info`, `debug` or `trace`, for all or for a part, such as \
         `lipsyncd=debug`. When it is not set: `lipsyncd=info,warn`.",
    ),
    ("JOURNAL_STREAM", "Set by systemd: the log then goes to the journal, with fields."),
    (
        "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY",
        "The proxy on the way to the API and to results.",
    ),
    ("NO_COLOR", "When it is set, no colors are shown."),
    ("TMPDIR", "Where `lipsyncd demo` makes its folder, unless `--dir` names one."),
];

const SIGNALS: [(&str, &str); 2] = [
    (
        "SIGTERM, SIGINT",
        "End the daemon within 10 seconds, with exit status 0. A second one ends it at once. Whatever \
         was under way goes on at the next start.",
    ),
    (
        "SIGHUP",
        "Has the daemon read configuration and credentials anew, and look at the folder of manifests at \
         once.",
    ),
];

const FILES: [(&str, &str); 6] = [
    ("./lipsyncd.yaml, /etc/lipsyncd/lipsyncd.yaml", "The configuration; see `lipsyncd.yaml`(5)."),
    ("/etc/lipsyncd/credentials/", "The credentials, as the Debian package lays them out."),
    (
        "lipsyncd.db",
        "The state database (`state_db`; the Debian package has it in `/var/lib/lipsyncd/`). What is in \
         its -wal and -shm files belongs to it. It must lie on a local disk. Losing it can mean paying \
         again.",
    ),
    ("lipsyncd.db.lock", "Held by the daemon that works on this database."),
    ("jobs/", "The folder of manifests (`jobs_dir`); only ever read. See `lipsyncd-manifest`(5)."),
    ("output/", "The folder of results (`output_dir`)."),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::State;

    #[test]
    fn every_state_is_told() {
        assert_eq!(STATES.map(|(state, _)| state), State::ALL.map(State::name));
    }
}
