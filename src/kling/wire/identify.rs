//! The `data` of Identify Face.

use serde::Deserialize;
use serde_json::Value;

use super::fields::{DataError, decimal, deduction, id, integer, object, text};
use crate::kling::answer::{Face, Identified};

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

/// Reads the `data` of Identify Face.
pub(in crate::kling) fn identified(data: Option<Value>) -> Result<Identified, DataError> {
    let data: IdentifiedData = object(data)?;
    // A missing list is an empty one; a value of another type does not mean "no face".
    let listed = match data.face_data {
        Value::Array(items) => items,
        Value::Null => Vec::new(),
        _ => return Err("its face_data is not a list".into()),
    };
    let faces = listed.into_iter().enumerate().map(|(place, face)| {
        let face: FaceData =
            serde_json::from_value(face).map_err(|_| format!("face {place} cannot be read"))?;
        Ok::<_, DataError>(Face {
            face_id: id(face.face_id).ok_or_else(|| format!("face {place} has no face_id"))?,
            image_url: face.face_image,
            // A serializer that omits zeros omits the start of a face that is visible from the beginning.
            start_ms: face.start_time.unwrap_or(0),
            end_ms: face.end_time.ok_or_else(|| format!("face {place} has no end_time"))?,
        })
    });
    Ok(Identified {
        session_id: id(data.session_id).ok_or("it has no session_id")?,
        units_micro: deduction(data.final_unit_deduction),
        faces: faces.collect::<Result<_, DataError>>()?,
    })
}
