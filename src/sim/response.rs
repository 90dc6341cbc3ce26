//! Answers of the API: the envelope, the error codes and their HTTP status. The rules decide when a code is used.

use serde_json::{Value, json};

/// A complete answer of the API.
#[derive(Debug, Clone, PartialEq)]
pub struct SimResponse {
    /// The HTTP status.
    pub http_status: u16,
    /// The `Retry-After` header, in seconds.
    pub retry_after_s: Option<u64>,
    /// `{code, message, request_id, data}`.
    pub body: Value,
}

impl SimResponse {
    /// The error code; 0 is success.
    pub fn code(&self) -> u64 {
        match &self.body["code"] {
            Value::String(text) => text.parse().unwrap_or_default(),
            // A float of an odd answer.
            code => {
                code.as_u64().or_else(|| code.as_f64().map(|code| code as u64)).unwrap_or_default()
            }
        }
    }

    /// The message for people.
    pub fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }

    /// The requested data; null in a refusal.
    pub fn data(&self) -> &Value {
        &self.body["data"]
    }

    pub(super) fn success(request_id: &str, data: Value) -> Self {
        let body = json!({"code": 0, "message": "SUCCEED", "request_id": request_id, "data": data});
        Self { http_status: 200, retry_after_s: None, body }
    }

    /// A refusal has no `data`.
    pub(super) fn refusal(request_id: &str, refusal: &Refusal) -> Self {
        let body = json!({
            "code": refusal.code,
            "message": refusal.message,
            "request_id": request_id,
        });
        let http_status = http_status(refusal.code);
        Self { http_status, retry_after_s: refusal.retry_after_s, body }
    }
}

/// Why a call is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// One of the API's error codes.
    pub code: u16,
    /// The message for people.
    pub message: String,
    /// The `Retry-After` header, in seconds.
    pub retry_after_s: Option<u64>,
}

impl Refusal {
    pub(super) fn new(code: u16, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after_s: None }
    }

    /// 1201: a parameter has an illegal value.
    pub(super) fn illegal(message: impl Into<String>) -> Self {
        Self::new(1201, message)
    }
}

/// The HTTP status that goes with an error code; 500 for a code that the vendor does not list.
pub const fn http_status(code: u16) -> u16 {
    match code {
        0 => 200,
        1000..=1004 => 401,
        1103 => 403,
        1100..=1102 | 1302..=1304 => 429,
        1200 | 1201 | 1300 | 1301 => 400,
        1202 | 1203 => 404,
        5001 => 503,
        5002 => 504,
        _ => 500,
    }
}

/// The usual message of an error code, for codes of requested faults.
pub(super) const fn usual_message(code: u16) -> &'static str {
    match code {
        1000 => "Authentication failed",
        1001 => "Authorization is empty",
        1002 => "Authorization is invalid",
        1003 => "Authorization is not yet valid",
        1004 => "Authorization has expired",
        1100 => "Account exception",
        1101 => "Account in arrears",
        1102 => "Resource pack depleted or expired",
        1103 => "Unauthorized access to requested resource",
        1200 => "Invalid request parameters",
        1201 => "Invalid parameters",
        1202 => "The requested method is invalid",
        1203 => "The requested resource does not exist",
        1300 => "Trigger strategy of the platform",
        1301 => "Trigger content security policy of the platform",
        1302 => "The API request is too fast",
        1303 => "Concurrency or QPS exceeds the limit of the prepaid resource package",
        1304 => "Trigger IP whitelist policy of the platform",
        5001 => "Server temporarily unavailable",
        5002 => "Server internal timeout",
        _ => "Server internal error",
    }
}
