//! The signals of the daemon: SIGTERM and SIGINT end it, SIGHUP makes it read its settings again.

use std::{io, process, sync::mpsc, thread, time::Duration};

use tokio::{
    runtime,
    signal::unix::{SignalKind, signal},
};
use tracing::info;

use super::ExitCode;
use crate::daemon::Controls;

/// A line of the log takes no longer, unless nobody reads the log.
const LOG_MAX: Duration = Duration::from_millis(200);

/// Waits for SIGTERM or SIGINT.
pub(super) async fn stopped() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        ended = tokio::signal::ctrl_c() => ended,
        _ = terminate.recv() => Ok(()),
    }
}

/// Handles signals from now on, on a thread of its own. A second SIGTERM or SIGINT ends the process at once,
/// whatever the daemon is stuck in.
pub(super) fn listen(controls: Controls) -> io::Result<()> {
    let Controls { stop, reload } = controls;
    let runtime = runtime::Builder::new_current_thread().enable_io().build()?;
    let entered = runtime.enter();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    drop(entered);
    let handle = async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                _ = hangup.recv() => {
                    reload.notify_one();
                    continue;
                }
            }
            if stop.is_cancelled() {
                process::exit(ExitCode::Done as i32);
            }
            log_stop();
            stop.cancel();
        }
    };
    thread::Builder::new()
        .name("lipsyncd-signals".to_owned())
        .spawn(move || runtime.block_on(handle))?;
    Ok(())
}

/// Logs that the daemon stops. A pipe that nobody reads must not hold up the stop, or hide the next signal.
fn log_stop() {
    let (logged, is_logged) = mpsc::channel();
    thread::spawn(move || {
        info!("stopping; send the signal again to stop at once");
        logged.send(())
    });
    let _in_time = is_logged.recv_timeout(LOG_MAX);
}
