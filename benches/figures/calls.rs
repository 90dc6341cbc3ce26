//! How often the API was called: accepted, refused, and calls that found nothing.

use lipsyncd::sim::{Endpoint, EndpointCount, Ledger};

/// Returns the number of calls of all kinds.
pub fn all(ledger: &Ledger) -> u64 {
    ledger.calls.values().map(count).sum()
}

/// Returns the number of polls and lookups.
pub fn queries(ledger: &Ledger) -> u64 {
    let calls = [Endpoint::Query, Endpoint::List];
    calls.iter().filter_map(|call| ledger.calls.get(call)).map(count).sum()
}

fn count(calls: &EndpointCount) -> u64 {
    calls.accepted + calls.refused.values().sum::<u64>()
}
