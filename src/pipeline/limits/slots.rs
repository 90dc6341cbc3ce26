//! The account's slots: which tasks hold one, and how many there are.
//!
//! The limit starts as configured. A 1303 lowers it to what was in flight, and a row of accepted create requests raises
//! it by one.

use std::collections::BTreeSet;

use tokio::time::Instant;

use crate::job::TaskId;

/// How many create requests in a row must be accepted before one more slot is tried.
const RAISE_AFTER_MIN: u32 = 8;
/// Each 1303 that lowers the limit doubles that number, up to this one.
const RAISE_AFTER_MAX: u32 = 512;

#[derive(Debug)]
pub(crate) struct Slots {
    configured: usize,
    pub(crate) limit: usize,
    holders: BTreeSet<TaskId>,
    accepted_in_a_row: u32,
    raise_after: u32,
    pub(crate) refused_in_a_row: u32,
    /// No create request is sent before this, because the API said that all slots are taken.
    pub(crate) blocked_until: Option<Instant>,
}

impl Slots {
    /// Takes the limit that an earlier run learned, if there is one.
    pub(crate) fn new(configured: usize, learned: Option<usize>) -> Self {
        let configured = configured.max(1);
        Self {
            configured,
            limit: learned.unwrap_or(configured).clamp(1, configured),
            holders: BTreeSet::new(),
            accepted_in_a_row: 0,
            raise_after: RAISE_AFTER_MIN,
            refused_in_a_row: 0,
            blocked_until: None,
        }
    }

    pub(crate) fn has_free(&self) -> bool {
        self.holders.len() < self.limit
    }

    pub(crate) fn is_open(&self) -> bool {
        self.has_free() && self.blocked_until.is_none()
    }

    /// Whether the create request of this task may be sent again. Its slot may have been freed in the meantime.
    pub(crate) fn is_open_for(&self, id: TaskId) -> bool {
        self.blocked_until.is_none() && (self.holds(id) || self.has_free())
    }

    pub(crate) fn holds(&self, id: TaskId) -> bool {
        self.holders.contains(&id)
    }

    pub(crate) fn take(&mut self, id: TaskId) {
        self.holders.insert(id);
    }

    pub(crate) fn free(&mut self, id: TaskId) {
        self.holders.remove(&id);
    }

    /// A create request was refused with 1303 while its task held a slot. Returns the limit if it changed.
    pub(crate) fn refused(&mut self, id: TaskId) -> Option<usize> {
        self.refused_in_a_row = self.refused_in_a_row.saturating_add(1);
        self.holders.remove(&id);
        self.accepted_in_a_row = 0;
        let learned = self.holders.len().clamp(1, self.limit);
        let is_lower = learned < self.limit;
        if is_lower {
            self.raise_after = (self.raise_after * 2).min(RAISE_AFTER_MAX);
            self.limit = learned;
        }
        is_lower.then_some(self.limit)
    }

    /// A create request was accepted. Returns the limit if it changed.
    pub(crate) fn accepted(&mut self) -> Option<usize> {
        self.refused_in_a_row = 0;
        if self.limit == self.configured {
            return None;
        }
        self.accepted_in_a_row += 1;
        if self.accepted_in_a_row < self.raise_after {
            return None;
        }
        self.accepted_in_a_row = 0;
        self.limit += 1;
        Some(self.limit)
    }

    pub(crate) fn end_block(&mut self, now: Instant) {
        self.blocked_until = self.blocked_until.filter(|until| *until > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lowers_the_limit_to_what_was_in_flight_and_raises_it_slowly() {
        let mut slots = Slots::new(5, None);
        (1..=5).for_each(|id| slots.take(id));
        assert!(!slots.has_free());
        assert_eq!(slots.refused(5), Some(4));
        assert_eq!(slots.refused(4), Some(3));
        assert!(!slots.has_free());
        let rises = (0..64).filter_map(|_| slots.accepted()).count();
        assert_eq!((rises, slots.limit), (2, 5));
    }

    #[test]
    fn a_full_account_keeps_one_slot_to_try() {
        let mut slots = Slots::new(5, None);
        slots.take(1);
        assert_eq!(slots.refused(1), Some(1));
        assert!(slots.has_free());
        slots.take(1);
        assert_eq!(slots.refused(1), None);
    }
}
