//! The paid step: a create request is written down before it is sent, and whatever becomes of it is found out or
//! put before a person.
//!
//! Where can the power fail, and who pays? Before the commit of `creating`: nothing was sent. Between that
//! commit and the POST, during the POST, or before the commit of its answer: the task is found in `creating`,
//! and `recover` finds out. After it: the task is known.
//!
//! One walk through these files begins and ends at the scheduler: `create` (asks by name first) or `recover` (asks
//! by name and list) leads to `send`, and `send` to the answer's meaning in `refusal`.

mod candidates;
pub(super) mod create;
mod earlier_task;
pub(super) mod first_lookup;
mod inquiry;
pub(super) mod lookup;
pub(super) mod lookup_support;
pub(super) mod recover;
mod refusal;
mod send;
mod task_list;
pub(super) mod unresolved;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// No lookup by name is older when a create request is sent: another host may create the task meanwhile.
const LOOKUP_AGE_MAX: Duration = Duration::from_secs(10);

/// Whether a paid call may be sent; asked right before one is.
pub(super) struct PaidCallPermit {
    /// The call finds out whether an account can pay again.
    pub(super) is_probe: bool,
    /// Whether the queue allows paid calls.
    pub(super) paid_calls_allowed: Arc<AtomicBool>,
}

impl PaidCallPermit {
    /// Nothing may be sent.
    pub(super) fn closed() -> Self {
        Self { is_probe: false, paid_calls_allowed: Arc::default() }
    }

    pub(super) fn is_open(&self) -> bool {
        self.is_probe || self.paid_calls_allowed.load(Ordering::Acquire)
    }
}
