//! The `Authorization` header: a JSON Web Token (HS256) made from the account's keys, or a fixed token.
//!
//! Owns the codes 1000 to 1004. Written from the vendor's description, independently of the client.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use sha2::Sha256;

use super::{
    account::{AccountNumber, ApiCredential, ApiKey},
    config::SimConfig,
    response::{Refusal, usual_message},
};

#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: String,
}

#[derive(Deserialize)]
struct TokenClaims {
    iss: String,
    exp: i64,
    nbf: i64,
}

/// The account that this header may use at this time.
///
/// 1000: no header, or none of the form `Bearer …`. 1001: an empty one. 1002: an invalid token,
/// or one of another account. 1003: its `nbf` is in the future. 1004: its `exp` is in the past.
pub(super) fn check(
    config: &SimConfig,
    now_ms: i64,
    authorization: Option<&str>,
) -> Result<AccountNumber, Refusal> {
    let refuse = |code| Refusal::new(code, usual_message(code));
    let header = authorization.ok_or_else(|| refuse(1000))?.trim();
    if header.is_empty() || header == "Bearer" {
        return Err(refuse(1001));
    }
    let token = header.strip_prefix("Bearer ").ok_or_else(|| refuse(1000))?.trim();
    if config.bearer_token.as_deref() == Some(token) {
        return Ok(0);
    }
    let is_token =
        |key: &&ApiKey| matches!(&key.credential, ApiCredential::Token(it) if it == token);
    if let Some(key) = config.more_keys.iter().find(is_token) {
        return Ok(key.account);
    }
    let (account, claims) = signed_claims(config, token).ok_or_else(|| refuse(1002))?;
    let now_s = now_ms.div_euclid(1000);
    match claims {
        TokenClaims { nbf, .. } if nbf > now_s => Err(refuse(1003)),
        TokenClaims { exp, .. } if exp <= now_s => Err(refuse(1004)),
        _ => Ok(account),
    }
}

/// The claims of a token that the secret key of an account signed, and the account.
fn signed_claims(config: &SimConfig, token: &str) -> Option<(AccountNumber, TokenClaims)> {
    let more = config.more_keys.iter().filter_map(|key| match &key.credential {
        ApiCredential::Keys { access_key, secret_key } => {
            Some((key.account, access_key.as_str(), secret_key.as_str()))
        }
        ApiCredential::Token(_) => None,
    });
    let mut keys =
        [(0, config.access_key.as_str(), config.secret_key.as_str())].into_iter().chain(more);
    keys.find_map(|(account, access_key, secret_key)| {
        Some((account, claims_signed_by(access_key, secret_key, token)?))
    })
}

fn claims_signed_by(access_key: &str, secret_key: &str, token: &str) -> Option<TokenClaims> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let header: Header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
    if header.alg != "HS256" || header.typ != "JWT" {
        return None;
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(secret_key.as_bytes()).ok()?;
    mac.update(signed.as_bytes());
    mac.verify_slice(&URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
    let claims: TokenClaims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    (claims.iss == access_key).then_some(claims)
}

#[cfg(test)]
pub(super) fn sign(header: &serde_json::Value, claims: &serde_json::Value, secret: &str) -> String {
    let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    format!("Bearer {signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW_MS: i64 = 1_800_000_000_000;

    fn code(authorization: Option<&str>) -> u16 {
        let config = SimConfig { bearer_token: Some("fixed".into()), ..SimConfig::default() };
        check(&config, NOW_MS, authorization).err().map_or(0, |refusal| refusal.code)
    }

    #[test]
    fn every_invalid_token_is_refused() {
        let header = json!({"alg": "HS256", "typ": "JWT"});
        let claims = |iss: &str, from_s: i64, to_s: i64| {
            let now_s = NOW_MS / 1000;
            json!({"iss": iss, "exp": now_s + to_s, "nbf": now_s + from_s})
        };
        let (key, secret) = ("sim-access-key", "sim-secret-key");
        let good = sign(&header, &claims(key, -5, 1800), secret);
        let unsigned = sign(&json!({"alg": "none", "typ": "JWT"}), &claims(key, -5, 1800), secret);
        let untyped = sign(&json!({"alg": "HS256"}), &claims(key, -5, 1800), secret);
        let endless = sign(&header, &json!({"iss": key, "nbf": 0}), secret);
        let table = [
            (0, Some(good.clone())),
            (0, Some("Bearer fixed".into())),
            (1000, None),
            (1000, Some("Basic abc".into())),
            (1000, Some(good.replace("Bearer ", ""))),
            (1001, Some(String::new())),
            (1001, Some("Bearer ".into())),
            (1002, Some("Bearer other".into())),
            (1002, Some("Bearer a.b.c".into())),
            (1002, Some(format!("{good}A"))),
            (1002, Some(sign(&header, &claims(key, -5, 1800), "another secret"))),
            (1002, Some(sign(&header, &claims("another key", -5, 1800), secret))),
            (1002, Some(unsigned)),
            (1002, Some(untyped)),
            (1002, Some(endless)),
            (0, Some(sign(&header, &claims(key, 0, 1), secret))),
            (1003, Some(sign(&header, &claims(key, 1, 1800), secret))),
            (1004, Some(sign(&header, &claims(key, -5, 0), secret))),
        ];
        for (want, header) in table {
            assert_eq!(code(header.as_deref()), want, "{header:?}");
        }
    }
}
