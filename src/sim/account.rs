//! Accounts and their keys. Each account has its own tasks, slots, rate limits, names and resource pack.

use std::collections::{HashMap, VecDeque};

use super::units::SimUnits;

/// The length of a rate limit's sliding window: no second has more calls than the limit, wherever it starts.
const WINDOW_MS: i64 = 1_000;

/// The number of an account; 0 is the account of the keys in the settings.
pub type AccountNumber = u32;

/// A further key that the API accepts.
///
/// With account 0: a second key of the same account, as after a rotation. With another number: a key of an account
/// of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    pub(super) account: AccountNumber,
    pub(super) credential: ApiCredential,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ApiCredential {
    /// Sent as it is.
    Token(String),
    /// The `iss` of tokens, and the key that signs them.
    Keys { access_key: String, secret_key: String },
}

impl ApiKey {
    /// A single API key.
    pub fn token(account: AccountNumber, token: &str) -> Self {
        Self { account, credential: ApiCredential::Token(token.to_owned()) }
    }

    /// An access key and its secret key.
    pub fn keys(account: AccountNumber, access_key: &str, secret_key: &str) -> Self {
        let (access_key, secret_key) = (access_key.to_owned(), secret_key.to_owned());
        Self { account, credential: ApiCredential::Keys { access_key, secret_key } }
    }
}

/// What each account has used: the calls of the last second, and units.
#[derive(Debug, Default)]
pub(super) struct AccountUsage(HashMap<AccountNumber, (RateWindows, SimUnits)>);

/// For Identify Face, Create Task and everything else.
pub(super) type RateWindows = [RateWindow; 3];

impl AccountUsage {
    pub(super) fn rate_windows(&mut self, account: AccountNumber) -> &mut RateWindows {
        &mut self.0.entry(account).or_default().0
    }

    pub(super) fn units(&self, account: AccountNumber) -> SimUnits {
        self.0.get(&account).map_or_else(SimUnits::default, |(_, units)| *units)
    }

    pub(super) fn spend(&mut self, account: AccountNumber, units: SimUnits) {
        let spent = &mut self.0.entry(account).or_default().1;
        *spent = *spent + units;
    }
}

/// The calls of the last second. A refused call does not count.
#[derive(Debug, Default)]
pub(super) struct RateWindow(VecDeque<i64>);

impl RateWindow {
    /// Counts a call, or returns false if the limit is reached.
    pub(super) fn admits(&mut self, now_ms: i64, limit: Option<u32>) -> bool {
        let Some(limit) = limit else { return true };
        while self.0.front().is_some_and(|at_ms| now_ms - at_ms >= WINDOW_MS) {
            self.0.pop_front();
        }
        if self.0.len() >= limit as usize {
            return false;
        }
        self.0.push_back(now_ms);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_has_more_calls_than_the_limit() {
        let mut pace = RateWindow::default();
        let admitted: Vec<_> = [0, 10, 20, 999, 1000, 1005, 1010]
            .into_iter()
            .filter(|at_ms| pace.admits(*at_ms, Some(2)))
            .collect();
        assert_eq!(admitted, [0, 10, 1000, 1010]);
        assert!((0..1000).all(|_| pace.admits(2000, None)));
        assert!(!pace.admits(5000, Some(0)));
    }
}
