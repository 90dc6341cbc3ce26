//! `status --watch`: repeats the status every second, on the complete screen of a terminal or in lines.
//!
//! Ends on Ctrl-C, on SIGTERM, with `q`, or when the reader closes the pipe.

use std::{io::Write, time::Duration};

use super::{
    frame::View,
    report::StatusReport,
    screen::{Screen, ScreenEvent},
    text,
};
use crate::cli::{Result, json, open, signals};

const INTERVAL: Duration = Duration::from_secs(1);

/// Repeats one line, or one JSON object, per second.
pub(super) fn lines(
    read: impl Fn() -> Result<StatusReport>,
    as_json: bool,
    out: &mut dyn Write,
) -> Result<()> {
    let mut show = || -> Result<()> {
        let report = read()?;
        match as_json {
            true => writeln!(out, "{}", json::line(&report)?)?,
            false => writeln!(out, "{}", text::one_line(&report))?,
        }
        Ok(out.flush()?)
    };
    open::block_on(async {
        let stopped = signals::stopped();
        tokio::pin!(stopped);
        let mut tick = tokio::time::interval(INTERVAL);
        loop {
            tokio::select! {
                // Signals are handled before the first output.
                biased;
                ended = &mut stopped => return Ok(ended?),
                _ = tick.tick() => show()?,
            }
        }
    })
}

/// Shows the status on the complete screen, and redraws it when the size changes. The last status stays on the normal
/// screen.
pub(super) fn screen(read: impl Fn() -> Result<View>, out: &mut dyn Write) -> Result<()> {
    let mut view = read()?;
    open::block_on(async {
        let stopped = signals::stopped();
        tokio::pin!(stopped);
        let mut screen = Screen::enter()?;
        let mut tick = tokio::time::interval(INTERVAL);
        loop {
            tokio::select! {
                biased;
                ended = &mut stopped => return Ok(ended?),
                event = screen.event() => match event {
                    ScreenEvent::Quit => return Ok(()),
                    ScreenEvent::Resized => screen.draw(&view)?,
                },
                _ = tick.tick() => {
                    view = read()?;
                    screen.draw(&view)?;
                }
            }
        }
    })?;
    Ok(text::write(out, &view.report)?)
}
