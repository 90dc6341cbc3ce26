//! The `data` of Create Task and of the queries for tasks.

use serde::Deserialize;
use serde_json::Value;

use super::fields::{
    DataError, decimal, deduction, id, integer, lenient, list, milli, object, text,
};
use crate::kling::answer::{Created, ParentVideo, RemoteTask, ResultVideo, TaskStatus};

#[derive(Deserialize, Default)]
#[serde(default)]
struct TaskData {
    #[serde(deserialize_with = "text")]
    task_id: Option<String>,
    #[serde(deserialize_with = "text")]
    task_status: Option<String>,
    #[serde(deserialize_with = "text")]
    task_status_msg: Option<String>,
    #[serde(deserialize_with = "lenient")]
    task_info: TaskInfo,
    #[serde(deserialize_with = "lenient")]
    task_result: TaskResult,
    #[serde(deserialize_with = "lenient")]
    watermark_info: WatermarkInfo,
    #[serde(deserialize_with = "decimal")]
    final_unit_deduction: Option<String>,
    #[serde(deserialize_with = "integer")]
    created_at: Option<i64>,
    #[serde(deserialize_with = "integer")]
    updated_at: Option<i64>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct TaskInfo {
    #[serde(deserialize_with = "text")]
    external_task_id: Option<String>,
    #[serde(deserialize_with = "lenient")]
    parent_video: Option<VideoData>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct TaskResult {
    #[serde(deserialize_with = "list")]
    videos: Vec<VideoData>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct VideoData {
    #[serde(deserialize_with = "text")]
    id: Option<String>,
    #[serde(deserialize_with = "text")]
    url: Option<String>,
    #[serde(deserialize_with = "text")]
    watermark_url: Option<String>,
    #[serde(deserialize_with = "decimal")]
    duration: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WatermarkInfo {
    #[serde(deserialize_with = "lenient")]
    enabled: Option<bool>,
}

/// Reads the `data` of Create Task.
pub(in crate::kling) fn created(data: Option<Value>) -> Result<Created, DataError> {
    let data: TaskData = object(data)?;
    Ok(Created {
        task_id: id(data.task_id).ok_or("it has no task_id")?,
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
            Some(Value::String(id)) => id.is_empty(),
            Some(_) => false,
        },
        Some(_) => false,
    }
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
        Some(RemoteTask {
            task_id: id(self.task_id)?,
            external_task_id: self.task_info.external_task_id,
            status: TaskStatus::spelled(self.task_status),
            status_message: self.task_status_msg,
            parent_video: self.task_info.parent_video.map(|video| ParentVideo {
                id: video.id,
                url: video.url,
                duration_ms: milli(video.duration),
            }),
            videos: self.task_result.videos.into_iter().map(VideoData::into_result).collect(),
            watermark_enabled: self.watermark_info.enabled,
            units_micro: deduction(self.final_unit_deduction),
            created_at_ms: self.created_at,
            updated_at_ms: self.updated_at,
        })
    }
}

impl VideoData {
    fn into_result(self) -> ResultVideo {
        ResultVideo {
            id: self.id,
            url: self.url,
            watermark_url: self.watermark_url,
            duration_ms: milli(self.duration),
        }
    }
}
