//! Waiting for what may never come: a share whose server is gone holds whoever touches it.

use std::{sync::mpsc, thread, time::Duration};

/// How long a look at files may take. A folder of a million files takes some seconds.
pub(super) const FILES: Duration = Duration::from_secs(15);

/// What `work` comes to; none if it is not done in time. Then it is left behind, on its thread.
pub(super) fn within<T: Send + 'static>(
    time: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (done, wait) = mpsc::channel();
    thread::Builder::new()
        .name("lipsyncd-doctor".to_owned())
        .spawn(move || {
            // Nobody waits any more once the time is over.
            let _late = done.send(work());
        })
        .ok()?;
    wait.recv_timeout(time).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_comes_is_not_waited_for() {
        let (hold, held) = mpsc::channel::<()>();
        assert_eq!(within(Duration::from_millis(1), move || held.recv().is_ok()), None);
        drop(hold);
        assert_eq!(within(FILES, || 7), Some(7));
    }
}
