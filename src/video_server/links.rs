//! The links by which Kling downloads a video from lipsyncd: `<public_url>m/<expiry>/<mac>/<object>`.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use tokio::time::Instant;
use url::Url;

use crate::media::hash::hex;

/// What the key of the links is made for, so that it signs nothing else.
const CONTEXT: &[u8] = b"lipsyncd media.serve, version 1";
const MAC_BYTES: usize = 32;
/// No more videos are remembered.
const ASKED_MAX: usize = 1_000;

/// What `doctor` downloads through the public URL.
pub const PROBE: &[u8] = b"lipsyncd media.serve\n";
/// Its name, which is no name of a video.
pub const PROBE_OBJECT: &str = "probe.mp4";

/// Signs links, and checks them. `Debug` shows no key.
#[derive(Clone)]
pub struct VideoLinks {
    base: Url,
    key: [u8; MAC_BYTES],
    life: Duration,
    /// When each video was last asked for, by a valid link.
    asked: Arc<Mutex<HashMap<String, Instant>>>,
}

impl VideoLinks {
    /// `public_url` ends in `/`. The key is made from `secret`, the secret of the account, so that links stay valid over a
    /// restart, and nothing has to be stored. It reveals nothing about the secret.
    #[must_use]
    pub fn new(public_url: Url, secret: &SecretString, life: Duration) -> Self {
        let key = keyed(secret.expose_secret().as_bytes(), CONTEXT).finalize().into_bytes().into();
        Self { base: public_url, key, life, asked: Arc::default() }
    }

    /// Returns the URL of a video without a signature, by which tasks are recognised. Nothing is served there.
    #[must_use]
    pub fn url(&self, object: &str) -> String {
        format!("{}m/{object}", self.base)
    }

    /// Returns a link that is valid from `now_ms` (Unix time) on, until it expires.
    #[must_use]
    pub fn link(&self, object: &str, now_ms: i64) -> String {
        let life_ms = i64::try_from(self.life.as_millis()).unwrap_or(i64::MAX);
        let expiry = now_ms.saturating_add(life_ms).div_euclid(1_000).to_string();
        let mac = hex(self.mac(&expiry, object).finalize().into_bytes().as_slice());
        format!("{}m/{expiry}/{mac}/{object}", self.base)
    }

    /// Whether these are the parts of a link that is valid at `now_ms` (Unix time).
    #[must_use]
    pub fn allows(&self, expiry: &str, mac: &str, object: &str, now_ms: i64) -> bool {
        let is_valid = expiry.parse::<i64>().is_ok_and(|at_s| at_s.saturating_mul(1_000) > now_ms);
        let Some(mac) = unhex(mac) else { return false };
        // Compares in constant time.
        is_valid && self.mac(expiry, object).verify_slice(&mac).is_ok()
    }

    /// Whether somebody with a valid link has asked for a video since then. If not, Kling may not reach lipsyncd.
    #[must_use]
    pub fn was_asked(&self, object: &str, since: Instant) -> bool {
        self.asked().get(object).is_some_and(|at| *at >= since)
    }

    pub(super) fn set_asked(&self, object: &str) {
        let mut asked = self.asked();
        if asked.len() >= ASKED_MAX {
            asked.clear();
        }
        asked.insert(object.to_owned(), Instant::now());
    }

    fn asked(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mac(&self, expiry: &str, object: &str) -> Hmac<Sha256> {
        keyed(&self.key, format!("{expiry}/{object}").as_bytes())
    }
}

impl fmt::Debug for VideoLinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VideoLinks").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

#[expect(clippy::expect_used, reason = "HMAC accepts keys of every length, RFC 2104")]
fn keyed(key: &[u8], message: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC accepts keys of every length");
    mac.update(message);
    mac
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let is_hex = text.len() == 2 * MAC_BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let pair = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    if !is_hex {
        return None;
    }
    (0..text.len()).step_by(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_767_225_600_000;

    fn links(secret: &str) -> VideoLinks {
        let url = "https://media.example.com/dub/".parse().unwrap();
        VideoLinks::new(url, &secret.into(), Duration::from_secs(60))
    }

    fn parts(link: &str) -> [String; 3] {
        let mut parts = link.rsplit('/').map(str::to_owned);
        let (object, mac, expiry) = (parts.next(), parts.next(), parts.next());
        [expiry, mac, object].map(Option::unwrap)
    }

    #[test]
    fn only_an_unchanged_link_is_valid_until_it_expires() {
        let object = format!("{}.mp4", "ab".repeat(32));
        let (links, others) = (links("secret-of-the-account"), links("another-secret"));
        let link = links.link(&object, NOW_MS);
        assert!(link.starts_with("https://media.example.com/dub/m/1767225660/"), "{link}");
        let [expiry, mac, name] = parts(&link);
        assert_eq!((name.as_str(), mac.len()), (object.as_str(), 64));
        let allows = |expiry: &str, mac: &str, object: &str, now_ms| {
            links.allows(expiry, mac, object, now_ms)
        };
        assert!(allows(&expiry, &mac, &object, NOW_MS));
        assert!(allows(&expiry, &mac, &object, NOW_MS + 59_999));
        assert!(!allows(&expiry, &mac, &object, NOW_MS + 60_000));
        assert!(!allows("9767225660", &mac, &object, NOW_MS));
        assert!(!allows(&expiry, &mac, PROBE_OBJECT, NOW_MS));
        assert!(!allows(&expiry, &"0".repeat(64), &object, NOW_MS));
        for mac in ["", "zz", &mac[..62], &format!("{mac}00"), &"é".repeat(32)] {
            assert!(!allows(&expiry, mac, &object, NOW_MS), "{mac}");
        }
        assert!(!others.allows(&expiry, &mac, &object, NOW_MS));
        assert_eq!(links.url(&object), format!("https://media.example.com/dub/m/{object}"));
        assert!(!format!("{links:?}").contains("secret"));
    }
}
