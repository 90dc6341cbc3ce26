//! `lipsyncd retry`: a fresh attempt, the one way to pay again.

use clap::ValueHint;

use super::{
    CommandError, Context, ExitCode,
    change::{Changer, Verdict, note_absent_daemon},
    open,
};
use crate::{
    job::{Job, Outcome, State},
    store::{JobDetail, JobFilter, Reader},
};

/// Run jobs again from the start: a fresh attempt, which is paid for again
///
/// For jobs that failed, were cancelled or succeeded. Manifest and media are read anew, so that the
/// attempt runs the job as its manifest stands now; its task goes by the same external_task_id with
/// -2, -3, … appended. This is the only way to pay for a job again. All jobs named are tried; the
/// exit code is 1 if one of them cannot be run again.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
#[command(after_help = "Examples:\n  \
    lipsyncd retry promo/en promo/fr\n  \
    lipsyncd retry --failed")]
pub struct Args {
    /// Keys of jobs, as `lipsyncd list` shows them
    #[arg(value_name = "JOB", value_hint = ValueHint::Other)]
    jobs: Vec<String>,
    /// All jobs that failed
    #[arg(long)]
    failed: bool,
}

/// So many failed jobs are read at once.
const PAGE: usize = 1_000;

pub(super) fn run(arguments: &Args, context: &mut Context<'_>) -> Result<ExitCode, CommandError> {
    let changer = Changer::open(context)?;
    let failed;
    let keys = if arguments.failed {
        failed = failed_jobs(&changer.reader)?;
        &failed
    } else {
        &arguments.jobs
    };
    if keys.is_empty() {
        writeln!(context.out, "No job has failed.")?;
        return Ok(ExitCode::Done);
    }
    let exit = changer.change_all(keys, context, judge, said)?;
    note_absent_daemon(context)?;
    Ok(exit)
}

fn failed_jobs(reader: &Reader) -> Result<Vec<String>, CommandError> {
    let filter = JobFilter { state: Some(State::Failed), manifest: None };
    let (mut keys, mut after) = (Vec::new(), Some(0));
    while let Some(row) = after {
        let (lines, next) = reader.page(&filter, row, PAGE)?;
        keys.extend(lines.into_iter().map(|line| line.key));
        after = next;
    }
    Ok(keys)
}

fn said(job: &Job) -> String {
    format!("attempt {} begins with a look at its manifest and media", job.attempt)
}

fn judge(detail: &JobDetail) -> Verdict {
    let (job, line) = (&detail.job, &detail.line);
    let waits = || line.waiting_for.as_deref().unwrap_or("its turn").to_owned();
    match job.state {
        State::Failed | State::Cancelled | State::Succeeded if !detail.manifest_is_there => {
            Verdict::No(
                format!("its manifest {} is not in the folder any more", line.manifest),
                Some("put it back into the folder first".to_owned()),
            )
        }
        State::Cancelled if job.was_removed() => Verdict::No(
            format!("it was taken out of {}", line.manifest),
            Some("put it back there, and it runs without a retry".to_owned()),
        ),
        State::Failed | State::Cancelled | State::Succeeded => Verdict::Do(Outcome::Retried),
        State::Waiting | State::Queued | State::Identified => Verdict::No(
            format!("is {} and goes on by itself; it waits for {}", job.state, waits()),
            None,
        ),
        State::Creating => Verdict::No(
            "its create was sent, and what became of it is being found out".to_owned(),
            Some(open::command("show", &line.key)),
        ),
        State::Submitted | State::Processing | State::Downloading => Verdict::No(
            format!("is {}: its task is paid for and followed to its end", job.state),
            Some("retry it when it has ended".to_owned()),
        ),
        State::Unresolved => Verdict::No(
            "is unresolved: its create may have been accepted, and a retry could pay twice"
                .to_owned(),
            Some(format!("{} --task ID | --resend", open::command("resolve", &line.key))),
        ),
    }
}
