//! The password of the web page: `web.password_file`.

use std::{
    fs::File,
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use argon2::{Argon2, Params, PasswordHash, password_hash::PasswordVerifier as _};
use secrecy::{ExposeSecret as _, SecretString, zeroize::Zeroizing};
use sha2::{Digest as _, Sha256};

/// A password or a hash is not longer.
const BYTES_MAX: u64 = 1 << 10;
/// Permission to read for all users.
const OTHERS_READ: u32 = 0o004;
/// The memory that a check may use, in KiB.
const MEMORY_KIB_MAX: u32 = 256 << 10;

/// The password of the web page, or its hash.
#[derive(Debug, Clone)]
pub struct WebPassword(SecretString);

/// Why the file has no usable password. No error contains any part of it.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the names and messages describe the variants")]
pub enum WebPasswordError {
    #[error("web.password_file: cannot read {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error(
        "web.password_file: every user of this machine can read {0}: take that permission away with `chmod o-r {0}`",
        path.display()
    )]
    Open { path: PathBuf },
    #[error(
        "web.password_file: {} has no password that cannot be guessed: at least 32 random hexadecimal digits, or 22 random \
         letters and digits, or one line with the Argon2 hash of a password (`$argon2id$…`); make one with `openssl rand -hex 16`",
        path.display()
    )]
    Guessable { path: PathBuf },
    #[error(
        "web.password_file: {} has an Argon2 hash that cannot be used: it is damaged, or a check needs more than 256 MiB",
        path.display()
    )]
    Damaged { path: PathBuf },
}

impl WebPassword {
    /// Reads the password from a file.
    ///
    /// # Errors
    /// The file cannot be read, or everybody can read it, or it has no random password and no hash.
    pub fn read(path: &Path) -> Result<Self, WebPasswordError> {
        let path = || path.to_owned();
        let mut text = Zeroizing::new(String::new());
        let read = File::open(path()).and_then(|file| {
            let mode = file.metadata()?.mode();
            file.take(BYTES_MAX).read_to_string(&mut text)?;
            Ok(mode)
        });
        let mode = read.map_err(|source| WebPasswordError::Unreadable { path: path(), source })?;
        if mode & OTHERS_READ != 0 {
            return Err(WebPasswordError::Open { path: path() });
        }
        let password = text.trim();
        if password.starts_with("$argon2") {
            if !is_usable_hash(password) {
                return Err(WebPasswordError::Damaged { path: path() });
            }
        } else if password.starts_with('$') || !is_random(password) {
            // A hash of another kind would itself be the password.
            return Err(WebPasswordError::Guessable { path: path() });
        }
        Ok(Self(password.into()))
    }

    /// Whether the password is a random one. Guesses of it need no delay, because there are too many.
    #[must_use]
    pub fn is_random(&self) -> bool {
        !self.0.expose_secret().starts_with("$argon2")
    }

    /// Returns true if `given` is the password. Takes long if only its hash is known.
    #[must_use]
    pub fn is(&self, given: &str) -> bool {
        let known = self.0.expose_secret();
        if !self.is_random() {
            return Argon2::default().verify_password(given.as_bytes(), known).is_ok();
        }
        // The time of a comparison of digests says nothing about the password.
        Sha256::digest(given.trim()) == Sha256::digest(known)
    }
}

impl PartialEq for WebPassword {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

fn is_usable_hash(text: &str) -> bool {
    let Ok(hash) = PasswordHash::new(text) else { return false };
    let is_complete = hash.salt.is_some() && hash.hash.is_some();
    is_complete && Params::try_from(&hash).is_ok_and(|params| params.m_cost() <= MEMORY_KIB_MAX)
}

/// Whether a text looks as if it had 128 random bits: long enough for its alphabet, and of many different characters.
fn is_random(text: &str) -> bool {
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut different: Vec<u8> = text.bytes().collect();
    different.sort_unstable();
    different.dedup();
    let (length_min, different_min) = if is_hex { (32, 8) } else { (22, 10) };
    text.len() >= length_min
        && different.len() >= different_min
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    fn read(text: &str, mode: u32) -> Result<WebPassword, WebPasswordError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        WebPassword::read(&path)
    }

    #[test]
    fn a_random_password_or_a_hash_is_accepted() {
        let random = "9f86d081884c7d659a2feaa0c55ad015";
        let password = read(&format!("{random}\n"), 0o600).unwrap();
        assert!(password.is(random) && !password.is("") && !password.is(&random[1..]));
        assert!(read("sD3kx_9TqLm2-VbZr7YwPe", 0o640).unwrap().is("sD3kx_9TqLm2-VbZr7YwPe"));
        // A test vector of the reference implementation.
        let hash =
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let hashed = read(hash, 0o600).unwrap();
        assert!(hashed.is("password") && !hashed.is("Password") && !hashed.is(hash));
        for damaged in [&hash[..50], "$argon2id$x", &hash.replace("m=256", "m=99999999")] {
            let error = read(damaged, 0o600).unwrap_err();
            assert!(matches!(error, WebPasswordError::Damaged { .. }), "{damaged}: {error}");
        }
        assert!(!format!("{password:?}").contains(random));
    }

    #[test]
    fn what_can_be_guessed_or_read_is_refused() {
        for guessable in [
            "",
            "hunter2",
            "correct horse battery staple",
            "passwordpasswordpassword",
            "00000000000000000000000000000000",
            "9f86d081884c7d659a2feaa0c55ad01",
            "$2y$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
        ] {
            let error = read(guessable, 0o600).unwrap_err();
            assert!(matches!(error, WebPasswordError::Guessable { .. }), "{guessable}: {error}");
        }
        let open = read("9f86d081884c7d659a2feaa0c55ad015", 0o644).unwrap_err();
        assert!(open.to_string().contains("chmod o-r "), "{open}");
    }
}
