//! What `retry`, `cancel` and `resolve` have in common: read a job, judge it, write the transition
//! down; and again if somebody else, as a rule the daemon, moved it meanwhile.

use std::collections::HashSet;

use futures_util::future::join_all;

use super::{CommandError, Context, ExitCode, nearest::Nearest, open};
use crate::{
    daemon,
    job::{Job, Moment, Outcome, Policy, apply},
    store::{JobDetail, Reader, Store, StoreError, holder},
};

/// So often a job is read again when somebody else moved it.
const TRIES_MAX: usize = 8;
/// So many jobs are changed at once: their changes share one sync of the disk.
const AT_ONCE: usize = 256;

/// What a command makes of a job it was named.
pub(super) enum Verdict {
    /// This shall happen to it.
    Do(Outcome),
    /// It is as wanted already, in words.
    Already(String),
    /// It cannot be done; why, and what to do.
    No(String, Option<String>),
}

/// The database open for changes, and by what jobs are judged.
pub(super) struct Changer {
    pub(super) store: Store,
    pub(super) reader: Reader,
    policy: Policy,
}

impl Changer {
    pub(super) fn open(context: &Context<'_>) -> Result<Self, CommandError> {
        let store = open::store(context.config)?;
        let reader = open::reader(context.config)?;
        Ok(Self { store, reader, policy: daemon::policy(context.config) })
    }

    /// Changes one job as `judge` says, and returns what it said of it or `done`'s words.
    pub(super) async fn change(
        &self,
        key: &str,
        judge: &impl Fn(&JobDetail) -> Verdict,
        done: &impl Fn(&Job) -> String,
    ) -> Result<String, CommandError> {
        for _ in 0..TRIES_MAX {
            let Some(detail) = self.reader.detail(key)? else {
                return Err(unknown(&self.reader, key)?);
            };
            let outcome = match judge(&detail) {
                Verdict::Do(outcome) => outcome,
                Verdict::Already(said) => return Ok(format!("{key}: {said}")),
                Verdict::No(why, hint) => {
                    let refused = CommandError::new(ExitCode::Failed, format!("{key}: {why}"));
                    return Err(CommandError { hint, ..refused });
                }
            };
            let now_ms = open::now_ms();
            // Chance spreads delays; what people decide has none.
            let moment = Moment { now_ms, chance: 0.0 };
            let is_retry = outcome == Outcome::Retried;
            let transition = apply(&detail.job, outcome, &moment, &self.policy)
                .map_err(|illegal| CommandError::new(ExitCode::Failed, illegal.to_string()))?;
            let written = if is_retry {
                self.store.record_retry(transition, now_ms).await
            } else {
                self.store.record(transition, None, now_ms).await
            };
            match written {
                Ok(job) => return Ok(format!("{key}: {}", done(&job))),
                Err(StoreError::Stale { .. }) => {}
                Err(error) if error.is_conflict() => return Err(conflict(key)),
                Err(error) => return Err(error.into()),
            }
        }
        let busy = format!("{key}: changed again and again while it was to be changed");
        Err(CommandError::new(ExitCode::Failed, busy).hint("try again"))
    }

    /// Changes all jobs of `keys`, a line each: done to stdout, not done to stderr.
    pub(super) fn change_all(
        &self,
        keys: &[String],
        context: &mut Context<'_>,
        judge: impl Fn(&JobDetail) -> Verdict,
        done: impl Fn(&Job) -> String,
    ) -> Result<ExitCode, CommandError> {
        let mut named = HashSet::new();
        let keys: Vec<&String> = keys.iter().filter(|key| named.insert(key.as_str())).collect();
        let mut exit = ExitCode::Done;
        open::block_on(async {
            for some in keys.chunks(AT_ONCE) {
                let changes = some.iter().map(|key| self.change(key, &judge, &done));
                for change in join_all(changes).await {
                    match change {
                        Ok(said) => writeln!(context.out, "{}", super::text::safe(&said))?,
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

fn conflict(key: &str) -> CommandError {
    let why = "another job has its output or its external_task_id by now";
    CommandError::new(ExitCode::Failed, format!("{key}: {why}"))
        .hint("give one of them another `output` or `external_task_id` in its manifest")
}

/// Says that no job is called `key`, and which ones are called nearly so.
pub(super) fn unknown(reader: &Reader, key: &str) -> Result<CommandError, CommandError> {
    let mut nearest = Nearest::to(key);
    reader.keys(|name| nearest.look(name))?;
    let error = CommandError::new(ExitCode::Failed, format!("no job is called `{key}`"));
    let hint = nearest.hint().unwrap_or_else(|| "`lipsyncd list` shows all jobs".to_owned());
    Ok(error.hint(hint))
}

/// Says it when nobody is there to act on what was just written down.
pub(super) fn note_absent_daemon(context: &mut Context<'_>) -> Result<(), CommandError> {
    if holder(&context.config.state_db).is_none() {
        writeln!(context.err, "note: the daemon does not run; `{}` starts it", context.start)?;
    }
    Ok(())
}
