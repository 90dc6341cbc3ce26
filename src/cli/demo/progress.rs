//! How far the demo is: a line a job that is rewritten on a terminal, a line a change elsewhere.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{cli::text::safe, job::State, store::JobOverview};

/// Where in its life a job is, in steps of [`STEPS`].
const STEPS: u64 = 7;

/// Shows jobs as they move.
pub(super) struct Progress {
    screen: Option<MultiProgress>,
    bars: BTreeMap<String, ProgressBar>,
    seen: BTreeMap<String, State>,
}

impl Progress {
    pub(super) fn new(on_terminal: bool) -> Self {
        let screen =
            on_terminal.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stdout()));
        Self { screen, bars: BTreeMap::new(), seen: BTreeMap::new() }
    }

    /// Shows the jobs as they stand.
    pub(super) fn show(&mut self, jobs: &[JobOverview], out: &mut dyn Write) -> io::Result<()> {
        for job in jobs {
            let remark = job.error.as_deref().or(job.waiting_for.as_deref()).unwrap_or_default();
            if let Some(screen) = &self.screen {
                let bar = self.bars.entry(job.key.clone()).or_insert_with(|| {
                    let bar = screen.add(ProgressBar::new(STEPS).with_style(style()));
                    bar.with_prefix(safe(&job.key).into_owned())
                });
                bar.set_position(step(job.state));
                bar.set_message(format!("{:<11} {}", job.state, safe(remark)));
            } else if self.seen.insert(job.key.clone(), job.state) != Some(job.state) {
                writeln!(out, "{:<9} {:<11} {}", safe(&job.key), job.state, safe(remark))?;
                out.flush()?;
            }
        }
        Ok(())
    }

    /// Leaves the last picture standing.
    pub(super) fn leave(self) {
        for bar in self.bars.values() {
            bar.abandon();
        }
    }
}

fn style() -> ProgressStyle {
    // A template that is not understood leaves the default one, which serves too.
    ProgressStyle::with_template("{prefix:<9} [{bar:14}] {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

fn step(state: State) -> u64 {
    match state {
        State::Waiting => 0,
        State::Queued => 1,
        State::Identified => 2,
        State::Creating => 3,
        State::Submitted | State::Unresolved => 4,
        State::Processing => 5,
        State::Downloading => 6,
        State::Succeeded | State::Failed | State::Cancelled => STEPS,
    }
}
