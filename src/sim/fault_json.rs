//! Faults in the JSON of `POST /sim/faults`:
//! `{"call": "create", "nth": 3, "do": "code", "code": 1302, "retry_after": 2}`.
//!
//! Owns the names of the fields; unknown fields are errors.

use serde::Deserialize;
use serde_json::Value;

use super::{
    fault_rules::FaultRule,
    faults::{ClientSees, Endpoint, Fault},
    response::usual_message,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    call: Endpoint,
    #[serde(rename = "do")]
    what: String,
    nth: Option<u64>,
    times: Option<u64>,
    every: Option<u64>,
    matching: Option<String>,
    accept: Option<bool>,
    code: Option<u16>,
    status: Option<u16>,
    retry_after: Option<u64>,
    message: Option<String>,
    ms: Option<u64>,
    bytes: Option<u64>,
    body: Option<Value>,
    content_type: Option<String>,
    with: Option<Value>,
    to: Option<String>,
    client_sees: Option<RawClientSees>,
    answer_ms: Option<u64>,
    html: Option<bool>,
}

/// What the client sees of a request that is delivered late.
#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum RawClientSees {
    Broken,
    Page,
    Nothing,
}

/// Why a fault cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// It is not the JSON of a fault.
    #[error("not a fault: {0}")]
    Json(#[from] serde_json::Error),
    /// `do` names no fault.
    #[error("no fault is called `{0}`")]
    Unknown(String),
    /// A field that this fault needs.
    #[error("`{fault}` needs `{field}`")]
    Missing {
        /// The fault.
        fault: String,
        /// The field.
        field: &'static str,
    },
}

impl FaultRule {
    /// Reads a rule.
    ///
    /// `call` and `do` are required. Which calls fail: `nth` (the first), `times` (how
    /// many), `every` (every n-th, without end); without any of them the next call fails.
    /// `matching` limits it to calls with that text in their path or body, `accept` says whether the
    /// request is carried out.
    ///
    /// | `do` | fields |
    /// |---|---|
    /// | `code` | `code`, and optionally `status`, `retry_after`, `message` |
    /// | `lose_answer`, `drop_request`, `not_a_video` | |
    /// | `cut_body`, `wrong_length` | `bytes`: half of the body without it |
    /// | `html` | `status`: 502 without it |
    /// | `too_large` | `status`: 413 without it; `html`: whether the body is HTML |
    /// | `status` | `status` |
    /// | `hang` | `ms` |
    /// | `deliver_late` | `ms` after the client gave up; `client_sees` after `answer_ms`: `broken`, `page` (`status`), `nothing` |
    /// | `huge_body` | `bytes` |
    /// | `body` | `body`: a string as it is, other JSON as such; `status`, `content_type` |
    /// | `garbage` | a body that begins like JSON and breaks off |
    /// | `patch` | `with`: a JSON merge patch of the real answer |
    /// | `redirect` | `to` |
    ///
    /// # Errors
    /// With the name of the field or fault that is not known.
    pub fn from_json(json: &[u8]) -> Result<Self, FaultError> {
        let raw: RawRule = serde_json::from_slice(json)?;
        Ok(Self {
            call: raw.call,
            matching: raw.matching.clone(),
            nth: raw.nth.or(raw.every).unwrap_or(1),
            every: raw.every.unwrap_or(1),
            times: if raw.every.is_some() { raw.times } else { raw.times.or(Some(1)) },
            accept: raw.accept,
            fault: raw.fault()?,
        })
    }
}

impl RawRule {
    fn fault(self) -> Result<Fault, FaultError> {
        let fault = self.what.clone();
        let missing = |field| FaultError::Missing { fault: fault.clone(), field };
        Ok(match self.what.as_str() {
            "code" => Fault::Code {
                code: self.code.ok_or_else(|| missing("code"))?,
                status: self.status,
                retry_after_s: self.retry_after,
                message: self.message,
            },
            "lose_answer" => Fault::LoseAnswer,
            "drop_request" => Fault::DropRequest,
            "not_a_video" => Fault::NotAVideo,
            "cut_body" => Fault::CutBody { after_bytes: self.bytes },
            "wrong_length" => Fault::WrongLength { bytes: self.bytes },
            "html" => Fault::Html { status: self.status.unwrap_or(502) },
            "too_large" => Fault::TooLarge {
                status: self.status.unwrap_or(413),
                html: self.html.unwrap_or(false),
            },
            "status" => Fault::Status { status: self.status.ok_or_else(|| missing("status"))? },
            "hang" => Fault::Hang { ms: self.ms.ok_or_else(|| missing("ms"))? },
            "deliver_late" => Fault::DeliverLate {
                after_ms: self.ms.ok_or_else(|| missing("ms"))?,
                sees: self.client_sees(),
            },
            "huge_body" => Fault::HugeBody { bytes: self.bytes.ok_or_else(|| missing("bytes"))? },
            "patch" => Fault::Patch { with: self.with.ok_or_else(|| missing("with"))? },
            "redirect" => Fault::Redirect { to: self.to.ok_or_else(|| missing("to"))? },
            "garbage" => garbage(),
            "body" => Fault::Body {
                status: self.status.unwrap_or(200),
                content_type: self.content_type.unwrap_or_else(|| "application/json".to_owned()),
                text: match self.body.ok_or_else(|| missing("body"))? {
                    Value::String(text) => text,
                    other => other.to_string(),
                },
            },
            _ => return Err(FaultError::Unknown(self.what)),
        })
    }
}

impl RawRule {
    fn client_sees(&self) -> ClientSees {
        let after_ms = self.answer_ms.unwrap_or(0);
        match self.client_sees {
            None | Some(RawClientSees::Broken) => ClientSees::Broken { after_ms },
            Some(RawClientSees::Page) => {
                ClientSees::Page { status: self.status.unwrap_or(504), after_ms }
            }
            Some(RawClientSees::Nothing) => ClientSees::Nothing,
        }
    }
}

fn garbage() -> Fault {
    Fault::Body {
        status: 200,
        content_type: "application/json".to_owned(),
        text: format!("{{\"code\": 0, \"message\": \"{}\", \"da", usual_message(5000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<FaultRule, String> {
        FaultRule::from_json(json.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn rules_are_read_as_documented() {
        let rule = read(r#"{"call":"create","nth":3,"do":"code","code":1302,"retry_after":2}"#);
        let code = Fault::Code { code: 1302, status: None, retry_after_s: Some(2), message: None };
        let want = FaultRule { nth: 3, ..FaultRule::once(Endpoint::Create, code) };
        assert_eq!(rule.unwrap(), want);
        let rule = read(r#"{"call":"any","every":5,"do":"lose_answer","accept":false}"#).unwrap();
        assert_eq!((rule.nth, rule.every, rule.times, rule.accept), (5, 5, None, Some(false)));
        let rule = read(r#"{"call":"query","times":2,"do":"body","body":{"code":"0"}}"#).unwrap();
        assert_eq!(rule.times, Some(2));
        assert!(matches!(rule.fault, Fault::Body { text, .. } if text == r#"{"code":"0"}"#));
    }

    #[test]
    fn unknown_fields_and_faults_are_named() {
        for (json, part) in [
            (r#"{"call":"create","do":"explode"}"#, "explode"),
            (r#"{"call":"creat","do":"lose_answer"}"#, "creat"),
            (r#"{"call":"create","do":"hang"}"#, "needs `ms`"),
            (r#"{"call":"create","do":"lose_answer","nht":3}"#, "nht"),
            ("[]", "not a fault"),
        ] {
            let error = read(json).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
