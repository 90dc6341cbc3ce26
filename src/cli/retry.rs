//! `lipsyncd retry`: makes jobs again with another take. Only this command and `take:` in a manifest pay again.

use super::{
    CommandContext, CommandError, ExitCode, Result,
    confirm::ConfirmArgs,
    open,
    select::SelectArgs,
    update::{ActionWords, Change, change},
};
use crate::{
    actions::{JobAction, SucceededNotNamed, to_retry},
    job::State,
    store::Select,
};

/// Make jobs again with another take, which can pay again
///
/// Only a task that Kling accepted uses up its take. A job that failed before that sends the same take again. A
/// job that succeeded, or failed at Kling, gets the next take; the name of its task ends in -2, -3, … If that
/// task exists already, its result is used and nothing is paid. If a task failed because Kling did not show it,
/// Kling is asked first, and the task is used if it exists.
///
/// Without --failed or --state, failed jobs are selected, also dismissed ones, and jobs that are named by their
/// keys. A job that succeeded must be named by its key.
///
/// The command first shows the jobs, the number of paid tasks and their price. On a terminal it asks for
/// confirmation; elsewhere it needs --yes. The exit code is 1 if one of the jobs cannot be retried.
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:\n  \
    lipsyncd retry promo/en promo/fr\n  \
    lipsyncd retry --failed --code 1301 --dry-run\n  \
    lipsyncd retry --failed --yes"
)]
pub(super) struct Args {
    #[command(flatten)]
    select: SelectArgs,
    /// Only failed jobs that are not dismissed, as long as they are still failed when the retry is written
    #[arg(long, conflicts_with = "states")]
    failed: bool,
    #[command(flatten)]
    confirm: ConfirmArgs,
}

const WORDS: ActionWords = ActionWords { name: "retry", done: "retried" };

pub(super) fn run(arguments: &Args, context: &mut CommandContext<'_>) -> Result {
    let ConfirmArgs { yes, dry_run } = arguments.confirm;
    let mut nothing = "No job matches.";
    let select = if arguments.failed {
        let select = arguments.select.select(open::now_ms());
        let failed = Select { states: vec![State::Failed], dismissed: Some(false), ..select };
        let is_all = failed == Select { dismissed: Some(false), ..Select::in_state(State::Failed) };
        if is_all {
            nothing = "No job has failed.";
        }
        failed
    } else {
        to_retry(arguments.select.required(open::now_ms())?)?
    };
    let action = JobAction::retry().only_while_selected(&select);
    let retry = Change {
        asks: !yes,
        dry_run,
        needs_daemon: true,
        payment: |plan| format!(": {}", plan.payment_text()),
        nothing,
        ..Change::of(WORDS, select, action)
    };
    change(retry, context)
}

impl From<SucceededNotNamed> for CommandError {
    fn from(error: SucceededNotNamed) -> Self {
        Self::new(ExitCode::Usage, error.to_string())
            .hint("`lipsyncd list --state succeeded` shows their keys")
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::cli::Cli;

    #[test]
    fn retry_takes_a_selection_or_failed() {
        let is_valid = |arguments: &str| {
            Cli::try_parse_from(format!("lipsyncd retry {arguments}").split_whitespace()).is_ok()
        };
        for valid in ["a b", "a --yes", "--failed", "--failed --yes --dry-run", "a --failed"] {
            assert!(is_valid(valid), "{valid}");
        }
        for invalid in ["", "--failed --state queued", "--label x", "--since soon", "--state no"] {
            assert!(!is_valid(invalid), "{invalid}");
        }
    }
}
