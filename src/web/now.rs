//! The wall clock.

/// Now, in Unix ms.
pub(super) fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
