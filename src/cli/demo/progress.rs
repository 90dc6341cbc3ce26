//! Progress of the demo: on a terminal one line per job, which is rewritten; elsewhere one line per change.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    io::{self, Write},
};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{cli::safe, job::State, store::JobOverview};

const STEPS: u64 = 7;
/// The columns of a line if nothing is known about the terminal.
const WIDTH: usize = 80;

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

    /// Prints the jobs whose state changed.
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
                let line = format!("{:<9} {:<11} {}", safe(&job.key), job.state, safe(remark));
                writeln!(out, "{}", cut(line.trim_end()))?;
                out.flush()?;
            }
        }
        Ok(())
    }

    pub(super) fn leave(self) {
        for bar in self.bars.values() {
            bar.abandon();
        }
    }
}

fn style() -> ProgressStyle {
    // A short bar leaves room for the reason in 80 columns. The default style is a good substitute.
    ProgressStyle::with_template("{prefix:<9} [{bar:7}] {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

fn cut(line: &str) -> Cow<'_, str> {
    match line.char_indices().nth(WIDTH) {
        None => Cow::Borrowed(line),
        Some(_) => Cow::Owned(line.chars().take(WIDTH - 1).chain(['…']).collect()),
    }
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
