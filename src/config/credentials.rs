//! The account's credentials: where they come from, and that they appear nowhere.
//!
//! No error and no debug output contains any part of a value; an account's name is a digest.

use std::{
    ffi::OsString,
    fmt, fs,
    io::{self, Read},
    path::PathBuf,
};

use secrecy::{ExposeSecret, SecretString, zeroize::Zeroizing};
use sha2::{Digest, Sha256};

const ACCESS_KEY: &str = "KLING_ACCESS_KEY";
const SECRET_KEY: &str = "KLING_SECRET_KEY";
const API_TOKEN: &str = "KLING_API_TOKEN";
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
    /// A fixed bearer token.
    Token(SecretString),
}

/// Why there are no usable credentials.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// None are set.
    #[error(
        "no credentials: set {ACCESS_KEY} and {SECRET_KEY}, or {API_TOKEN}, in the environment or as \
         files of the same names in lower case in $CREDENTIALS_DIRECTORY (the Debian package's unit makes \
         it from the files access_key and secret_key, or api_token, where its LoadCredential= points)"
    )]
    Missing,
    /// One key without the other.
    #[error("{given} is set, but {missing} is not: both are needed")]
    Half {
        /// The variable that is set.
        given: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
    /// Both kinds are set: it is unclear which account is meant.
    #[error(
        "both {API_TOKEN} and {ACCESS_KEY} or {SECRET_KEY} are set: unset the token or the keys"
    )]
    Both,
    /// The value contains blanks, control characters or non-ASCII letters.
    #[error(
        "{0} contains a character that credentials cannot contain: a blank, a line break, or one outside ASCII"
    )]
    Malformed(&'static str),
    /// The file exists and cannot be read.
    #[error("cannot read {name} from `{}`", path.display())]
    Unreadable {
        /// The variable that it sets.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl Credentials {
    /// The longest credential.
    pub const BYTES_MAX: u64 = 64 << 10;

    /// Looks each name up in the environment, then as a file in `$CREDENTIALS_DIRECTORY`. Blanks
    /// around a value do not count, and an empty one counts as absent.
    ///
    /// # Errors
    /// No credentials, one of two keys, both kinds, or a credential that cannot be read or cannot be valid.
    pub fn find(env: &dyn Fn(&str) -> Option<OsString>) -> Result<Self, CredentialsError> {
        let access_key = look_up(ACCESS_KEY, env)?;
        let secret_key = look_up(SECRET_KEY, env)?;
        let token = look_up(API_TOKEN, env)?;
        match (access_key, secret_key, token) {
            (Some(access_key), Some(secret_key), None) => Ok(Self::Keys { access_key, secret_key }),
            (None, None, Some(token)) => Ok(Self::Token(token)),
            (None, None, None) => Err(CredentialsError::Missing),
            (_, _, Some(_)) => Err(CredentialsError::Both),
            (Some(_), None, None) => {
                Err(CredentialsError::Half { given: ACCESS_KEY, missing: SECRET_KEY })
            }
            (None, Some(_), None) => {
                Err(CredentialsError::Half { given: SECRET_KEY, missing: ACCESS_KEY })
            }
        }
    }

    /// Returns true if both are equal in every part.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
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

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({}, redacted)", self.account())
    }
}

fn look_up(
    name: &'static str,
    env: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Option<SecretString>, CredentialsError> {
    if let Some(value) = env(name) {
        let value = value.into_string().map_err(|_| CredentialsError::Malformed(name))?;
        if let Some(secret) = cleaned(name, &Zeroizing::new(value))? {
            return Ok(Some(secret));
        }
    }
    let Some(folder) = env("CREDENTIALS_DIRECTORY").filter(|folder| !folder.is_empty()) else {
        return Ok(None);
    };
    let path = PathBuf::from(folder).join(name.to_lowercase());
    let mut value = Zeroizing::new(String::new());
    let read = fs::File::open(&path)
        .and_then(|file| file.take(Credentials::BYTES_MAX).read_to_string(&mut value));
    match read {
        Ok(_) => cleaned(name, &value),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(CredentialsError::Malformed(name))
        }
        Err(source) => Err(CredentialsError::Unreadable { name, path, source }),
    }
}

/// Returns the value without blanks around it; none if nothing is left.
fn cleaned(name: &'static str, value: &str) -> Result<Option<SecretString>, CredentialsError> {
    let value = value.trim();
    if value.is_empty() {
        Ok(None)
    } else if value.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(Some(SecretString::from(value)))
    } else {
        Err(CredentialsError::Malformed(name))
    }
}
