//! The Authorization header: a fixed token, or a signed one that is kept and replaced before it expires.
//!
//! When the API refuses a token because of its times, the server's Date header shows how far this machine's clock is
//! off.

use std::sync::{Mutex, PoisonError};

use reqwest::header::{HeaderValue, InvalidHeaderValue};
use secrecy::ExposeSecret;

use super::{
    credential::{Credential, TOKEN_LIFE_MS, sign},
    error_class::ErrorClass,
    redact::Redactor,
};

/// A token is not used in the last 5 minutes of its life.
const REISSUE_BEFORE_MS: i64 = 300_000;

/// How long before now a token starts: normally, and after one was refused as not valid yet.
const MARGIN_MS: i64 = 5_000;
const WIDE_MARGIN_MS: i64 = 60_000;

pub(super) struct Bearer {
    credential: Credential,
    state: Mutex<TokenState>,
}

struct TokenState {
    /// What is added to this machine's clock to get the server's.
    offset_ms: i64,
    margin_ms: i64,
    /// The token in use, and when (by the server's clock) it was issued.
    token: Option<(String, i64)>,
}

impl Bearer {
    /// Fails for a fixed token with characters that a header cannot contain.
    pub(super) fn new(credential: Credential) -> Result<Self, InvalidHeaderValue> {
        if let Credential::Token(token) = &credential {
            header(token.expose_secret())?;
        }
        let state = TokenState { offset_ms: 0, margin_ms: MARGIN_MS, token: None };
        Ok(Self { credential, state: Mutex::new(state) })
    }

    /// The header for a request now, by this machine's clock.
    pub(super) fn header(&self, now_ms: i64) -> Result<HeaderValue, InvalidHeaderValue> {
        match &self.credential {
            Credential::Token(token) => header(token.expose_secret()),
            Credential::Keys { access_key, secret_key } => {
                let mut state = self.state();
                let now_ms = now_ms.saturating_add(state.offset_ms);
                if let Some((token, issued_at_ms)) = &state.token {
                    let fresh = *issued_at_ms
                        ..issued_at_ms.saturating_add(TOKEN_LIFE_MS - REISSUE_BEFORE_MS);
                    // A clock that was set back is outside of the range, too.
                    if fresh.contains(&now_ms) {
                        return header(token);
                    }
                }
                let token = sign(access_key, secret_key, now_ms, state.margin_ms);
                let value = header(&token);
                state.token = Some((token, now_ms));
                value
            }
        }
    }

    /// Corrects the times of the next token after a refusal; returns whether that token will differ.
    pub(super) fn corrected(
        &self,
        refused_for: ErrorClass,
        server_at_ms: Option<i64>,
        now_ms: i64,
    ) -> bool {
        let timed = matches!(refused_for, ErrorClass::ClockAhead | ErrorClass::TokenExpired);
        if !timed || matches!(self.credential, Credential::Token(_)) {
            return false;
        }
        let mut state = self.state();
        state.token = None;
        if let Some(server_at_ms) = server_at_ms {
            state.offset_ms = server_at_ms.saturating_sub(now_ms);
        }
        if refused_for == ErrorClass::ClockAhead {
            state.margin_ms = WIDE_MARGIN_MS;
        }
        true
    }

    /// Returns a redactor for every secret, and for the token that was sent in `header`.
    pub(super) fn redactor(&self, header: Option<&HeaderValue>) -> Redactor {
        let mut secrets = self.credential.secrets();
        if let Some(sent) = header.and_then(|header| header.to_str().ok()) {
            let token = sent.trim_start_matches("Bearer ");
            secrets.push(token.to_owned());
            // An echoed token may be cut short: its signature is the part that must not be seen.
            secrets.extend(token.rsplit('.').next().map(str::to_owned));
        }
        Redactor::new(secrets)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, TokenState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn header(token: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Bearer {
        let credential = Credential::Keys {
            access_key: "access".into(),
            secret_key: "secret".to_owned().into(),
        };
        Bearer::new(credential).unwrap()
    }

    #[test]
    fn token_is_kept_while_it_is_valid() {
        let bearer = keys();
        let first = bearer.header(1_000_000).unwrap();
        assert_eq!(bearer.header(1_000_000 + 1_499_000).unwrap(), first);
        assert_ne!(bearer.header(1_000_000 + 1_500_000).unwrap(), first);
    }

    #[test]
    fn clock_set_back_gets_a_new_token() {
        let bearer = keys();
        let first = bearer.header(9_000_000).unwrap();
        assert_ne!(bearer.header(1_000_000).unwrap(), first);
    }

    #[test]
    fn fixed_token_is_never_replaced_and_must_fit_a_header() {
        let bearer = Bearer::new(Credential::Token("fixed-token".to_owned().into())).unwrap();
        assert!(!bearer.corrected(ErrorClass::TokenExpired, Some(0), 0));
        assert_eq!(bearer.header(0).unwrap(), "Bearer fixed-token");
        assert!(Bearer::new(Credential::Token("two\nlines".to_owned().into())).is_err());
    }
}
