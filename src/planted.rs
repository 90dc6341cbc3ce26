//! Deliberate mistakes, for the tests of the tests: whoever checks the promises must catch each of them.
//!
//! A mistake is planted for one thread, by a call that nothing shipped makes; a release build has none of
//! them. Where it is made stands one line that asks for it, and does the wrong thing in place of the right.

/// What can be done wrong on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    /// A create is sent before it is written down.
    SentUnwritten,
    /// The task of a create that was accepted is not written down.
    TaskForgotten,
    /// A create whose answer was lost counts as one that never left.
    LostIsUnsent,
    /// A lookup that finds nothing counts at once, however young the create is.
    AbsentAtOnce,
    /// An account that answers no lookups counts as one that has no such task.
    SilenceIsAbsence,
    /// A create that is sent again goes by another name.
    NamedAnew,
    /// A slot is free while its task still runs.
    SlotFreedEarly,
    /// A slot stays taken when its job has none any more.
    SlotLeaked,
    /// A paused line pays.
    PauseIgnored,
    /// A budget that is spent does not hold tasks back.
    BudgetIgnored,
    /// A job succeeds before its result has its name.
    NeverPublished,
    /// Half a download counts as a whole one.
    HalfIsWhole,
    /// A download that fails once fails its job.
    PaidAndFailed,
    /// A job that rests is never looked at again.
    NeverWoken,
    /// A job does not say what it waits for.
    Silent,
    /// A task counts twice in the day's account.
    CountedTwice,
    /// The result of a shared task is brought to one of its jobs alone.
    SharedNotDelivered,
}

impl Mistake {
    /// Every one of them.
    pub const ALL: [Self; 17] = [
        Self::SentUnwritten,
        Self::TaskForgotten,
        Self::LostIsUnsent,
        Self::AbsentAtOnce,
        Self::SilenceIsAbsence,
        Self::NamedAnew,
        Self::SlotFreedEarly,
        Self::SlotLeaked,
        Self::PauseIgnored,
        Self::BudgetIgnored,
        Self::NeverPublished,
        Self::HalfIsWhole,
        Self::PaidAndFailed,
        Self::NeverWoken,
        Self::Silent,
        Self::CountedTwice,
        Self::SharedNotDelivered,
    ];
}

#[cfg(debug_assertions)]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Mistake>> = const { std::cell::Cell::new(None) };
}

/// Plants `mistake` for all that this thread does from now on; none: nothing is done wrong on purpose.
#[cfg(debug_assertions)]
pub fn plant(mistake: Option<Mistake>) {
    PLANTED.set(mistake);
}

/// Whether `mistake` is to be made.
#[inline]
pub(crate) fn is_planted(mistake: Mistake) -> bool {
    #[cfg(debug_assertions)]
    return PLANTED.get() == Some(mistake);
    #[cfg(not(debug_assertions))]
    {
        let _nothing_in_a_release = mistake;
        false
    }
}
