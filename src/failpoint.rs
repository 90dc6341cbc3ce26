//! Points at which a test ends the process as a power failure would: before and after each commit, each request, and
//! each write, sync and rename on disk.
//!
//! `LIPSYNCD_FAILPOINT=store.commit.before:3` ends the process the third time that it reaches this point. Two more
//! variables make it wait: `LIPSYNCD_STALL=/run/stall` stops the scheduler while that file exists, and
//! `LIPSYNCD_HOLD=part.sync.before:/run/hold` stops each thread that reaches that point.
//!
//! A release build has none of this. A fail point never does anything else than end the process or wait.

/// All points; each has a before and an after.
pub const POINTS: [&str; 29] = [
    // The daemon's start.
    "lock.write",
    "store.make",
    // Every commit of the daemon, and again by name those of the paid step.
    "store.commit",
    "create.intend",
    "create.intend_again",
    "create.answer",
    "delivery.record",
    "watermark.record",
    // Every kind of request.
    "api.identify",
    "api.create",
    "api.task",
    "api.task_by_name",
    "api.tasks",
    "api.fetch",
    // The output folder.
    "folder.make",
    "folder.sync",
    "part.empty",
    "part.take_up",
    "part.append",
    "part.keep",
    "part.sync",
    "copy.write",
    "note.write",
    "metadata.write",
    "metadata.sync",
    "name.into_free",
    "name.over_ours",
    "name.set_aside",
    "file.remove",
];

/// Call this before the work that `point` names.
#[inline(always)]
pub fn before(point: &'static str) {
    reach(point, "before");
}

/// Call this after the work that `point` names.
#[inline(always)]
pub fn after(point: &'static str) {
    reach(point, "after");
}

#[inline(always)]
fn reach(point: &'static str, side: &'static str) {
    #[cfg(test)]
    crash::count(point, side);
    #[cfg(debug_assertions)]
    armed::hit(point, side);
    #[cfg(not(debug_assertions))]
    let _nothing_in_a_release = (point, side);
}

/// Does the work that `point` names. A failure does not reach the point after it.
#[inline(always)]
pub fn around<T, E>(point: &'static str, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    before(point);
    let done = work()?;
    after(point);
    Ok(done)
}

/// Waits while a test wants it to; everything else continues.
pub async fn stall() {
    #[cfg(debug_assertions)]
    armed::stall().await;
}

/// Crashes inside a unit test: the work unwinds at a fail point, and the test continues.
#[cfg(test)]
pub(crate) mod crash {
    use std::{
        cell::{Cell, RefCell},
        panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    };

    thread_local! {
        static LEFT: Cell<Option<u32>> = const { Cell::new(None) };
        static PASSED: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
    }

    struct Crash;

    /// Does `work` on this thread up to its `nth` fail point, from 1. Returns none if it crashed there.
    pub(crate) fn at<T>(nth: u32, work: impl FnOnce() -> T) -> Option<T> {
        LEFT.set(Some(nth));
        let done = catch_unwind(AssertUnwindSafe(work));
        LEFT.set(None);
        match done {
            Ok(done) => Some(done),
            Err(crash) if crash.is::<Crash>() => None,
            Err(panic) => resume_unwind(panic),
        }
    }

    /// Does `work` on this thread. Returns the fail points that it passed, in order.
    pub(crate) fn passed(work: impl FnOnce()) -> Vec<String> {
        PASSED.set(Some(Vec::new()));
        work();
        PASSED.take().unwrap_or_default()
    }

    pub(super) fn count(point: &str, side: &str) {
        PASSED.with_borrow_mut(|passed| {
            passed.iter_mut().for_each(|passed| passed.push(format!("{point}.{side}")));
        });
        let left = LEFT.get().map(|left| left.saturating_sub(1));
        LEFT.set(left);
        if left == Some(0) {
            LEFT.set(None);
            resume_unwind(Box::new(Crash));
        }
    }
}

#[cfg(debug_assertions)]
mod armed {
    use std::{
        env,
        path::PathBuf,
        sync::{
            LazyLock,
            atomic::{AtomicU64, Ordering},
        },
        thread,
        time::Duration,
    };

    /// The time between two checks whether to continue.
    const STALL_CHECK: Duration = Duration::from_millis(50);

    /// Where the process ends.
    struct Armed {
        point: String,
        side: String,
        hits_left: AtomicU64,
    }

    /// Reads `store.commit.before` or `store.commit.before:3`.
    static ARMED: LazyLock<Option<Armed>> = LazyLock::new(|| {
        let text = env::var("LIPSYNCD_FAILPOINT").ok()?;
        let (name, nth) = text.split_once(':').unwrap_or((&text, "1"));
        let (point, side) = name.rsplit_once('.')?;
        let hits_left = AtomicU64::new(nth.parse().ok()?);
        Some(Armed { point: point.to_owned(), side: side.to_owned(), hits_left })
    });

    pub(super) fn hit(point: &str, side: &str) {
        if let Some((name, file)) = HOLD.as_ref()
            && name.strip_suffix(side).and_then(|rest| rest.strip_suffix('.')) == Some(point)
        {
            while file.exists() {
                thread::sleep(STALL_CHECK);
            }
        }
        let Some(armed) = ARMED.as_ref() else { return };
        let here = armed.point == point && armed.side == side;
        if here && armed.hits_left.fetch_sub(1, Ordering::Relaxed) == 1 {
            die();
        }
    }

    static HOLD: LazyLock<Option<(String, PathBuf)>> = LazyLock::new(|| {
        let text = env::var("LIPSYNCD_HOLD").ok()?;
        text.split_once(':').map(|(name, file)| (name.to_owned(), file.into()))
    });

    static STALL: LazyLock<Option<PathBuf>> =
        LazyLock::new(|| env::var_os("LIPSYNCD_STALL").map(PathBuf::from));

    pub(super) async fn stall() {
        while STALL.as_ref().is_some_and(|file| file.exists()) {
            tokio::time::sleep(STALL_CHECK).await;
        }
    }

    /// Ends the process at once: nothing is unwound, dropped or flushed, and no core is dumped.
    #[expect(unsafe_code, reason = "the standard library cannot end a process like this")]
    fn die() {
        // SAFETY: `raise` uses no memory of this process, and may be called at any time on any thread.
        let _never = unsafe { libc::raise(libc::SIGKILL) };
    }
}
