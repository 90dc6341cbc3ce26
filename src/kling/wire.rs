//! The `data` of the API's answers as it spells it, read leniently, and turned into this program's units.
//!
//! Unknown fields are ignored, missing optional ones are normal, numbers may come as strings and
//! strings as numbers. Only what makes an answer useless (no session, no task id, faces that
//! are none) is an error.

use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;

use super::{
    answer::{
        Created, Face, Identified, ParentVideo, RemoteTask, ResourcePack, ResultVideo, TaskStatus,
    },
    decimal::scaled,
};

/// No id of the API's is longer, in bytes; one that is would not fit an address.
const ID_BYTES_MAX: usize = 512;

/// No call deducts more, in millionths of a unit; what says so is no deduction, and could not be summed.
const DEDUCTION_MICRO_MAX: i64 = 1_000_000_000_000;

/// Why an answer's `data` is of no use.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum DataError {
    /// The `data` holds no task, or not the task that was asked for: not found, but not proven. The words follow
    /// "the API answered success, but".
    NoTask(&'static str),
    /// The `data` lacks what the call is about; the words likewise.
    Unusable(String),
}

impl From<&str> for DataError {
    fn from(words: &str) -> Self {
        Self::Unusable(words.to_owned())
    }
}

impl From<String> for DataError {
    fn from(words: String) -> Self {
        Self::Unusable(words)
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct IdentifiedData {
    #[serde(deserialize_with = "text")]
    session_id: Option<String>,
    #[serde(deserialize_with = "decimal")]
    final_unit_deduction: Option<String>,
    face_data: Value,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct FaceData {
    #[serde(deserialize_with = "text")]
    face_id: Option<String>,
    #[serde(deserialize_with = "text")]
    face_image: Option<String>,
    #[serde(deserialize_with = "integer")]
    start_time: Option<i64>,
    #[serde(deserialize_with = "integer")]
    end_time: Option<i64>,
}

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

#[derive(Deserialize, Default)]
#[serde(default)]
struct CostsData {
    #[serde(deserialize_with = "list")]
    resource_pack_subscribe_infos: Vec<PackData>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PackData {
    #[serde(deserialize_with = "text")]
    resource_pack_name: Option<String>,
    #[serde(deserialize_with = "text")]
    resource_pack_id: Option<String>,
    #[serde(deserialize_with = "text")]
    resource_pack_type: Option<String>,
    #[serde(deserialize_with = "decimal")]
    total_quantity: Option<String>,
    #[serde(deserialize_with = "decimal")]
    remaining_quantity: Option<String>,
    #[serde(deserialize_with = "integer")]
    purchase_time: Option<i64>,
    #[serde(deserialize_with = "integer")]
    effective_time: Option<i64>,
    #[serde(deserialize_with = "integer")]
    invalid_time: Option<i64>,
    #[serde(deserialize_with = "text")]
    status: Option<String>,
}

/// Reads the `data` of Identify Face.
pub(super) fn identified(data: Option<Value>) -> Result<Identified, DataError> {
    let data: IdentifiedData = object(data)?;
    // A list that was dropped for being empty is one; anything else is not taken for "no face".
    let listed = match data.face_data {
        Value::Array(items) => items,
        Value::Null => Vec::new(),
        _ => return Err("its face_data is no list".into()),
    };
    let faces = listed.into_iter().enumerate().map(|(place, face)| {
        let face: FaceData =
            serde_json::from_value(face).map_err(|_| format!("face {place} is none"))?;
        Ok::<_, DataError>(Face {
            face_id: id(face.face_id).ok_or_else(|| format!("face {place} has no face_id"))?,
            image_url: face.face_image,
            // A serializer that drops zeros drops the start of a face that is there from the start.
            start_ms: face.start_time.unwrap_or(0),
            end_ms: face.end_time.ok_or_else(|| format!("face {place} has no end_time"))?,
        })
    });
    Ok(Identified {
        session_id: id(data.session_id).ok_or("it holds no session_id")?,
        units_micro: deduction(data.final_unit_deduction),
        faces: faces.collect::<Result<_, DataError>>()?,
    })
}

/// Reads the `data` of Create Task.
pub(super) fn created(data: Option<Value>) -> Result<Created, DataError> {
    let data: TaskData = object(data)?;
    Ok(Created {
        task_id: id(data.task_id).ok_or("it holds no task_id")?,
        external_task_id: data.task_info.external_task_id,
        status: TaskStatus::spelled(data.task_status),
        created_at_ms: data.created_at,
        updated_at_ms: data.updated_at,
    })
}

/// Reads the `data` of Query Task (Single).
pub(super) fn task(data: Option<Value>) -> Result<RemoteTask, DataError> {
    if holds_no_task(data.as_ref()) {
        return Err(DataError::NoTask("with no task"));
    }
    let data: TaskData = object(data)?;
    data.into_task().ok_or_else(|| "it holds no task_id".into())
}

/// Whether `data` is one of the ways to say nothing. An id that cannot be read is not nothing.
fn holds_no_task(data: Option<&Value>) -> bool {
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

/// Reads the `data` of Query Task (List); an empty page may be spelled `null`.
pub(super) fn tasks(data: Option<Value>) -> Result<Vec<RemoteTask>, DataError> {
    match data {
        Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => Ok(items
            .into_iter()
            .filter_map(|item| serde_json::from_value::<TaskData>(item).ok()?.into_task())
            .collect()),
        Some(_) => Err("its data is no list".into()),
        None => Err("it holds no data".into()),
    }
}

/// Reads the `data` of the account's costs.
pub(super) fn costs(data: Option<Value>) -> Result<Vec<ResourcePack>, DataError> {
    let data: CostsData = object(data)?;
    let packs = data.resource_pack_subscribe_infos.into_iter().map(|pack| ResourcePack {
        name: pack.resource_pack_name,
        id: pack.resource_pack_id,
        kind: pack.resource_pack_type,
        total_micro: micro(pack.total_quantity),
        remaining_micro: micro(pack.remaining_quantity),
        purchased_at_ms: pack.purchase_time,
        effective_at_ms: pack.effective_time,
        invalid_at_ms: pack.invalid_time,
        status: pack.status,
    });
    Ok(packs.collect())
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

/// A whole number, spelled as one, as a string, or as a float without a fraction.
pub(super) fn as_integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| scaled(&number.to_string(), 0)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A text that is not empty, or a whole number spelled as one.
pub(super) fn as_text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text).filter(|text| !text.is_empty()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        _ => None,
    }
}

fn object<T: DeserializeOwned>(data: Option<Value>) -> Result<T, DataError> {
    match data {
        Some(value @ Value::Object(_)) => {
            serde_json::from_value(value).map_err(|_| "its data cannot be read".into())
        }
        Some(Value::Null) | None => Err("it holds no data".into()),
        Some(_) => Err("its data is no object".into()),
    }
}

/// An id that can be kept, shown and asked for.
fn id(text: Option<String>) -> Option<String> {
    text.filter(|id| id.len() <= ID_BYTES_MAX && !id.chars().any(char::is_control))
}

fn deduction(text: Option<String>) -> Option<i64> {
    micro(text).filter(|micro| *micro <= DEDUCTION_MICRO_MAX)
}

fn micro(text: Option<String>) -> Option<i64> {
    scaled(&text?, 6)
}

fn milli(text: Option<String>) -> Option<i64> {
    scaled(&text?, 3)
}

fn text<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    Ok(as_text(Value::deserialize(value)?))
}

fn integer<'de, D: Deserializer<'de>>(value: D) -> Result<Option<i64>, D::Error> {
    Ok(as_integer(&Value::deserialize(value)?))
}

fn decimal<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(value)? {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

/// A value of the right shape, or the default: one odd field must not hide the others.
fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(
    value: D,
) -> Result<T, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(value)?).unwrap_or_default())
}

fn list<'de, D: Deserializer<'de>, T: DeserializeOwned>(value: D) -> Result<Vec<T>, D::Error> {
    let items = match Value::deserialize(value)? {
        Value::Array(items) => items,
        _ => Vec::new(),
    };
    Ok(items.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect())
}
