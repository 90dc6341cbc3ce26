//! Who has logged in, and who guesses passwords. In memory: after a restart, people log in again.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use rustls::crypto::ring;
use sha2::{Digest as _, Sha256};
use tokio::{sync::Mutex as AsyncMutex, task::spawn_blocking};

use crate::config::WebPassword;

/// A session ends at the latest after this time.
const SESSION_MAX: Duration = Duration::from_hours(24 * 7);
/// No more sessions are kept; the oldest ends.
const SESSIONS_MAX: usize = 1_000;
/// After a wrong password, an address may not try again for this time. It doubles with each wrong password.
const FIRST_DELAY: Duration = Duration::from_secs(1);
const LONGEST_DELAY: Duration = Duration::from_mins(5);
/// No more addresses are remembered.
const ADDRESSES_MAX: usize = 10_000;

type SessionHash = [u8; 32];

/// The sessions, and the addresses that sent wrong passwords.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    /// By the hash of the cookie, so that its value cannot be found by the time of a comparison.
    open: Mutex<HashMap<SessionHash, Instant>>,
    guesses: Mutex<HashMap<IpAddr, Guesses>>,
    checking: Arc<AsyncMutex<()>>,
}

#[derive(Debug, Clone, Copy)]
struct Guesses {
    wrong: u32,
    not_before: Instant,
}

impl Sessions {
    /// Opens a session. Returns the value of its cookie; none: the system has no random numbers.
    pub(super) fn open(&self) -> Option<String> {
        let mut random = [0; 32];
        ring::default_provider().secure_random.fill(&mut random).ok()?;
        let value = BASE64_URL_SAFE_NO_PAD.encode(random);
        let now = Instant::now();
        let mut open = locked(&self.open);
        open.retain(|_, since| now.duration_since(*since) < SESSION_MAX);
        if open.len() >= SESSIONS_MAX
            && let Some(oldest) =
                open.iter().min_by_key(|(_, since)| **since).map(|(hash, _)| *hash)
        {
            open.remove(&oldest);
        }
        open.insert(hash(&value), now);
        Some(value)
    }

    /// Whether this is the value of the cookie of an open session.
    pub(super) fn has(&self, value: &str) -> bool {
        let open = locked(&self.open);
        open.get(&hash(value)).is_some_and(|since| since.elapsed() < SESSION_MAX)
    }

    pub(super) fn close(&self, value: &str) {
        locked(&self.open).remove(&hash(value));
    }

    /// Allows one guess of this address now, or returns how long it has to wait. Each guess counts as wrong until
    /// [`right`](Self::right): guesses at the same time gain nothing.
    pub(super) fn try_guess(&self, peer: IpAddr) -> Result<(), Duration> {
        let now = Instant::now();
        let mut guesses = locked(&self.guesses);
        if guesses.len() >= ADDRESSES_MAX {
            guesses.retain(|_, guess| guess.not_before + LONGEST_DELAY > now);
        }
        let guess = guesses.entry(network(peer)).or_insert(Guesses { wrong: 0, not_before: now });
        let wait = guess.not_before.saturating_duration_since(now);
        if !wait.is_zero() {
            return Err(wait);
        }
        let delay = FIRST_DELAY.saturating_mul(1 << guess.wrong.min(16)).min(LONGEST_DELAY);
        *guess = Guesses { wrong: guess.wrong.saturating_add(1), not_before: now + delay };
        Ok(())
    }

    /// Whether `guess` is the password. A hash takes time and memory, so that guesses are checked one after another, whether
    /// or not somebody still waits for the answer.
    pub(super) async fn check(&self, password: WebPassword, guess: String) -> bool {
        let turn = Arc::clone(&self.checking).lock_owned().await;
        let checked = spawn_blocking(move || {
            let _turn = turn;
            password.is(&guess)
        });
        checked.await.unwrap_or(false)
    }

    /// The guess of this address was right.
    pub(super) fn right(&self, peer: IpAddr) {
        locked(&self.guesses).remove(&network(peer));
    }
}

/// One user of IPv6 has a network of addresses, and each user of this machine has all of its loopback addresses.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        ip if ip.is_loopback() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) => IpAddr::V6((ip.to_bits() >> 64 << 64).into()),
        ip @ IpAddr::V4(_) => ip,
    }
}

fn hash(value: &str) -> SessionHash {
    Sha256::digest(value).into()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use tokio::time::timeout;

    use super::*;

    #[test]
    fn only_open_sessions_are_known() {
        let sessions = Sessions::default();
        let (one, two) = (sessions.open().unwrap(), sessions.open().unwrap());
        assert!(one != two && one.len() == 43);
        assert!(
            sessions.has(&one) && sessions.has(&two) && !sessions.has("") && !sessions.has("x")
        );
        sessions.close(&one);
        assert!(!sessions.has(&one) && sessions.has(&two));
    }

    #[tokio::test]
    async fn guesses_are_checked_one_after_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        fs::write(&path, "9f86d081884c7d659a2feaa0c55ad015").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let (password, sessions) = (WebPassword::read(&path).unwrap(), Sessions::default());
        let turn = Arc::clone(&sessions.checking).lock_owned().await;
        let check = async |guess: &str| sessions.check(password.clone(), guess.to_owned()).await;
        assert!(timeout(Duration::from_millis(50), check("x")).await.is_err());
        drop(turn);
        assert!(check("9f86d081884c7d659a2feaa0c55ad015").await && !check("x").await);
    }

    #[test]
    fn wrong_passwords_of_one_network_are_delayed() {
        let sessions = Sessions::default();
        let peer = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(sessions.try_guess(peer("2001:db8::1")), Ok(()));
        assert!(sessions.try_guess(peer("2001:db8::2")).is_err());
        assert_eq!(sessions.try_guess(peer("10.0.0.1")), Ok(()));
        assert!(sessions.try_guess(peer("::ffff:10.0.0.1")).is_err());
        assert_eq!(sessions.try_guess(peer("127.0.0.1")), Ok(()));
        assert!(sessions.try_guess(peer("127.9.9.9")).is_err());
        assert!(sessions.try_guess(peer("::1")).is_err());
        sessions.right(peer("10.0.0.1"));
        assert_eq!(sessions.try_guess(peer("10.0.0.1")), Ok(()));
    }
}
