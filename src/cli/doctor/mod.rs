//! `lipsyncd doctor`: looks at everything that lipsyncd needs, and says how to mend what is wrong.
//!
//! One file a group of checks. It changes nothing, costs nothing, and does not get in the daemon's way: the
//! API is only asked free queries, the database only read, and the file that tries the output folder has
//! no name. Whatever may hang (a dead network share) is waited for for a while and no longer.

mod access;
mod api;
mod config;
mod credentials;
mod database;
mod delivered;
mod disk;
mod finding;
mod folders;
mod jobs;
mod limits;
mod lookups;
mod media;
mod mounts;
mod names;
mod patience;
mod restored;
mod results;
mod sandbox;
mod show;
mod who;

use std::{io::Write, path::Path};

use super::{CommandError, ExitCode, log};
use crate::config::LogFormat;

use finding::Report;
use who::Who;

/// Check all that lipsyncd needs, and say how to mend what is wrong
///
/// Looks at the configuration, the credentials (also by a free query of the API), the clock, folders and
/// permissions, the state database, whether the account answers lookups by external_task_id and has tasks
/// that the database does not know, room on disk, limits of the system, the address of local media, and at
/// what waits for a person. It changes nothing and costs nothing, and may be run while the daemon runs.
///
/// Run it as the user that the daemon runs as: it tells what that one may do. Credentials that systemd hands
/// over are not in a shell's environment; doctor says which command brings them along.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    lipsyncd doctor\n  \
    lipsyncd doctor --json | jq '.checks[] | select(.status != \"ok\")'\n\n\
    Exit codes: 0 no errors (warnings are none), 1 some check failed, 2 the configuration has faults")]
pub struct Args {
    /// Print one JSON object
    ///
    /// Its members: ok (false when some check failed), checks (a list of objects: name, status, which is
    /// ok, warning or error, message, and mend, which is null or what to type or to do).
    #[arg(long)]
    json: bool,
}

/// Needs no configuration without faults: that is one of its findings.
pub(super) fn run(
    arguments: &Args,
    explicit: Option<&Path>,
    out: &mut dyn Write,
    on_terminal: bool,
) -> Result<ExitCode, CommandError> {
    // What it finds is all it says.
    log::init(LogFormat::Text);
    let (report, exit) = examine(explicit);
    if arguments.json {
        super::json::write_pretty(out, &report)?;
    } else {
        show::write(out, &report, on_terminal)?;
    }
    Ok(exit)
}

fn examine(explicit: Option<&Path>) -> (Report, ExitCode) {
    let mut findings = Vec::new();
    let found = config::find(explicit, &mut findings);
    let Some((config, file)) = found else {
        let who = Who::of(None, config::guess(explicit).as_deref());
        // Whether they are there does not depend on it.
        credentials::check(&who, &mut findings);
        return (Report::of(findings), ExitCode::Usage);
    };
    let who = Who::of(Some(&config.state_db), file.as_deref());
    if let Some(finding) =
        file.as_deref().and_then(|file| access::check("configuration", file, &who))
    {
        // In place of its being there.
        findings.clear();
        findings.push(finding);
    }
    findings.extend(who.check());
    let credentials = credentials::check(&who, &mut findings);
    let account = api::check(&config, credentials.as_ref(), &who, &mut findings);
    folders::check(&config, &who, &mut findings);
    sandbox::check(&config, &who, &mut findings);
    let known = database::check(&config, &who, &mut findings);
    if let Some(known) = &known {
        let account = account.as_ref();
        let lookups = lookups::check(&config, credentials.as_ref(), known, account, &mut findings);
        restored::check(&config, known, account, &lookups, &who, &mut findings);
        delivered::check(&config, known, &who, &mut findings);
    }
    disk::check(&config, known.as_ref(), &mut findings);
    limits::check(&config, known.as_ref(), &who, &mut findings);
    media::check(&config, known.as_ref(), &mut findings);
    if let Some(known) = &known {
        jobs::check(known, &who, &mut findings);
    }
    let report = Report::of(findings);
    let exit = if report.ok { ExitCode::Done } else { ExitCode::Failed };
    (report, exit)
}
