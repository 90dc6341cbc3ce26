//! Reading the fields of a request's body, with a refusal that names the field.
//!
//! Empty strings and nulls count as absent: the page's own example sends `"video_id": ""`.
//! Unknown fields are ignored.

use serde_json::{Map, Value};

use super::response::Refusal;

/// A body that must be a JSON object; else 1200.
pub(super) fn object(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    serde_json::from_slice(body)
        .map_err(|_| Refusal::new(1200, "Invalid request parameters: the body is no JSON object"))
}

/// The fields of one object of the body.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    object: &'a Map<String, Value>,
    within: &'static str,
}

impl<'a> Fields<'a> {
    pub(super) const fn top(object: &'a Map<String, Value>) -> Self {
        Self { object, within: "" }
    }

    /// `within` is put before the names in refusals: `face_choose[0].`.
    pub(super) const fn inner(object: &'a Map<String, Value>, within: &'static str) -> Self {
        Self { object, within }
    }

    pub(super) fn value(self, name: &str) -> Option<&'a Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn optional_text(self, name: &str) -> Result<Option<&'a str>, Refusal> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
            Some(_) => Err(self.wrong(name, "must be a string")),
        }
    }

    pub(super) fn text(self, name: &str) -> Result<&'a str, Refusal> {
        self.optional_text(name)?.ok_or_else(|| self.wrong(name, "is required"))
    }

    /// A required time in milliseconds: a whole number that is not negative.
    pub(super) fn time_ms(self, name: &str) -> Result<i64, Refusal> {
        let value = self.value(name).ok_or_else(|| self.wrong(name, "is required"))?;
        let ms = value.as_i64().ok_or_else(|| self.wrong(name, "must be a whole number of ms"))?;
        if ms < 0 {
            return Err(self.wrong(name, "must not be negative"));
        }
        Ok(ms)
    }

    /// An optional volume: a number of 0 to 2; 1 where it is not sent.
    pub(super) fn volume(self, name: &str) -> Result<f64, Refusal> {
        let Some(value) = self.value(name) else {
            return Ok(1.0);
        };
        let volume = value.as_f64().ok_or_else(|| self.wrong(name, "must be a number"))?;
        if (0.0..=2.0).contains(&volume) {
            return Ok(volume);
        }
        Err(self.wrong(name, "must be within [0, 2]"))
    }

    /// 1201, naming the field.
    pub(super) fn wrong(self, name: &str, what: &str) -> Refusal {
        Refusal::illegal(format!("{}{name} {what}", self.within))
    }
}
