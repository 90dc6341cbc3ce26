//! The paid step: a create request is recorded before it is sent, and its outcome is found out or decided by a person.
//!
//! A crash before the commit of `creating` means that nothing was sent. A crash between that commit and the commit of
//! the reply leaves the task in `creating`, and `recover` finds out. After that commit, the task is known.
//!
//! Each path starts and ends at the scheduler. `create` asks for the task by name, `recover` by name and by the list;
//! either may lead to `send`, and `refusal` says what a reply means that is no acceptance.

mod candidates;
pub(crate) mod create;
mod earlier_task;
mod first_lookup;
mod inquiry;
pub(crate) mod lookup;
pub(crate) mod lookup_support;
pub(crate) mod obstacle;
pub(crate) mod recover;
mod refusal;
mod send;
mod task_list;
pub(crate) mod unresolved;

use candidates::{possible_tasks, to_candidates};
use earlier_task::follow_earlier;
use first_lookup::{LaterTake, find, find_later_take, lookup_failed};
use inquiry::{Conclusion, Inquiry, inquire, oldest_ms, outcome_of_unresolved};
use lookup::{LOOKUP_AGE_MAX, Lookup, by_name, verify_owner};
use lookup_support::{LookupProof, learn_again, prove, spellings};
use refusal::refused;
use send::{Sending, send};
use task_list::{TaskListing, first_sent_at_ms, is_of_video};
