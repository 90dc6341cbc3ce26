//! Changes jobs for the commands. A command decides about a job inside the transaction that changes it, so that it
//! never acts on a state that another process, usually the daemon, has replaced.

use std::{collections::HashSet, sync::Arc};

use futures_util::future::join_all;

use super::{
    CommandContext, CommandError, ExitCode, Result, open,
    suggestions::Suggestions,
    text::{first_line, safe},
};
use crate::{
    daemon,
    job::{Moment, Policy},
    store::{Command, CommandFailure, JobState, Reader, Store, lock_holder},
};

/// The most jobs to change at once; their changes share one sync of the disk.
const BATCH: usize = 256;

pub(super) enum NotChanged {
    /// The job is already as wanted: the text to print.
    AlreadyDone(String),
    /// The command refuses the job: why, and what to do.
    Refused(String, Option<String>),
    /// The job no longer matches the selection: nothing to print.
    NotSelected,
}

/// What a command does to a job, or why not.
pub(super) type Decision = Result<Command, NotChanged>;

/// Refuses a job: why, and what to do.
pub(super) fn refused(why: impl Into<String>, hint: Option<String>) -> Decision {
    Err(NotChanged::Refused(why.into(), hint))
}

/// Decides about one job, inside the transaction that changes it.
type Decide = Arc<dyn Fn(&JobState) -> Decision + Send + Sync>;

pub(super) struct JobUpdater {
    store: Store,
    pub(super) reader: Reader,
    policy: Policy,
}

impl JobUpdater {
    pub(super) fn open(context: &CommandContext<'_>) -> Result<Self> {
        let store = open::store(context.config)?;
        let reader = open::reader(context.config)?;
        Ok(Self { store, reader, policy: daemon::policy(context.config) })
    }

    /// Changes one job as `decide` says; returns the line to print, if any.
    async fn update(
        &self,
        key: &str,
        decide: &Decide,
        describe: &impl Fn(&JobState) -> String,
    ) -> Result<Option<String>> {
        // Randomness spreads automatic retries. A person's command runs at once.
        let moment = Moment { now_ms: open::now_ms(), chance: 0.0 };
        let (decide, policy) = (Arc::clone(decide), self.policy.clone());
        let changed = self.store.command(key, move |state| decide(state), moment, policy).await;
        match changed {
            Ok(state) => Ok(Some(format!("{key}: {}", describe(&state)))),
            Err(CommandFailure::Unknown) => Err(unknown_job(&self.reader, key)?),
            Err(CommandFailure::Refused(reason)) => not_changed(key, reason),
            Err(CommandFailure::Conflict(why)) => not_changed(key, NotChanged::Refused(why, None)),
            Err(CommandFailure::Store(error)) => Err(error.into()),
        }
    }

    /// Changes the jobs of `keys`. Prints one line per job: results to stdout, refusals to stderr.
    pub(super) fn update_all(
        &self,
        keys: &[String],
        context: &mut CommandContext<'_>,
        decide: impl Fn(&JobState) -> Decision + Send + Sync + 'static,
        describe: impl Fn(&JobState) -> String,
    ) -> Result {
        let mut seen = HashSet::new();
        let keys: Vec<&String> = keys.iter().filter(|key| seen.insert(key.as_str())).collect();
        let decide: Decide = Arc::new(decide);
        let mut exit = ExitCode::Done;
        open::block_on(async {
            for batch in keys.chunks(BATCH) {
                let updates = batch.iter().map(|key| self.update(key, &decide, &describe));
                for update in join_all(updates).await {
                    match update {
                        Ok(None) => {}
                        Ok(Some(line)) => writeln!(context.out, "{}", safe(&line))?,
                        Err(error) => {
                            context.out.flush()?;
                            error.report(context.err)?;
                            exit = exit.max(error.exit);
                        }
                    }
                }
            }
            Ok(())
        })?;
        Ok(exit)
    }
}

pub(super) fn not_changed(key: &str, reason: NotChanged) -> Result<Option<String>> {
    match reason {
        NotChanged::NotSelected => Ok(None),
        NotChanged::AlreadyDone(text) => Ok(Some(format!("{key}: {text}"))),
        NotChanged::Refused(why, hint) => {
            let refused = CommandError::new(ExitCode::Failed, format!("{key}: {why}"));
            Err(CommandError { hint, ..refused })
        }
    }
}

/// Returns the error for an unknown key. It names the manifest with errors that the job may be in, or similar keys.
pub(super) fn unknown_job(reader: &Reader, key: &str) -> Result<CommandError> {
    if let Some(manifest) = reader.refused_manifest_of(key)? {
        // The error begins with the path.
        let first = first_line(&manifest.error);
        let error = format!("no job is called `{key}`; its manifest has errors: {first}");
        return Ok(
            CommandError::new(ExitCode::Failed, error).hint("`lipsyncd check` shows all errors")
        );
    }
    let mut suggestions = Suggestions::for_name(key);
    reader.keys(|name| suggestions.consider(name))?;
    let error = CommandError::new(ExitCode::Failed, format!("no job is called `{key}`"));
    let hint = suggestions.hint().unwrap_or_else(|| "`lipsyncd list` shows all jobs".to_owned());
    Ok(error.hint(hint))
}

pub(super) fn note_absent_daemon(context: &mut CommandContext<'_>) -> Result<()> {
    if lock_holder(&context.config.state_db).is_none() {
        context.out.flush()?;
        writeln!(context.err, "note: the daemon is not running; `{}` starts it", context.start)?;
    }
    Ok(())
}
