//! The `data` of Create Task and of the queries for tasks.

use serde_json::Value;

use super::fields::{
    BalanceDeduction, DataError, api_data, deduction, id, integer, lenient, list, milli, object,
    text,
};

/// How some servers write that there is no id.
const NO_ID: &str = "0";

/// A task that was accepted, and is therefore paid.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the API's")]
pub struct Created {
    pub task_id: String,
    /// Our name for it, as returned.
    pub external_task_id: Option<String>,
    /// Usually [`TaskStatus::Submitted`].
    pub status: TaskStatus,
    pub created_at_ms: Option<i64>,
    pub updated_at_ms: Option<i64>,
}

/// A task as a query shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the API's")]
pub struct RemoteTask {
    pub task_id: String,
    /// Our name for it; queries usually leave it out.
    pub external_task_id: Option<String>,
    pub status: TaskStatus,
    pub status_message: Option<String>,
    pub parent_video: Option<ParentVideo>,
    /// What it made, those with a URL first; empty until it succeeded.
    pub videos: Vec<ResultVideo>,
    pub watermark_enabled: Option<bool>,
    /// What it cost, in millionths of a unit.
    pub units_micro: Option<i64>,
    /// What it cost an account that pays from a balance, in millionths of its money.
    pub money_micro: Option<i64>,
    pub created_at_ms: Option<i64>,
    pub updated_at_ms: Option<i64>,
}

/// The status of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskStatus {
    /// Accepted, not started.
    Submitted,
    /// Being worked on.
    Processing,
    /// Done; there should be a result. Also every task that shows the URL of a result, whatever its status is called.
    Succeed,
    /// Ended without a result.
    Failed,
    /// A status that the API does not document, or an empty one; it may still change.
    Other(String),
}

impl TaskStatus {
    /// Reads the API's name of a status, in upper or lower case.
    fn spelled(name: Option<String>) -> Self {
        let name = name.unwrap_or_default();
        match name.trim().to_ascii_lowercase().as_str() {
            "submitted" => Self::Submitted,
            "processing" => Self::Processing,
            "succeed" | "succeeded" => Self::Succeed,
            "failed" => Self::Failed,
            _ => Self::Other(name),
        }
    }
}

api_data! {
    /// The video a task was made from.
    #[derive(Debug, Clone, PartialEq, Eq)]
    #[expect(missing_docs, reason = "the fields are the API's")]
    pub struct ParentVideo {
        id: Option<String> = "text",
        url: Option<String> = "text",
        duration_ms: Option<i64> = "milli" as "duration",
    }

    /// One video that a task made. It can be fetched for 30 days.
    #[derive(Debug, Clone, PartialEq, Eq)]
    #[expect(missing_docs, reason = "the fields are the API's")]
    pub struct ResultVideo {
        id: Option<String> = "text",
        url: Option<String> = "text",
        watermark_url: Option<String> = "text",
        duration_ms: Option<i64> = "milli" as "duration",
    }

    struct TaskData {
        task_id: Option<String> = "text",
        task_status: Option<String> = "text",
        task_status_msg: Option<String> = "text",
        task_info: TaskInfo = "lenient",
        task_result: TaskResult = "lenient",
        watermark_info: WatermarkInfo = "lenient",
        final_unit_deduction: Option<i64> = "deduction",
        final_balance_deduction: BalanceDeduction = "lenient",
        created_at: Option<i64> = "integer",
        updated_at: Option<i64> = "integer",
    }

    struct TaskInfo {
        external_task_id: Option<String> = "text",
        parent_video: Option<ParentVideo> = "lenient",
    }

    struct TaskResult {
        videos: Vec<ResultVideo> = "list",
    }

    struct WatermarkInfo {
        enabled: Option<bool> = "lenient",
    }
}

/// Reads the `data` of Create Task.
pub(in crate::kling) fn created(data: Option<Value>) -> Result<Created, DataError> {
    let data: TaskData = object(data)?;
    Ok(Created {
        task_id: task_id(data.task_id).ok_or("it has no task_id")?,
        external_task_id: data.task_info.external_task_id,
        status: TaskStatus::spelled(data.task_status),
        created_at_ms: data.created_at,
        updated_at_ms: data.updated_at,
    })
}

/// Reads the `data` of Query Task (Single).
pub(in crate::kling) fn task(data: Option<Value>) -> Result<RemoteTask, DataError> {
    if has_no_task(data.as_ref()) {
        return Err(DataError::NoTask("with no task"));
    }
    let data: TaskData = object(data)?;
    data.into_task().ok_or_else(|| "it has no task_id".into())
}

/// Whether `data` is one of the ways to return no task. An id that cannot be read is a task.
fn has_no_task(data: Option<&Value>) -> bool {
    match data {
        None | Some(Value::Null) => true,
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(fields)) => match fields.get("task_id") {
            None | Some(Value::Null) => true,
            Some(Value::String(id)) => matches!(id.as_str(), "" | NO_ID),
            Some(id) => *id == 0,
        },
        Some(_) => false,
    }
}

fn task_id(text: Option<String>) -> Option<String> {
    id(text).filter(|id| id != NO_ID)
}

/// Reads the `data` of Query Task (List); an empty page may be `null`.
pub(in crate::kling) fn tasks(data: Option<Value>) -> Result<Vec<RemoteTask>, DataError> {
    match data {
        Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => Ok(items
            .into_iter()
            .filter_map(|item| serde_json::from_value::<TaskData>(item).ok()?.into_task())
            .collect()),
        Some(_) => Err("its data is not a list".into()),
        None => Err("it has no data".into()),
    }
}

impl TaskData {
    fn into_task(self) -> Option<RemoteTask> {
        let mut videos = self.task_result.videos;
        videos.sort_by_key(|video| video.url.is_none());
        let status = match videos.first().is_some_and(|video| video.url.is_some()) {
            true => TaskStatus::Succeed,
            false => TaskStatus::spelled(self.task_status),
        };
        Some(RemoteTask {
            task_id: task_id(self.task_id)?,
            external_task_id: self.task_info.external_task_id,
            status,
            status_message: self.task_status_msg,
            parent_video: self.task_info.parent_video,
            videos,
            watermark_enabled: self.watermark_info.enabled,
            units_micro: self.final_unit_deduction,
            money_micro: self.final_balance_deduction.quota,
            created_at_ms: self.created_at,
            updated_at_ms: self.updated_at,
        })
    }
}
