//! The account's credentials: where they come from, and that they appear nowhere.
//!
//! No error and no debug output contains any part of a value; an account's name is a digest.

use std::{ffi::OsString, fmt};

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::{
    credential_error::{ACCESS_KEY, CredentialsError, SECRET_KEY},
    credential_lookup::{self, CredentialLookup},
};

/// How the API identifies the account.
#[derive(Clone)]
pub enum Credentials {
    /// Keys that sign tokens.
    Keys {
        /// Names the account; sent in each token.
        access_key: SecretString,
        /// Signs the tokens; never sent.
        secret_key: SecretString,
    },
    /// An API key, which is sent as bearer token.
    Token(SecretString),
}

/// Credentials, and where they were found. No text contains any part of one.
#[derive(Debug)]
pub struct FoundCredentials {
    /// The credentials.
    pub credentials: Credentials,
    /// Where they come from: the environment, or `$CREDENTIALS_DIRECTORY`.
    pub source: String,
    /// What was corrected in the values, a sentence for each.
    pub notes: Vec<String>,
}

impl Credentials {
    /// The longest credential.
    pub const BYTES_MAX: u64 = credential_lookup::BYTES_MAX;

    /// Looks each name up in the environment, then as a file in `$CREDENTIALS_DIRECTORY`. Blanks around a value do not
    /// count, and an empty one counts as absent. Quotes and `Bearer` around it are removed, with a note.
    ///
    /// # Errors
    /// No credentials, one of two keys, both kinds, or a credential that cannot be read or cannot be valid.
    pub fn find(
        env: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<FoundCredentials, CredentialsError> {
        let mut found = CredentialLookup { env, notes: Vec::new(), places: Vec::new() };
        let access_key = found.value(ACCESS_KEY)?;
        let secret_key = found.value(SECRET_KEY)?;
        let token = found.token()?;
        let credentials = Self::of(access_key, secret_key, token)?;
        let CredentialLookup { notes, places, .. } = found;
        Ok(FoundCredentials { credentials, source: places.join(" and "), notes })
    }

    fn of(
        access_key: Option<SecretString>,
        secret_key: Option<SecretString>,
        token: Option<(&'static str, SecretString)>,
    ) -> Result<Self, CredentialsError> {
        match (access_key, secret_key, token) {
            (Some(access_key), Some(secret_key), None) => Ok(Self::Keys { access_key, secret_key }),
            (None, None, Some((_, token))) => Ok(Self::Token(token)),
            (None, None, None) => Err(CredentialsError::Missing),
            (_, _, Some((name, _))) => Err(CredentialsError::Both(name)),
            (Some(_), None, None) => {
                Err(CredentialsError::Half { given: ACCESS_KEY, missing: SECRET_KEY })
            }
            (None, Some(_), None) => {
                Err(CredentialsError::Half { given: SECRET_KEY, missing: ACCESS_KEY })
            }
        }
    }

    /// Returns a short stable name of the account for the database, which reveals no credential: `key-` or `token-`, and 8 hex digits of the SHA-256 of the access key or the token.
    #[must_use]
    pub fn account(&self) -> String {
        let (kind, secret) = match self {
            Self::Keys { access_key, .. } => ("key", access_key),
            Self::Token(token) => ("token", token),
        };
        let digest = Sha256::digest(secret.expose_secret().as_bytes());
        let short: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        format!("{kind}-{short}")
    }
}

impl PartialEq for Credentials {
    fn eq(&self, other: &Self) -> bool {
        let same =
            |one: &SecretString, two: &SecretString| one.expose_secret() == two.expose_secret();
        match (self, other) {
            (Self::Token(one), Self::Token(two)) => same(one, two),
            (
                Self::Keys { access_key: one_access, secret_key: one_secret },
                Self::Keys { access_key: two_access, secret_key: two_secret },
            ) => same(one_access, two_access) && same(one_secret, two_secret),
            _ => false,
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({}, redacted)", self.account())
    }
}
