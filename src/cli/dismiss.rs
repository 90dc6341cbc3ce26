//! `lipsyncd dismiss`: removes failed jobs from the counts, and accepts results of changed jobs.

use super::{
    CommandContext, Result,
    confirm::ConfirmArgs,
    open,
    select::SelectArgs,
    update::{ActionWords, Change, change},
};
use crate::actions::{JobAction, to_dismiss};

/// Remove failed jobs from the counts, and accept results of changed jobs
///
/// `status` does not count a dismissed failed job, and `retry --failed` does not retry it. A job that changed
/// after it was sent keeps its result, and is no longer flagged; it must be named by its key. Nothing is deleted.
///
/// Unless jobs are selected by their keys alone, the command takes failed jobs, and first shows them. On a
/// terminal it asks for confirmation; elsewhere it needs --yes.
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:\n  \
    lipsyncd dismiss promo/en\n  \
    lipsyncd dismiss --code 1301 --since today\n  \
    lipsyncd dismiss --undo promo/en"
)]
pub(super) struct Args {
    #[command(flatten)]
    select: SelectArgs,
    /// Count them again
    #[arg(long)]
    undo: bool,
    #[command(flatten)]
    confirm: ConfirmArgs,
}

const DISMISS: ActionWords = ActionWords { name: "dismiss", done: "dismissed" };
const UNDO: ActionWords = ActionWords { name: "count again", done: "counted again" };

pub(super) fn run(arguments: &Args, context: &mut CommandContext<'_>) -> Result {
    let ConfirmArgs { yes, dry_run } = arguments.confirm;
    let select = to_dismiss(arguments.select.required(open::now_ms())?, arguments.undo);
    let (words, action) = match arguments.undo {
        true => (UNDO, JobAction::undo_dismissal()),
        false => (DISMISS, JobAction::dismiss()),
    };
    let action = action.only_while_selected(&select);
    let asks = !yes && !select.is_by_key();
    change(Change { asks, dry_run, ..Change::of(words, select, action) }, context)
}
