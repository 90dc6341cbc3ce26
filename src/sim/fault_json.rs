//! Faults in the JSON of `POST /sim/faults`:
//! `{"call": "create", "nth": 3, "do": "code", "code": 1302, "retry_after": 2}`.

use serde::{Deserialize, de::Error as _};
use serde_json::{Map, Value};

use super::{
    fault_rules::FaultRule,
    faults::{Endpoint, Fault},
    response::usual_message,
};

/// All fields; others are errors.
const FIELDS: &str = "call do nth times every matching accept code status retry_after message ms bytes body \
                      content_type with to client_sees answer_ms html";

#[derive(Deserialize)]
struct RawRule {
    call: Endpoint,
    nth: Option<u64>,
    times: Option<u64>,
    every: Option<u64>,
    matching: Option<String>,
    accept: Option<bool>,
    #[serde(flatten)]
    fault: Fault,
}

/// The text is not the JSON of a fault.
#[derive(Debug, thiserror::Error)]
#[error("not a fault: {0}")]
pub struct FaultError(#[from] serde_json::Error);

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
    /// | `lose_answer`, `drop_request`, `not_a_video`, `plain`, `wants_referer` | |
    /// | `trailing` | `body`: what follows the video |
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
    pub fn from_json(json: &[u8]) -> Result<Self, FaultError> {
        let mut fields: Map<String, Value> = serde_json::from_slice(json)?;
        if let Some(name) = fields.keys().find(|name| FIELDS.split(' ').all(|it| it != *name)) {
            return Err(serde_json::Error::custom(format!("unknown field `{name}`")).into());
        }
        fields.retain(|_, value| !value.is_null());
        add_defaults(&mut fields);
        let raw = RawRule::deserialize(Value::Object(fields))?;
        Ok(Self {
            call: raw.call,
            matching: raw.matching,
            nth: raw.nth.or(raw.every).unwrap_or(1),
            every: raw.every.unwrap_or(1),
            times: if raw.every.is_some() { raw.times } else { raw.times.or(Some(1)) },
            accept: raw.accept,
            fault: raw.fault,
        })
    }
}

/// Adds what the fault may leave out.
fn add_defaults(fields: &mut Map<String, Value>) {
    if fields.get("do").is_some_and(|name| name == "garbage") {
        let text = format!("{{\"code\": 0, \"message\": \"{}\", \"da", usual_message(5000));
        fields.retain(|name, _| !matches!(name.as_str(), "status" | "content_type"));
        fields.extend([("do".into(), "body".into()), ("body".into(), text.into())]);
    }
    if let Some(body) = fields.get_mut("body").filter(|body| !body.is_string()) {
        *body = body.to_string().into();
    }
    let status = match fields.get("do").and_then(Value::as_str) {
        Some("html") => Some(502),
        Some("too_large") => Some(413),
        Some("body") => Some(200),
        Some("deliver_late") => Some(504),
        _ => None,
    };
    if let Some(status) = status {
        fields.entry("status").or_insert(status.into());
    }
    fields.entry("content_type").or_insert("application/json".into());
    fields.entry("client_sees").or_insert("broken".into());
    fields.entry("answer_ms").or_insert(0.into());
    fields.entry("html").or_insert(false.into());
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
            (r#"{"call":"create","do":"hang"}"#, "missing field `ms`"),
            (r#"{"call":"create","do":"lose_answer","nht":3}"#, "nht"),
            ("[]", "not a fault"),
        ] {
            let error = read(json).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
