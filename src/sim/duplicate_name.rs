//! How a second create request with a known `external_task_id` is refused.
//!
//! The code and the message are not documented, so both are settings.

use super::response::Refusal;

/// The refusal, where names must be unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DuplicateNameError {
    /// 1201 or 1203.
    pub code: u16,
    /// The message; `{}` in it is the name.
    pub message: &'static str,
}

impl DuplicateNameError {
    /// Messages that an API may use, in several wordings and languages; the last two do not mention the field.
    pub const MESSAGES: [&'static str; 6] = [
        "external_task_id {} already exists",
        "external_task_id already exists",
        "external_task_id is occupied",
        "external_task_id 已被占用，请勿重复提交",
        "任务已存在，请勿重复提交",
        "Duplicate submission",
    ];

    /// Each message with each code.
    pub fn all() -> impl Iterator<Item = Self> {
        let codes = [1201, 1203].into_iter();
        codes.flat_map(|code| Self::MESSAGES.map(|message| Self { code, message }))
    }

    pub(super) fn refusal(self, name: &str) -> Refusal {
        Refusal::new(self.code, self.message.replace("{}", name))
    }
}

impl Default for DuplicateNameError {
    fn default() -> Self {
        Self { code: 1201, message: Self::MESSAGES[0] }
    }
}
