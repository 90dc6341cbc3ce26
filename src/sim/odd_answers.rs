//! Answers in other forms than the page describes, as gateways and newer versions of the API give them.

use serde_json::{Value, json};

use super::response::{Refusal, SimResponse};

/// Which answers are odd. What they say is true all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OddAnswers {
    /// `code` is a text, or a float in a refusal. Ids and deductions are numbers, times are texts, and what is empty is
    /// `[]` or null.
    pub types: bool,
    /// `task_status` in upper case, and `SUCCEEDED` for `succeed`.
    pub status_words: bool,
    /// A video without a URL precedes the result.
    pub video_without_url: bool,
    /// `parent_video` is `[]`.
    pub no_parent_video: bool,
}

impl OddAnswers {
    /// All that changes no meaning.
    pub const ALL: Self =
        Self { types: true, status_words: true, video_without_url: true, no_parent_video: false };

    pub(super) fn apply(self, mut response: SimResponse) -> SimResponse {
        if self != Self::default() {
            self.change(&mut response.body);
        }
        if self.types {
            response.body["code"] = match response.code() {
                0 => json!("0"),
                code => json!(code as f64),
            };
        }
        response
    }

    fn change(self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.change(item)),
            Value::Object(fields) => {
                if self.types && fields.contains_key("task_info") {
                    fields.entry("task_result").or_insert_with(|| json!([]));
                }
                for (name, value) in fields {
                    self.change_field(name, value);
                    self.change(value);
                }
            }
            _ => {}
        }
    }

    fn change_field(self, name: &str, value: &mut Value) {
        match name {
            "task_status" if self.status_words => {
                let word = value.as_str().unwrap_or_default().to_uppercase();
                *value = if word == "SUCCEED" { json!("SUCCEEDED") } else { json!(word) };
            }
            "videos" if self.video_without_url => {
                if let Value::Array(videos) = value {
                    videos.insert(0, json!({"id": "preview", "url": null}));
                }
            }
            "parent_video" if self.no_parent_video => *value = json!([]),
            "task_id" | "session_id" | "face_id" if self.types => {
                replace(value, |text| text.parse::<u64>().ok());
            }
            "final_unit_deduction" | "quota" | "list_price" | "duration" if self.types => {
                replace(value, |text| text.parse::<f64>().ok());
            }
            "total_quantity" | "remaining_quantity" | "purchase_time" | "effective_time"
            | "invalid_time"
                if self.types =>
            {
                *value = json!(value.to_string());
            }
            "created_at" | "updated_at" | "start_time" | "end_time" if self.types => {
                *value = json!(value.to_string());
            }
            "watermark_info" if self.types => *value = Value::Null,
            _ => {}
        }
    }
}

/// Puts a number in the place of a text, if it is one.
fn replace<T: Into<Value>>(value: &mut Value, number: impl FnOnce(&str) -> Option<T>) {
    if let Some(number) = value.as_str().and_then(number) {
        *value = number.into();
    }
}

/// How a create request with a session that is gone is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionGoneError {
    /// 1201 or 1203.
    pub code: u16,
    /// The message; `{}` in it is the session's id.
    pub message: &'static str,
}

impl SessionGoneError {
    /// Messages that an API may use; most do not mention the session.
    pub const MESSAGES: [&'static str; 5] = [
        "session_id {} not found or expired",
        "analysis of this video is stale",
        "The requested resource does not exist",
        "Invalid parameters",
        "人脸识别结果已过期",
    ];

    /// Each message with each code.
    pub fn all() -> impl Iterator<Item = Self> {
        let codes = [1201, 1203].into_iter();
        codes.flat_map(|code| Self::MESSAGES.map(|message| Self { code, message }))
    }

    pub(super) fn refusal(self, session_id: &str) -> Refusal {
        Refusal::new(self.code, self.message.replace("{}", session_id))
    }
}

impl Default for SessionGoneError {
    fn default() -> Self {
        Self { code: 1201, message: Self::MESSAGES[0] }
    }
}
