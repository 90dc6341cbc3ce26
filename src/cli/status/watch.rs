//! `status --watch`: repeats the status every second, with progress bars on a terminal.
//!
//! Ends on Ctrl-C, on SIGTERM, or when the reader closes the pipe. Leaves the terminal as it was.

use std::{io::Write, time::Duration};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{report::StatusReport, text};
use crate::cli::{Result, json, open, signals};

const INTERVAL: Duration = Duration::from_secs(1);

pub(super) fn watch(
    read: impl Fn() -> Result<StatusReport>,
    as_json: bool,
    on_terminal: bool,
    out: &mut dyn Write,
) -> Result<()> {
    let screen = (on_terminal && !as_json).then(Screen::new);
    let mut show = |report: &StatusReport| -> Result<()> {
        match &screen {
            Some(screen) => screen.show(report),
            None if as_json => writeln!(out, "{}", json::line(report)?)?,
            None => writeln!(out, "{}", text::one_line(report))?,
        }
        Ok(out.flush()?)
    };
    let shown = open::block_on(async {
        let stopped = signals::stopped();
        tokio::pin!(stopped);
        let mut tick = tokio::time::interval(INTERVAL);
        loop {
            tokio::select! {
                // Signals are handled before the first output.
                biased;
                ended = &mut stopped => return Ok(ended?),
                _ = tick.tick() => show(&read()?)?,
            }
        }
    });
    if let Some(screen) = screen {
        screen.leave();
        writeln!(out)?;
    }
    shown
}

struct Screen {
    bars: MultiProgress,
    jobs: ProgressBar,
    slots: ProgressBar,
    lines: ProgressBar,
}

impl Screen {
    fn new() -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stdout());
        let bar = |template: &str| {
            // An invalid template leaves the default style.
            let style = ProgressStyle::with_template(template)
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            bars.add(ProgressBar::new(0).with_style(style.progress_chars("=> ")))
        };
        let jobs = bar("done       [{wide_bar}] {pos}/{len}");
        let slots = bar("slots      [{wide_bar}] {pos}/{len}");
        let lines = bar("{msg}");
        Self { bars, jobs, slots, lines }
    }

    fn show(&self, report: &StatusReport) {
        let (ended, all) = report.progress();
        let set = |bar: &ProgressBar, position: i64, length: i64| {
            bar.set_length(length.unsigned_abs());
            bar.set_position(position.unsigned_abs());
            bar.tick();
        };
        set(&self.jobs, ended, all);
        set(&self.slots, report.slots.used, report.slots.limit);
        let lines = text::lines(report).into_iter().map(text::format_line);
        self.lines.set_message(lines.collect::<Vec<_>>().join("\n"));
        self.lines.tick();
    }

    /// Keeps the last output on the screen, with the cursor after it.
    fn leave(self) {
        for bar in [&self.jobs, &self.slots, &self.lines] {
            bar.abandon();
        }
        drop(self.bars);
    }
}
