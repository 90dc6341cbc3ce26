//! The `data` of the account's costs.

use serde_json::Value;

use super::fields::{DataError, api_data, integer, list, micro, object, text};

api_data! {
    struct CostsData {
        packs: Vec<ResourcePack> = "list" as "resource_pack_subscribe_infos",
    }

    /// One resource pack of the account. Quantities are millionths of a unit, and lag by up to 12 h.
    #[derive(Debug, Clone, PartialEq, Eq)]
    #[expect(missing_docs, reason = "the fields are the API's")]
    pub struct ResourcePack {
        name: Option<String> = "text" as "resource_pack_name",
        id: Option<String> = "text" as "resource_pack_id",
        /// Such as `decreasing_total`.
        kind: Option<String> = "text" as "resource_pack_type",
        total_micro: Option<i64> = "micro" as "total_quantity",
        remaining_micro: Option<i64> = "micro" as "remaining_quantity",
        purchased_at_ms: Option<i64> = "integer" as "purchase_time",
        effective_at_ms: Option<i64> = "integer" as "effective_time",
        invalid_at_ms: Option<i64> = "integer" as "invalid_time",
        /// Such as `online`, `expired`, `runOut`.
        status: Option<String> = "text",
    }
}

/// Reads the `data` of the account's costs.
pub(in crate::kling) fn costs(data: Option<Value>) -> Result<Vec<ResourcePack>, DataError> {
    Ok(object::<CostsData>(data)?.packs)
}
