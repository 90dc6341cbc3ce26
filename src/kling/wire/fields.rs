//! Values of the API's JSON, read leniently.

use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;

use crate::kling::decimal::scaled;

/// Length limit of an id, in bytes: a longer one would not fit into a URL.
const ID_BYTES_MAX: usize = 512;

/// Limit of one deduction, in millionths of a unit: a larger number is an error, and sums could overflow.
const DEDUCTION_MICRO_MAX: i64 = 1_000_000_000_000;

/// Defines parts of an answer: each field is read by the function after `=`, from the key after `as` if the API calls
/// it differently.
macro_rules! api_data {
    ($($(#[$meta:meta])* $visibility:vis struct $name:ident {
        $($(#[$doc:meta])* $field:ident: $type:ty = $read:literal $(as $key:literal)?,)*
    })*) => {$(
        $(#[$meta])*
        #[derive(Default, serde::Deserialize)]
        #[serde(default)]
        $visibility struct $name {
            $(
                $(#[$doc])*
                #[serde(deserialize_with = $read $(, rename = $key)?)]
                $visibility $field: $type,
            )*
        }
    )*};
}

pub(super) use api_data;

/// Why an answer's `data` cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::kling) enum DataError {
    /// The `data` has no task, or another one. This does not prove that the task does not exist. The words follow "the
    /// API answered success, but".
    NoTask(&'static str),
    /// The `data` misses what the call is about; the words likewise.
    Unusable(String),
}

impl<T: Into<String>> From<T> for DataError {
    fn from(words: T) -> Self {
        Self::Unusable(words.into())
    }
}

/// Reads a whole number: a number, a string, or a float without a fraction.
pub(in crate::kling) fn as_integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| scaled(&number.to_string(), 0)),
        Value::String(text) => {
            let text = text.trim();
            text.parse().ok().or_else(|| scaled(text, 0))
        }
        _ => None,
    }
}

/// Reads a text that is not empty, or a whole number as text.
pub(in crate::kling) fn as_text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text).filter(|text| !text.is_empty()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        _ => None,
    }
}

pub(super) fn object<T: DeserializeOwned>(data: Option<Value>) -> Result<T, DataError> {
    match data {
        Some(value @ Value::Object(_)) => {
            serde_json::from_value(value).map_err(|_| "its data cannot be read".into())
        }
        Some(Value::Null) | None => Err("it has no data".into()),
        Some(_) => Err("its data is not an object".into()),
    }
}

/// An id that can be stored, shown and put into a URL.
pub(super) fn id(text: Option<String>) -> Option<String> {
    text.filter(|id| id.len() <= ID_BYTES_MAX && !id.chars().any(char::is_control))
}

pub(super) fn text<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    Ok(as_text(Value::deserialize(value)?))
}

pub(super) fn integer<'de, D: Deserializer<'de>>(value: D) -> Result<Option<i64>, D::Error> {
    Ok(as_integer(&Value::deserialize(value)?))
}

pub(super) fn micro<'de, D: Deserializer<'de>>(value: D) -> Result<Option<i64>, D::Error> {
    decimal(value, 6)
}

pub(super) fn milli<'de, D: Deserializer<'de>>(value: D) -> Result<Option<i64>, D::Error> {
    decimal(value, 3)
}

pub(super) fn deduction<'de, D: Deserializer<'de>>(value: D) -> Result<Option<i64>, D::Error> {
    Ok(micro(value)?.filter(|micro| *micro <= DEDUCTION_MICRO_MAX))
}

api_data! {
    /// `final_balance_deduction`: what an account that pays from a balance was charged.
    pub(super) struct BalanceDeduction {
        quota: Option<i64> = "deduction",
    }
}

fn decimal<'de, D: Deserializer<'de>>(value: D, places: u32) -> Result<Option<i64>, D::Error> {
    Ok(match Value::deserialize(value)? {
        Value::String(text) => scaled(&text, places),
        Value::Number(number) => scaled(&number.to_string(), places),
        _ => None,
    })
}

/// A value of the right type, or the default: one unexpected field must not hide the others.
pub(super) fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(
    value: D,
) -> Result<T, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(value)?).unwrap_or_default())
}

pub(super) fn list<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    value: D,
) -> Result<Vec<T>, D::Error> {
    let items = match Value::deserialize(value)? {
        Value::Array(items) => items,
        _ => Vec::new(),
    };
    Ok(items.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect())
}
