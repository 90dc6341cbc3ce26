//! What the commands that change jobs have in common: each job is judged and changed in one transaction, so that
//! no command changes a job that another process, usually the daemon, changed meanwhile.

use std::{collections::HashSet, sync::Arc};

use futures_util::future::join_all;

use super::{
    context::CommandContext,
    error::{CommandError, ExitCode},
    open,
    suggestions::Suggestions,
    text::first_line,
};
use crate::{
    daemon,
    job::{Moment, Policy},
    store::{Command, CommandFailure, JobState, Reader, Store, lock_holder},
};

/// So many jobs are changed at once: their changes share one sync of the disk.
const AT_ONCE: usize = 256;

/// Why a command does nothing to a job that it was given.
pub(super) enum NotChanged {
    /// The job is already as wanted: the text to print.
    AlreadyDone(String),
    /// The command refuses the job: why, and what to do.
    Refused(String, Option<String>),
    /// The job no longer matches the selection: nothing to print.
    NotSelected,
}

/// What a command makes of a job.
pub(super) type Decision = Result<Command, NotChanged>;

/// Judges one job inside the transaction that changes it.
pub(super) type Decide = Arc<dyn Fn(&JobState) -> Decision + Send + Sync>;

/// The database open for changes, and by what jobs are judged.
pub(super) struct JobUpdater {
    pub(super) store: Store,
    pub(super) reader: Reader,
    policy: Policy,
}

impl JobUpdater {
    pub(super) fn open(context: &CommandContext<'_>) -> Result<Self, CommandError> {
        let store = open::store(context.config)?;
        let reader = open::reader(context.config)?;
        Ok(Self { store, reader, policy: daemon::policy(context.config) })
    }

    /// Changes one job as `judge` says, and returns what to print of it; none: nothing.
    pub(super) async fn change(
        &self,
        key: &str,
        judge: &Decide,
        done: &impl Fn(&JobState) -> String,
    ) -> Result<Option<String>, CommandError> {
        // Chance spreads delays; what people decide has none.
        let moment = Moment { now_ms: open::now_ms(), chance: 0.0 };
        let (judge, policy) = (Arc::clone(judge), self.policy.clone());
        let changed = self.store.command(key, move |state| judge(state), moment, policy).await;
        match changed {
            Ok(state) => Ok(Some(format!("{key}: {}", done(&state)))),
            Err(CommandFailure::Unknown) => Err(unknown(&self.reader, key)?),
            Err(CommandFailure::Refused(no)) => not_done(key, no),
            Err(CommandFailure::Conflict(why)) => not_done(key, NotChanged::Refused(why, None)),
            Err(CommandFailure::Store(error)) => Err(error.into()),
        }
    }

    /// Changes all jobs of `keys`, one line each: done to stdout, not done to stderr.
    pub(super) fn update_all(
        &self,
        keys: &[String],
        context: &mut CommandContext<'_>,
        judge: impl Fn(&JobState) -> Decision + Send + Sync + 'static,
        done: impl Fn(&JobState) -> String,
    ) -> Result<ExitCode, CommandError> {
        let mut named = HashSet::new();
        let keys: Vec<&String> = keys.iter().filter(|key| named.insert(key.as_str())).collect();
        let judge: Decide = Arc::new(judge);
        let mut exit = ExitCode::Done;
        open::block_on(async {
            for some in keys.chunks(AT_ONCE) {
                let changes = some.iter().map(|key| self.change(key, &judge, &done));
                for change in join_all(changes).await {
                    match change {
                        Ok(None) => {}
                        Ok(Some(said)) => writeln!(context.out, "{}", super::text::safe(&said))?,
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

/// Returns what to print about a job that a command does not change; none: nothing.
///
/// # Errors
/// When the command is refused.
pub(super) fn not_done(key: &str, no: NotChanged) -> Result<Option<String>, CommandError> {
    match no {
        NotChanged::NotSelected => Ok(None),
        NotChanged::AlreadyDone(said) => Ok(Some(format!("{key}: {said}"))),
        NotChanged::Refused(why, hint) => {
            let refused = CommandError::new(ExitCode::Failed, format!("{key}: {why}"));
            Err(CommandError { hint, ..refused })
        }
    }
}

/// Says that no job is called `key`, and which manifest is refused or which jobs are called nearly so.
pub(super) fn unknown(reader: &Reader, key: &str) -> Result<CommandError, CommandError> {
    if let Some(manifest) = reader.refused_manifest_of(key)? {
        // The error begins with the path.
        let first = first_line(&manifest.error);
        let error = format!("no job is called `{key}`; its manifest is refused: {first}");
        return Ok(CommandError::new(ExitCode::Failed, error)
            .hint("`lipsyncd check` reports all its errors"));
    }
    let mut suggestions = Suggestions::for_name(key);
    reader.keys(|name| suggestions.consider(name))?;
    let error = CommandError::new(ExitCode::Failed, format!("no job is called `{key}`"));
    let hint = suggestions.hint().unwrap_or_else(|| "`lipsyncd list` shows all jobs".to_owned());
    Ok(error.hint(hint))
}

/// Prints a note if no daemon runs that could act on the change.
pub(super) fn note_absent_daemon(context: &mut CommandContext<'_>) -> Result<(), CommandError> {
    if lock_holder(&context.config.state_db).is_none() {
        writeln!(context.err, "note: the daemon does not run; `{}` starts it", context.start)?;
    }
    Ok(())
}
