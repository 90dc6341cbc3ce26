//! The `data` of the account's costs.

use serde::Deserialize;
use serde_json::Value;

use super::fields::{DataError, decimal, integer, list, micro, object, text};
use crate::kling::answer::ResourcePack;

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

/// Reads the `data` of the account's costs.
pub(in crate::kling) fn costs(data: Option<Value>) -> Result<Vec<ResourcePack>, DataError> {
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
