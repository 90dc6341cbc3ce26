//! Looks credentials up in the environment and in `$CREDENTIALS_DIRECTORY`, and removes what people copy with them.

use std::{
    ffi::OsString,
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret, SecretString, zeroize::Zeroizing};

use super::credential_error::{API_KEY, API_TOKEN, CredentialsError};

/// The longest credential.
pub(super) const BYTES_MAX: u64 = 64 << 10;

pub(super) struct CredentialLookup<'a> {
    pub(super) env: &'a dyn Fn(&str) -> Option<OsString>,
    /// What was corrected.
    pub(super) notes: Vec<String>,
    /// Where values were found.
    pub(super) places: Vec<&'static str>,
}

impl CredentialLookup<'_> {
    /// Returns the API key, and the name under which it was found.
    pub(super) fn token(
        &mut self,
    ) -> Result<Option<(&'static str, SecretString)>, CredentialsError> {
        let (key, token) = (self.value(API_KEY)?, self.value(API_TOKEN)?);
        match (key, token) {
            (Some(key), Some(token)) if key.expose_secret() != token.expose_secret() => {
                Err(CredentialsError::Different)
            }
            (Some(key), _) => Ok(Some((API_KEY, key))),
            (None, token) => Ok(token.map(|token| (API_TOKEN, token))),
        }
    }

    /// Returns the value of `name`, without blanks around it; none if nothing is left.
    pub(super) fn value(
        &mut self,
        name: &'static str,
    ) -> Result<Option<SecretString>, CredentialsError> {
        if let Some(value) = (self.env)(name) {
            let value = value.into_string().map_err(|_| CredentialsError::Malformed(name))?;
            if let Some(secret) = self.cleaned(name, &Zeroizing::new(value))? {
                self.found_in("the environment");
                return Ok(Some(secret));
            }
        }
        self.file(name)
    }

    /// Returns the value of `name` from a file in `$CREDENTIALS_DIRECTORY`.
    fn file(&mut self, name: &'static str) -> Result<Option<SecretString>, CredentialsError> {
        let Some(folder) = (self.env)("CREDENTIALS_DIRECTORY").filter(|folder| !folder.is_empty())
        else {
            return Ok(None);
        };
        let path = Self::file_of(&PathBuf::from(folder), name);
        let mut value = Zeroizing::new(String::new());
        let read =
            fs::File::open(&path).and_then(|file| file.take(BYTES_MAX).read_to_string(&mut value));
        match read {
            Ok(_) => {
                let secret = self.cleaned(name, &value)?;
                if secret.is_some() {
                    self.found_in("$CREDENTIALS_DIRECTORY");
                }
                Ok(secret)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(CredentialsError::Malformed(name))
            }
            Err(source) => Err(CredentialsError::Unreadable { name, path, source }),
        }
    }

    /// systemd puts the name of the credential before each file of a folder: `kling_` in the package's unit.
    fn file_of(folder: &Path, name: &str) -> PathBuf {
        let name = name.to_lowercase();
        let plain = folder.join(&name);
        let of_package = folder.join(format!("kling_{name}"));
        if !plain.exists() && of_package.exists() { of_package } else { plain }
    }

    fn found_in(&mut self, place: &'static str) {
        if !self.places.contains(&place) {
            self.places.push(place);
        }
    }

    fn cleaned(
        &mut self,
        name: &'static str,
        value: &str,
    ) -> Result<Option<SecretString>, CredentialsError> {
        let given = trimmed(value);
        let bare = without_decoration(name, given);
        if bare.is_empty() {
            return Ok(None);
        }
        if !bare.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(CredentialsError::Malformed(name));
        }
        if bare.len() != given.len() {
            self.notes.push(format!(
                "{name} is set with quotes, `Bearer` or its own name around the value; lipsyncd removes them"
            ));
        }
        Ok(Some(SecretString::from(bare)))
    }
}

/// A byte order mark is no part of the value.
fn trimmed(value: &str) -> &str {
    value.trim_matches(|letter: char| letter.is_whitespace() || letter == '\u{feff}')
}

/// Removes `NAME=`, quotes and `Bearer` from the beginning and the end.
fn without_decoration<'a>(name: &str, value: &'a str) -> &'a str {
    let unnamed = value.strip_prefix(name).and_then(|rest| trimmed(rest).strip_prefix('='));
    let mut value = trimmed(unnamed.unwrap_or(value));
    for quote in ['"', '\''] {
        let inner = value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
        value = trimmed(inner.unwrap_or(value));
    }
    match value.split_once(char::is_whitespace) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => trimmed(rest),
        _ => value,
    }
}
