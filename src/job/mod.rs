//! The pure core: what a task is, what to do next with it, and how an outcome changes it.
//!
//! Nothing here does IO, reads a clock or draws a random number: time and chance are arguments.

/// Gives an enum its variants and their names, which are the same in the database, the logs and the commands.
macro_rules! names {
    ($type:ident { $($variant:ident: $name:literal),+ $(,)? }) => {
        impl $type {
            /// Every variant, in order.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$variant),+];

            /// Returns its name in the database, the logs and the commands.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }

            /// Returns the variant of that name.
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|known| known.name() == name)
            }
        }
    };
}
pub(crate) use names;

mod account;
pub mod apply;
mod budget;
mod cost;
mod create_attempt;
pub mod decide;
mod delivery;
mod failure;
mod folder_job;
pub mod outcome;
mod person;
mod presigned;
mod price;
pub mod retry;
pub mod spec;
pub mod state;
mod task;
pub mod timing;
mod verdict;

#[cfg(test)]
pub(crate) mod tests;

pub use account::Account;
pub use apply::{IllegalTransition, RESEND_READY, SLOT_KEPT_MS, Transition, apply};
pub use budget::{BudgetHold, Caps, Currency, admit};
pub use cost::{Charge, Cost};
pub use create_attempt::{CreateAnswer, CreateAttempt, Resend};
pub use decide::{Action, decide};
pub use delivery::{BLOCKED, Delivery, DeliveryOutcome, deliver};
pub use failure::Failure;
pub use folder_job::{Job, LEFT_UNCREATED, REMOVED};
pub use outcome::{Outcome, Spend};
pub use person::{CANCELLED, FETCH, RETRY, VERDICT, is_by_a_person, retried_take};
pub use presigned::without_signature;
pub use price::{AssumedPrices, Length, Observation, ObservedPrice, Price, PriceList};
pub use retry::{Moment, Policy};
pub use spec::{FaceChoice, JobSpec, Source};
pub use state::State;
pub use task::{Media, ResultFile, Session, TAKE_MAX, Task};
pub use timing::{FaceSpan, Plan};
pub use verdict::{GivenVerdict, Verdict};

/// The row of a job in the state database. It never changes.
pub type JobId = i64;

/// The row of a task in the state database. It never changes.
pub type TaskId = i64;
