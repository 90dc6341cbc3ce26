//! `lipsyncd cancel`: cancels jobs that were not created at Kling.

use super::{
    CommandContext, Result,
    confirm::ConfirmArgs,
    open,
    select::SelectArgs,
    update::{ActionWords, Change, change},
};
use crate::actions::{ActionPlan, JobAction, to_cancel};

/// Cancel jobs that were not created at Kling yet
///
/// Cancels jobs that are waiting, queued or identified. They stay cancelled until `lipsyncd retry`, although
/// their manifest is still in the folder. If a job is cancelled before its retry was created, it gets its
/// earlier result back. If several jobs share a task, the others keep it. A job whose task was created, or may
/// have been, cannot be cancelled, because the API has no such call: the task is paid, lipsyncd follows it to
/// its end, and its result is kept. All selected jobs are tried; the exit code is 1 if one was not cancelled.
///
/// Unless jobs are selected by their keys alone, the command first shows the jobs, and what is not paid. On a
/// terminal it asks for confirmation; elsewhere it needs --yes.
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:\n  \
    lipsyncd cancel promo/en promo/fr\n  \
    lipsyncd cancel --manifest 'promo/*' --label language=fr"
)]
pub(super) struct Args {
    #[command(flatten)]
    select: SelectArgs,
    #[command(flatten)]
    confirm: ConfirmArgs,
}

const WORDS: ActionWords = ActionWords { name: "cancel", done: "cancelled" };

pub(super) fn run(arguments: &Args, context: &mut CommandContext<'_>) -> Result {
    let ConfirmArgs { yes, dry_run } = arguments.confirm;
    let select = to_cancel(arguments.select.required(open::now_ms())?);
    let action = JobAction::cancel().only_while_selected(&select);
    let asks = !yes && !select.is_by_key();
    change(
        Change { asks, dry_run, payment: not_paid, ..Change::of(WORDS, select, action) },
        context,
    )
}

fn not_paid(plan: &ActionPlan) -> String {
    match plan.paid_tasks() {
        0 => String::new(),
        _ => format!("; not paid then: {}", plan.price.text()),
    }
}
