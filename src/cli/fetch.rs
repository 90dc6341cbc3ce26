//! `lipsyncd fetch`: restores a result that is no longer on disk.

use std::path::Path;

use clap::ValueHint;

use super::{
    CommandContext, Result,
    update::{ActionWords, Change, change},
};
use crate::{
    actions::{Decision, JobAction, NotChanged, command_for, refused},
    job::State,
    output::{OutputPaths, Presence, VideoKind, presence},
    store::{Command, JobState, Select},
};

/// Restore results that are no longer on disk, free of charge
///
/// The daemon copies another job's file of the same task, if that file is unchanged. Otherwise it downloads the
/// result again; Kling keeps results for 30 days. A missing watermarked copy is fetched, too. Nothing is paid.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lipsyncd fetch promo/en")]
pub(super) struct Args {
    /// Keys of jobs, as `lipsyncd list` shows them
    #[arg(value_name = "JOB", required = true, value_hint = ValueHint::Other)]
    jobs: Vec<String>,
}

const WORDS: ActionWords = ActionWords { name: "fetch", done: "fetched" };

pub(super) fn run(arguments: &Args, context: &mut CommandContext<'_>) -> Result {
    let output_dir = context.config.output_dir.clone();
    let decide = move |state: &JobState| -> Decision {
        let JobState { job, task, .. } = state;
        let has_result = task.as_ref().is_some_and(|task| task.state == State::Succeeded);
        match job.state {
            State::Succeeded => {
                let path = output_dir.join(&job.output);
                let bytes = job.delivered.as_ref().map_or(0, |(_, bytes)| *bytes);
                match presence(&path, bytes) {
                    Ok(Presence::Delivered) if lacks_watermark(state, &output_dir) => {
                        Ok(Command::Fetch)
                    }
                    Ok(Presence::Delivered) => {
                        Err(NotChanged::AlreadyDone(format!("{} is there already", path.display())))
                    }
                    // lipsyncd does not replace a file that it does not own; the job would wait forever.
                    Ok(Presence::Changed) => refused(
                        format!("{} was changed after it was delivered", path.display()),
                        Some("move that file away first, then fetch the result again".to_owned()),
                    ),
                    _ => Ok(Command::Fetch),
                }
            }
            State::Failed if has_result => Ok(Command::Fetch),
            State::Downloading => {
                Err(NotChanged::AlreadyDone("is being fetched already".to_owned()))
            }
            other => refused(
                format!("is {other}: it has no result to fetch"),
                Some(command_for("show", &job.spec.key)),
            ),
        }
    };
    let action = JobAction::new(decide, |_| "the daemon restores its result".to_owned());
    let select = Select { keys: arguments.jobs.clone(), ..Select::default() };
    change(Change { needs_daemon: true, ..Change::of(WORDS, select, action) }, context)
}

/// Whether the job asks for a watermarked copy that is not on disk.
fn lacks_watermark(state: &JobState, output_dir: &Path) -> bool {
    let asks = state.task.as_ref().is_some_and(|task| task.spec.watermark);
    let path = output_dir.join(&state.job.output);
    let folder = path.parent().map(Path::to_owned).unwrap_or_default();
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let place = OutputPaths::in_folder(folder, name);
    asks && !place.video(VideoKind::Watermark).exists()
}
