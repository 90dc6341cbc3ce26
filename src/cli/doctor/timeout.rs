//! A time limit for blocking work: a network share whose server is gone blocks every process that touches it.

use std::{sync::mpsc, thread, time::Duration};

/// Time limit for work on files. Reading a folder of a million files takes some seconds.
pub(super) const FILES: Duration = Duration::from_secs(15);

/// Returns the result of `work`, or none after `limit`; the thread is then left behind.
pub(super) fn within<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (done, wait) = mpsc::channel();
    thread::Builder::new()
        .name("lipsyncd-doctor".to_owned())
        .spawn(move || {
            // Fails when the limit is over and the receiver is gone.
            let _late = done.send(work());
        })
        .ok()?;
    wait.recv_timeout(limit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_never_ends_times_out() {
        let (hold, held) = mpsc::channel::<()>();
        assert_eq!(within(Duration::from_millis(1), move || held.recv().is_ok()), None);
        drop(hold);
        assert_eq!(within(FILES, || 7), Some(7));
    }
}
