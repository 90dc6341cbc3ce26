//! The account's slots: who holds one, and how many there are.
//!
//! The limit is what is configured, lowered to what was in flight when the API answered 1303, and
//! raised again by one at a time as creates go through.

use std::collections::BTreeSet;

use crate::job::TaskId;

/// So many creates in a row must go through before one slot more is tried.
const RAISE_AFTER_MIN: u32 = 8;
/// Each 1303 doubles that, up to here.
const RAISE_AFTER_MAX: u32 = 512;

/// Who holds a slot, and how many there are.
#[derive(Debug)]
pub(crate) struct Slots {
    configured: usize,
    limit: usize,
    holders: BTreeSet<TaskId>,
    through: u32,
    raise_after: u32,
}

impl Slots {
    /// `learnt` is what an earlier run learnt of the account.
    pub(crate) fn new(configured: usize, learned: Option<usize>) -> Self {
        let configured = configured.max(1);
        Self {
            configured,
            limit: learned.unwrap_or(configured).clamp(1, configured),
            holders: BTreeSet::new(),
            through: 0,
            raise_after: RAISE_AFTER_MIN,
        }
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn has_free(&self) -> bool {
        self.holders.len() < self.limit
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

    /// A create was refused with 1303 while `id` held a slot for it. Returns the limit if it changed.
    pub(crate) fn refused(&mut self, id: TaskId) -> Option<usize> {
        self.holders.remove(&id);
        self.through = 0;
        let learned = self.holders.len().clamp(1, self.limit);
        let lowered = learned < self.limit;
        if lowered {
            self.raise_after = (self.raise_after * 2).min(RAISE_AFTER_MAX);
            self.limit = learned;
        }
        lowered.then_some(self.limit)
    }

    /// A create went through. Returns the limit if it changed.
    pub(crate) fn went_through(&mut self) -> Option<usize> {
        if self.limit == self.configured {
            return None;
        }
        self.through += 1;
        if self.through < self.raise_after {
            return None;
        }
        self.through = 0;
        self.limit += 1;
        Some(self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learns_what_was_in_flight_and_rises_again_slowly() {
        let mut slots = Slots::new(5, None);
        (1..=5).for_each(|id| slots.take(id));
        assert!(!slots.has_free());
        assert_eq!(slots.refused(5), Some(4));
        assert_eq!(slots.refused(4), Some(3));
        assert!(!slots.has_free());
        let rises = (0..64).filter_map(|_| slots.went_through()).count();
        assert_eq!((rises, slots.limit()), (2, 5));
    }

    #[test]
    fn an_account_that_others_fill_leaves_one_slot_to_try_with() {
        let mut slots = Slots::new(5, None);
        slots.take(1);
        assert_eq!(slots.refused(1), Some(1));
        assert!(slots.has_free());
        slots.take(1);
        assert_eq!(slots.refused(1), None);
    }
}
