//! The `data` of Identify Face.

use serde_json::Value;

use super::fields::{
    BalanceDeduction, DataError, api_data, deduction, id, integer, lenient, object, text,
};

/// What Identify Face found in a video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identified {
    /// Names the identified video in a create request; third parties say that it is valid for 24 h.
    pub session_id: String,
    /// What it cost, in millionths of a unit.
    pub units_micro: Option<i64>,
    /// What it cost an account that pays from a balance, in millionths of its money.
    pub money_micro: Option<i64>,
    /// The faces, in the API's order; may be empty.
    pub faces: Vec<Face>,
}

/// One face of a video.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the API's")]
pub struct Face {
    pub face_id: String,
    pub image_url: Option<String>,
    /// When it appears in the video.
    pub start_ms: i64,
    /// When it was last seen.
    pub end_ms: i64,
}

api_data! {
    struct IdentifiedData {
        session_id: Option<String> = "text",
        final_unit_deduction: Option<i64> = "deduction",
        final_balance_deduction: BalanceDeduction = "lenient",
        face_data: Value = "lenient",
    }

    struct FaceData {
        face_id: Option<String> = "text",
        face_image: Option<String> = "text",
        start_time: Option<i64> = "integer",
        end_time: Option<i64> = "integer",
    }
}

/// Reads the `data` of Identify Face.
pub(in crate::kling) fn identified(data: Option<Value>) -> Result<Identified, DataError> {
    let data: IdentifiedData = object(data)?;
    let session_id = id(data.session_id).ok_or("it has no session_id")?;
    // Only an empty list means "no face".
    let listed = match data.face_data {
        Value::Array(items) => items,
        Value::Null => return Err("its face_data is missing".into()),
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
        session_id,
        units_micro: data.final_unit_deduction,
        money_micro: data.final_balance_deduction.quota,
        faces: faces.collect::<Result<_, DataError>>()?,
    })
}
