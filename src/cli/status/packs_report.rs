//! The resource packs in the JSON of `status`.

use serde::Serialize;

use crate::{
    cli::{
        packs,
        text::{iso_ms, units_number},
    },
    store::{PackStatus, StoredPack},
};

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct PacksReport {
    /// When Kling showed them; its figures lag by up to 12 h.
    as_of: Option<String>,
    /// Units of all packs in effect.
    left: f64,
    /// Why Kling did not show them since.
    problem: Option<String>,
    packs: Vec<PackReport>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct PackReport {
    name: Option<String>,
    kind: Option<String>,
    total: Option<f64>,
    left: Option<f64>,
    from: Option<String>,
    until: Option<String>,
    status: Option<String>,
    /// Whether units can be taken from it now.
    in_effect: bool,
}

impl PacksReport {
    /// Returns the report for `now_ms` (Unix time); none: Kling was not asked yet.
    pub(super) fn of(status: &PackStatus, now_ms: i64) -> Option<Self> {
        (status.at_ms.is_some() || status.problem.is_some()).then(|| Self {
            as_of: status.at_ms.map(iso_ms),
            left: units_number(packs::left_micro(&status.packs, now_ms)),
            problem: status.problem.clone(),
            packs: status.packs.iter().map(|pack| PackReport::of(pack, now_ms)).collect(),
        })
    }
}

impl PackReport {
    fn of(pack: &StoredPack, now_ms: i64) -> Self {
        Self {
            name: pack.name.clone(),
            kind: pack.kind.clone(),
            total: pack.total_micro.map(units_number),
            left: pack.remaining_micro.map(units_number),
            from: pack.effective_at_ms.map(iso_ms),
            until: pack.invalid_at_ms.map(iso_ms),
            status: pack.status.clone(),
            in_effect: pack.is_usable(now_ms),
        }
    }
}
