//! The credential, and the signing of a token (JWT, HS256) from it.
//!
//! The claims follow the vendor's page on authentication: `iss` is the access key, `exp` half an hour ahead, `nbf` 5 s
//! back.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sha2::Sha256;

/// How long a token is valid.
pub(super) const TOKEN_LIFE_MS: i64 = 1_800_000;

/// Authenticates the account. `Debug` shows no part of it.
#[derive(Clone)]
pub enum Credential {
    /// A pair of keys for signing tokens.
    Keys {
        /// Identifies the key.
        access_key: String,
        /// Signs.
        secret_key: SecretString,
    },
    /// A fixed bearer token, as a gateway in front of the API may want.
    Token(SecretString),
}

impl Credential {
    /// Every text that must not appear in messages or logs.
    pub(super) fn secrets(&self) -> Vec<String> {
        match self {
            Self::Keys { access_key, secret_key } => {
                vec![access_key.clone(), secret_key.expose_secret().to_owned()]
            }
            Self::Token(token) => vec![token.expose_secret().to_owned()],
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keys { .. } => "Keys([redacted])",
            Self::Token(_) => "Token([redacted])",
        })
    }
}

/// Signs a token that is valid from `margin_ms` before `now_ms` (Unix time by the server's clock) for half an hour.
pub(super) fn sign(
    access_key: &str,
    secret_key: &SecretString,
    now_ms: i64,
    margin_ms: i64,
) -> String {
    let claims = json!({
        "iss": access_key,
        "exp": now_ms.saturating_add(TOKEN_LIFE_MS).div_euclid(1000),
        "nbf": now_ms.saturating_sub(margin_ms).div_euclid(1000),
    });
    let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let signed = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    #[expect(clippy::expect_used, reason = "HMAC accepts keys of every length, RFC 2104")]
    let mut mac = Hmac::<Sha256>::new_from_slice(secret_key.expose_secret().as_bytes())
        .expect("HMAC accepts keys of every length");
    mac.update(signed.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    format!("{signed}.{signature}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_is_signed_like_the_vendors_sample() {
        let token = sign("ak", &"sk".to_owned().into(), 1_700_000_000_999, 5000);
        let mut parts = token.split('.');
        let mut part = || URL_SAFE_NO_PAD.decode(parts.next().unwrap()).unwrap();
        assert_eq!(part(), br#"{"alg":"HS256","typ":"JWT"}"#);
        let claims: serde_json::Value = serde_json::from_slice(&part()).unwrap();
        assert_eq!(claims, json!({ "iss": "ak", "exp": 1_700_001_800, "nbf": 1_699_999_995 }));
        assert_eq!(part().len(), 32);
    }

    #[test]
    fn signature_matches_another_implementation() {
        // Computed with another implementation (Python's hmac).
        let token = sign("ak", &"sk".to_owned().into(), 0, 0);
        let parts: Vec<_> = token.split('.').collect();
        assert_eq!(
            parts,
            [
                "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9",
                "eyJleHAiOjE4MDAsImlzcyI6ImFrIiwibmJmIjowfQ",
                "5hvNha5CrI5VSKG5_htOQxc02iNb-iBT8Jz2Q5XQlaM"
            ]
        );
    }
}
