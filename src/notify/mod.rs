//! Sends messages about what happened to webhooks and commands. The store has the messages; each is sent at least once.
//!
//! Nothing waits for this module: the pipeline does not know it, and at a stop an unsent message stays in the store.

mod command;
mod error;
mod message;
mod sender;
mod signature;
mod target;
mod test_message;
#[cfg(test)]
mod tests;
mod time_limits;
mod webhook;

pub use error::SendError;
pub use sender::Sender;
pub use target::MessageTarget;
pub use time_limits::TimeLimits;
