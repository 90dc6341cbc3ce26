//! Accounts and their keys. Each account has its own tasks, slots, rate limits, names and resource pack.

use std::collections::HashMap;

use super::{rate_window::RateWindow, units::SimUnits};

/// The number of an account; 0 is the account of the keys in the settings.
pub type AccountNumber = u32;

/// A further key that the API accepts.
///
/// With account 0: a second key of the same account, as after a rotation. With another number: a key of an account
/// of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The account of the key.
    pub account: AccountNumber,
    /// What the client must know.
    pub credential: ApiCredential,
}

/// What a client proves that it knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiCredential {
    /// A single API key, sent as it is.
    Token(String),
    /// An access key, and the secret key that signs its tokens.
    Keys {
        /// The `iss` of its tokens.
        access_key: String,
        /// Signs them.
        secret_key: String,
    },
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
