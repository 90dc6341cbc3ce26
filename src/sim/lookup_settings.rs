//! Settings of what is not documented: what queries find, their answer if they find nothing, and how a name that
//! exists already is refused.

use serde_json::{Value, json};

use super::response::{Refusal, usual_message};

/// For how long after its acceptance a new task is hidden from each kind of query.
/// None: for `visibility_lag_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lags {
    /// Query Task (Single) by `task_id`.
    pub by_id_ms: Option<i64>,
    /// A query by `external_task_id`, in any style.
    pub by_name_ms: Option<i64>,
    /// Query Task (List).
    pub list_ms: Option<i64>,
}

/// Which styles of a query by `external_task_id` work. Other styles are not supported: an unknown parameter
/// is ignored, so that the list has all tasks, and a path is a `task_id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookupStyles {
    /// `/v1/videos/advanced-lip-sync/NAME`.
    pub in_path: bool,
    /// `/v1/videos/advanced-lip-sync?external_task_id=NAME`, answered with a list.
    pub on_list_path: bool,
    /// `/v1/videos/advanced-lip-sync/NAME?external_task_id=true`.
    pub path_with_flag: bool,
}

impl LookupStyles {
    /// None of them.
    pub const NONE: Self = Self { in_path: false, on_list_path: false, path_with_flag: false };
    /// As the API page says.
    pub const IN_PATH: Self = Self { in_path: true, ..Self::NONE };
    /// As some public clients do.
    pub const ON_LIST_PATH: Self = Self { on_list_path: true, ..Self::NONE };
    /// As other public clients do.
    pub const PATH_WITH_FLAG: Self = Self { path_with_flag: true, ..Self::NONE };
}

impl Default for LookupStyles {
    fn default() -> Self {
        Self::IN_PATH
    }
}

/// The answer to a query that finds no task: the id is unknown, or the name is unknown, not visible yet or not
/// supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownTask {
    /// 404 with code 1203; on the list path an empty list.
    #[default]
    NotFound,
    /// 200 with code 0 and `data: null`.
    Null,
    /// 200 with code 0 and `data: []`.
    EmptyList,
    /// 200 with code 0 and `data: {}`.
    EmptyObject,
    /// 200 with code 0 and `data: {"task_id": null, "task_status": null}`.
    NullTask,
    /// 500 with code 5000.
    ServerError,
}

impl UnknownTask {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::NotFound,
        Self::Null,
        Self::EmptyList,
        Self::EmptyObject,
        Self::NullTask,
        Self::ServerError,
    ];

    /// `data` of the answer, or the refusal; `what` was asked for.
    pub(super) fn answer(self, what: &str) -> Result<Value, Refusal> {
        match self {
            Self::NotFound => Err(Refusal::new(1203, format!("task {what} not found"))),
            Self::Null => Ok(Value::Null),
            Self::EmptyList => Ok(json!([])),
            Self::EmptyObject => Ok(json!({})),
            Self::NullTask => Ok(json!({"task_id": null, "task_status": null})),
            Self::ServerError => Err(Refusal::new(5000, usual_message(5000))),
        }
    }
}

/// How a second create request with a known `external_task_id` is refused, where names must be unique.
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
