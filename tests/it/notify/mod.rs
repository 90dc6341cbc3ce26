//! Notifications of the real binary: a real receiver, and a real program.

#![expect(clippy::unwrap_used, reason = "the helpers here are parts of tests")]

mod command;
mod dead;
mod outage;
mod receiver;
mod test_message;
mod webhook;

use crate::support::daemon::{TestEnv, quick};
use receiver::{Mode, Receiver};

/// 32 bytes.
const SECRET: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/// An environment whose messages of these events go to `receiver`.
fn reporting_to(receiver: &Receiver, events: &str) -> TestEnv {
    let notify = format!("notify: [{{ webhook: '{}', events: [{events}] }}]\n", receiver.url());
    TestEnv::with(quick(), 5, &notify)
}

impl TestEnv {
    /// The only value of the only row that `query` finds.
    fn stored<T: rusqlite::types::FromSql>(&self, query: &str) -> Option<T> {
        self.database()?.query_row(query, [], |row| row.get(0)).ok()
    }
}
