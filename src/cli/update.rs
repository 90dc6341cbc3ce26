//! Changes selected jobs for the commands: says what it would do, asks, and prints what became of each job.

use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::signal::unix::{SignalKind, signal};

use super::{
    CommandContext, CommandError, ExitCode, Result, confirm::confirm, counted, open, price::prices,
    text::safe, unknown::report_unknown,
};
use crate::{
    actions::{ActionPlan, ActionProgress, Changed, JobAction, NotChanged, Updater, carry_out},
    daemon,
    store::{Reader, Select, SelectedJobs, lock_holder},
};

/// Jobs that are printed, if jobs are not selected by their keys alone; more are only counted.
const PRINTED_MAX: usize = 20;

/// What a command does, in words.
#[derive(Clone, Copy)]
pub(super) struct ActionWords {
    /// `retry`
    pub(super) name: &'static str,
    /// `retried`
    pub(super) done: &'static str,
}

/// A change of selected jobs.
pub(super) struct Change {
    pub(super) words: ActionWords,
    pub(super) select: Select,
    pub(super) action: JobAction,
    /// Whether to ask before the change.
    pub(super) asks: bool,
    pub(super) dry_run: bool,
    /// Whether only the daemon does what was asked for.
    pub(super) needs_daemon: bool,
    /// How the plan says what is paid.
    pub(super) payment: fn(&ActionPlan) -> String,
    /// What is printed if no job is selected.
    pub(super) nothing: &'static str,
}

impl Change {
    /// Creates a change that pays nothing and asks nothing.
    pub(super) fn of(words: ActionWords, select: Select, action: JobAction) -> Self {
        Self {
            words,
            select,
            action,
            asks: false,
            dry_run: false,
            needs_daemon: false,
            payment: |_| String::new(),
            nothing: "No job matches.",
        }
    }
}

/// Changes the jobs. Prints one line per job: results to stdout, refusals to stderr.
pub(super) fn change(change: Change, context: &mut CommandContext<'_>) -> Result {
    let reader = open::reader(context.config)?;
    let mut exit = report_unknown(&reader, &change.select, context)?;
    let jobs = reader.select(&change.select)?;
    let mut action = change.action.clone();
    if change.asks || change.dry_run {
        let prices = prices(Some(&reader), context.config)?;
        let plan =
            ActionPlan::read(&reader, &jobs, &action, &prices, |_| Ok::<_, CommandError>(()))?;
        exit = exit.max(report_refused(&plan, context)?);
        if plan.jobs() == 0 {
            if exit == ExitCode::Done {
                writeln!(context.out, "{}", change.nothing)?;
            }
            return Ok(exit);
        }
        let text = format!("{}{}", plan.jobs_text(), (change.payment)(&plan));
        if !confirm(change.words.name, &text, change.dry_run, context)? {
            return Ok(exit);
        }
        action = plan.confirmed(action);
    }
    let mut report = Report {
        words: change.words,
        nothing: change.nothing,
        printed_max: if change.select.is_by_key() { usize::MAX } else { PRINTED_MAX },
        printed: 0,
        refused: 0,
        exit,
        context,
    };
    let progress = open::block_on(write(&reader, &jobs, &action, &mut report))?;
    let exit = report.end(&progress)?;
    if change.needs_daemon && progress.changed > 0 {
        note_absent_daemon(context)?;
    }
    Ok(exit)
}

async fn write(
    reader: &Reader,
    jobs: &SelectedJobs,
    action: &JobAction,
    report: &mut Report<'_, '_>,
) -> Result<ActionProgress> {
    let is_interrupted = watch_signals()?;
    let store = &open::store(report.context.config)?;
    let policy = daemon::policy(report.context.config);
    let updater = Updater { store, reader, policy: &policy, now_ms: open::now_ms };
    let mut reached = ActionProgress::default();
    let written = carry_out(updater, jobs, action, |changes, progress| {
        reached = *progress;
        for change in changes {
            report.job(change)?;
        }
        let is_interrupted = is_interrupted.load(Ordering::Relaxed);
        Ok(if is_interrupted { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    });
    written.await.map_err(|error: CommandError| report.failed(error, &reached))
}

/// Returns whether SIGINT or SIGTERM came. The batch that is being written is completed.
fn watch_signals() -> Result<Arc<AtomicBool>> {
    let is_interrupted = Arc::new(AtomicBool::new(false));
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let (mut signals, flag) = (signal(kind)?, Arc::clone(&is_interrupted));
        tokio::spawn(async move {
            if signals.recv().await.is_some() {
                flag.store(true, Ordering::Relaxed);
            }
        });
    }
    Ok(is_interrupted)
}

/// Prints what becomes of the jobs.
struct Report<'a, 'b> {
    words: ActionWords,
    nothing: &'static str,
    printed_max: usize,
    printed: usize,
    refused: usize,
    exit: ExitCode,
    context: &'a mut CommandContext<'b>,
}

impl Report<'_, '_> {
    fn job(&mut self, Changed { key, result }: Changed) -> Result<()> {
        match result {
            Ok(text) | Err(NotChanged::AlreadyDone(text)) => {
                if self.printed < self.printed_max {
                    writeln!(self.context.out, "{}", safe(&format!("{key}: {text}")))?;
                }
                self.printed += 1;
            }
            Err(NotChanged::Refused { why, hint }) => {
                self.exit = self.exit.max(ExitCode::Failed);
                if self.refused < self.printed_max {
                    self.context.out.flush()?;
                    refusal(&key, &why, hint).report(self.context.err)?;
                }
                self.refused += 1;
            }
            Err(NotChanged::NotSelected) => {}
        }
        Ok(())
    }

    fn end(self, progress: &ActionProgress) -> Result {
        let Self { words, nothing, printed_max, printed, refused, exit, context } = self;
        if printed > printed_max {
            let more = counted(printed - printed_max, "more job");
            writeln!(
                context.out,
                "… and {more}; {} {} in all",
                counted(progress.changed, "job"),
                words.done
            )?;
        }
        context.out.flush()?;
        if refused > printed_max {
            let more = counted(refused - printed_max, "more job");
            writeln!(context.err, "error: {more} not {}", words.done)?;
        }
        if progress.is_interrupted {
            let done = counted(progress.changed, "job");
            let error = format!("interrupted: {done} {}, the others are unchanged", words.done);
            return Err(CommandError::new(ExitCode::Failed, error)
                .hint("run the same command again to continue"));
        }
        if printed + refused == 0 && exit == ExitCode::Done && progress.changed == 0 {
            writeln!(context.out, "{nothing}")?;
        }
        Ok(exit)
    }

    /// Adds how far the change came.
    fn failed(&self, error: CommandError, reached: &ActionProgress) -> CommandError {
        if reached.changed == 0 {
            return error;
        }
        let done = counted(reached.changed, "job");
        error.after(&format!("{done} {}, then it failed", self.words.done))
    }
}

fn refusal(key: &str, why: &str, hint: Option<String>) -> CommandError {
    CommandError { hint, ..CommandError::new(ExitCode::Failed, format!("{key}: {why}")) }
}

fn report_refused(plan: &ActionPlan, context: &mut CommandContext<'_>) -> Result {
    for job in &plan.refused {
        refusal(&job.key, &job.why, job.hint.clone()).report(context.err)?;
    }
    let more = plan.refused_jobs.saturating_sub(plan.refused.len());
    if more > 0 {
        writeln!(context.err, "error: {} refused", counted(more, "more job"))?;
    }
    Ok(if plan.refused_jobs > 0 { ExitCode::Failed } else { ExitCode::Done })
}

pub(super) fn note_absent_daemon(context: &mut CommandContext<'_>) -> Result<()> {
    if lock_holder(&context.config.state_db).is_none() {
        context.out.flush()?;
        writeln!(context.err, "note: the daemon is not running; `{}` starts it", context.start)?;
    }
    Ok(())
}
