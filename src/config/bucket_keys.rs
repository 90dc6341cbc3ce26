//! The keys of the bucket for local videos. No error and no debug output contains any part of a value.

use std::{ffi::OsString, fmt};

use secrecy::{ExposeSecret, SecretString};

use super::{
    credential_error::{BUCKET_ACCESS_KEY, BUCKET_SECRET_KEY, CredentialsError},
    credential_lookup::CredentialLookup,
};

/// The keys that sign requests to the bucket, and the links to videos.
#[derive(Clone)]
pub struct BucketKeys {
    /// Names the key pair; sent in each request.
    pub access_key: SecretString,
    /// Signs; never sent.
    pub secret_key: SecretString,
}

/// Keys, and where they were found.
#[derive(Debug)]
pub struct FoundBucketKeys {
    /// The keys.
    pub keys: BucketKeys,
    /// Where they come from: the environment, or `$CREDENTIALS_DIRECTORY`.
    pub source: String,
    /// What was corrected in the values, a sentence for each.
    pub notes: Vec<String>,
}

impl BucketKeys {
    /// Looks `S3_ACCESS_KEY` and `S3_SECRET_KEY` up as [`Credentials::find`](super::Credentials::find) does. The files
    /// of `LoadCredential=kling:FOLDER`, which the Debian package uses, have `kling_` before their names.
    ///
    /// # Errors
    /// A key is missing, or it cannot be read or cannot be valid.
    pub fn find(
        env: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<FoundBucketKeys, CredentialsError> {
        let mut found = CredentialLookup { env, notes: Vec::new(), places: Vec::new() };
        let access_key = found.value(BUCKET_ACCESS_KEY)?;
        let secret_key = found.value(BUCKET_SECRET_KEY)?;
        let half = |given, missing| Err(CredentialsError::Half { given, missing });
        let keys = match (access_key, secret_key) {
            (Some(access_key), Some(secret_key)) => Self { access_key, secret_key },
            (Some(_), None) => return half(BUCKET_ACCESS_KEY, BUCKET_SECRET_KEY),
            (None, Some(_)) => return half(BUCKET_SECRET_KEY, BUCKET_ACCESS_KEY),
            (None, None) => return Err(CredentialsError::NoBucketKeys),
        };
        let CredentialLookup { notes, places, .. } = found;
        Ok(FoundBucketKeys { keys, source: places.join(" and "), notes })
    }
}

impl PartialEq for BucketKeys {
    fn eq(&self, other: &Self) -> bool {
        self.access_key.expose_secret() == other.access_key.expose_secret()
            && self.secret_key.expose_secret() == other.secret_key.expose_secret()
    }
}

impl fmt::Debug for BucketKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BucketKeys(redacted)")
    }
}
