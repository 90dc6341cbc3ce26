//! The credential, and the signing of a token (JWT, HS256) from it.
//!
//! Claims as the vendor's page on authentication has them: `iss` is the access key, `exp` half an hour
//! ahead, `nbf` 5 s back.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sha2::Sha256;

/// How long a token holds.
pub(super) const TOKEN_LIFE_MS: i64 = 1_800_000;

/// What proves to the API who asks. `Debug` shows nothing of it.
#[derive(Clone)]
pub enum Credential {
    /// A pair of keys that tokens are signed with.
    Keys {
        /// Names the account's key.
        access_key: String,
        /// Signs.
        secret_key: SecretString,
    },
    /// A fixed bearer token, as a gateway in front of the API may want.
    Token(SecretString),
}

impl Credential {
    /// Every text that must not be seen outside.
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

/// A token that holds from `margin_ms` before `now_ms` (Unix time by the server's clock) for half an hour.
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
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length, RFC 2104")]
    let mut mac = Hmac::<Sha256>::new_from_slice(secret_key.expose_secret().as_bytes())
        .expect("HMAC takes keys of every length");
    mac.update(signed.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    format!("{signed}.{signature}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_signed_as_the_vendors_sample_code_does() {
        let token = sign("ak", &"sk".to_owned().into(), 1_700_000_000_999, 5000);
        let mut parts = token.split('.');
        let mut part = || URL_SAFE_NO_PAD.decode(parts.next().unwrap()).unwrap();
        assert_eq!(part(), br#"{"alg":"HS256","typ":"JWT"}"#);
        let claims: serde_json::Value = serde_json::from_slice(&part()).unwrap();
        assert_eq!(claims, json!({ "iss": "ak", "exp": 1_700_001_800, "nbf": 1_699_999_995 }));
        assert_eq!(part().len(), 32);
    }

    #[test]
    fn a_known_signature_comes_out() {
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
