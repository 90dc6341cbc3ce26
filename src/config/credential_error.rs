//! The names of the credentials, and what can be wrong with them. No error contains any part of a value.

use std::{io, path::PathBuf};

pub(super) const ACCESS_KEY: &str = "KLING_ACCESS_KEY";
pub(super) const SECRET_KEY: &str = "KLING_SECRET_KEY";
pub(super) const API_KEY: &str = "KLING_API_KEY";
/// Another name of the same.
pub(super) const API_TOKEN: &str = "KLING_API_TOKEN";

pub(super) const BUCKET_ACCESS_KEY: &str = "S3_ACCESS_KEY";
pub(super) const BUCKET_SECRET_KEY: &str = "S3_SECRET_KEY";

/// Why there are no usable credentials.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// None are set.
    #[error(
        "no credentials: set {ACCESS_KEY} and {SECRET_KEY}, or {API_KEY} (also called {API_TOKEN}), in the \
         environment or as files of the same names in lower case in $CREDENTIALS_DIRECTORY (the Debian package's unit \
         makes it from the files access_key and secret_key, or api_key, where its LoadCredential= points)"
    )]
    Missing,
    /// The keys of the bucket are not set.
    #[error(
        "upload.s3 is set, but its keys are not: set {BUCKET_ACCESS_KEY} and {BUCKET_SECRET_KEY} in the environment, or as \
         files of the same names in lower case in $CREDENTIALS_DIRECTORY (the Debian package's unit makes it from the \
         files s3_access_key and s3_secret_key where its LoadCredential= points)"
    )]
    NoBucketKeys,
    /// One key without the other.
    #[error("{given} is set, but {missing} is not: both are needed")]
    Half {
        /// The variable that is set.
        given: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
    /// Both kinds are set: it is unclear which account is meant.
    #[error("both {0} and {ACCESS_KEY} or {SECRET_KEY} are set: unset {0} or the keys")]
    Both(&'static str),
    /// Two names of the API key have different values: it is unclear which account is meant.
    #[error("{API_KEY} and {API_TOKEN} are set to different values: unset one of them")]
    Different,
    /// The secret of webhooks has another form.
    #[error(
        "NOTIFY_SECRET is not `whsec_` followed by 24 to 64 bytes in Base64; make one with: \
         echo whsec_$(openssl rand -base64 32)"
    )]
    NotifySecret,
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
