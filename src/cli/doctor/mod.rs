//! `lipsyncd doctor`: checks everything that lipsyncd needs, and says how to fix what is wrong.
//!
//! The checks change nothing and cost nothing. Work that can block (a dead network share) has a time limit.

mod api;
mod attention;
mod backup;
mod bucket;
mod check_result;
mod configuration;
mod context;
mod credentials;
mod database;
mod delivered;
mod disk;
mod filesystem;
mod folders;
mod limits;
mod lookups;
mod media_url;
mod missing_database;
mod money;
mod notifications;
mod packs;
mod print;
mod proxy;
mod result_files;
mod result_hosts;
mod sandbox;
mod serve;
mod timeout;
mod users;

use std::{io::Write, path::Path};

use super::{ExitCode, Result, log};
use crate::config::LogFormat;

use check_result::{CheckResult, DoctorReport, Status, error, ok, warning};
use context::{
    AccountAnswer, DoctorContext, LookupProof,
    Needs::{self, Configuration, Database, Nothing},
    OpenDatabase,
};
use users::{Users, quoted};

/// The name in the report, what the check needs, and the check. A check may return findings under other names, too.
type DoctorCheck = (&'static str, Needs, fn(&mut DoctorContext) -> Vec<CheckResult>);

/// All checks, in the order of the report. A check uses what the checks above it put into the `DoctorContext`.
const CHECKS: [DoctorCheck; 27] = [
    ("configuration", Configuration, configuration::check_notes),
    ("user", Configuration, |context| context.users.check()),
    ("credentials", Nothing, credentials::check),
    ("credential files", Nothing, credentials::check_files),
    ("api", Configuration, api::check),
    ("proxy", Configuration, proxy::check),
    ("result hosts", Configuration, result_hosts::check),
    ("jobs_dir", Configuration, folders::check_jobs_dir),
    ("media.dirs", Configuration, folders::check_media_dirs),
    ("output_dir", Configuration, folders::check_output_dir),
    ("folders", Configuration, folders::check_nesting),
    ("sandbox", Configuration, sandbox::check),
    ("database", Configuration, database::check),
    ("lookups", Database, lookups::check),
    ("resource packs", Configuration, packs::check),
    ("backup", Database, backup::check),
    ("delivered", Database, delivered::check),
    ("disk", Configuration, disk::check),
    ("inotify", Configuration, limits::check_inotify),
    ("open files", Configuration, limits::check_open_files),
    ("media.public_base_url", Configuration, media_url::check),
    ("upload", Configuration, bucket::check),
    ("media.serve", Configuration, serve::check),
    ("notifications", Configuration, notifications::check),
    ("create requests", Database, attention::check_creates),
    ("jobs", Database, attention::check),
    ("money", Database, money::check),
];

/// Check everything that lipsyncd needs, and say how to fix what is wrong
///
/// Checks the configuration, the credentials (with a free query of the API), the clock, folders and permissions, the
/// state database, whether the account answers lookups by external_task_id and has tasks that the database does not
/// know, disk space, limits of the system, the address or the bucket of local media, and what waits for a person. It
/// changes nothing, costs nothing, and may run while the daemon runs. In a bucket it writes, reads and deletes a probe.
///
/// Run it as the user that the daemon runs as: it reports what that user may do. Credentials that systemd provides
/// are not in a shell's environment; doctor prints the command that includes them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    lipsyncd doctor\n  \
    lipsyncd doctor --json | jq '.checks[] | select(.status != \"ok\")'\n\n\
    Exit codes: 0 no errors (warnings do not count), 1 some check failed, 2 the configuration has errors")]
pub(super) struct Args {
    /// Print one JSON object
    ///
    /// Its members: ok (false when some check failed) and checks (a list of objects: name, status, which is
    /// ok, warning or error, message, and fix, which is null or what to type or to do).
    #[arg(long)]
    json: bool,
}

/// Runs without a valid configuration, too: its errors are one of the findings.
pub(super) fn run(
    arguments: &Args,
    explicit: Option<&Path>,
    out: &mut dyn Write,
    on_terminal: bool,
) -> Result {
    log::init(LogFormat::Text);
    let (report, exit) = examine(explicit);
    if arguments.json {
        super::json::write_pretty(out, &report)?;
    } else {
        print::print(out, &report, on_terminal)?;
    }
    Ok(exit)
}

fn examine(explicit: Option<&Path>) -> (DoctorReport, ExitCode) {
    let (mut context, finding) = configuration::load(explicit);
    let mut findings = vec![finding.named("configuration")];
    for (name, needs, check) in CHECKS {
        if context.has(needs) {
            let found = check(&mut context).into_iter();
            findings.extend(found.map(|finding| match finding.name {
                "" => finding.named(name),
                _ => finding,
            }));
        }
    }
    let report = DoctorReport::new(findings);
    let exit = match report.ok {
        _ if !context.config_is_valid => ExitCode::Usage,
        true => ExitCode::Done,
        false => ExitCode::Failed,
    };
    (report, exit)
}
