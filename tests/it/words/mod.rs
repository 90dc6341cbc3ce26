//! The words of everything that people read: messages, comments and docs.
//!
//! `messages` keeps every sentence of the program in one file, so that a reader can review all of them:
//! `src/**` → `snapshots/it__words__messages__messages.snap`. `banned` refuses words that have a plain equivalent.

mod banned;
mod messages;
pub mod source;
