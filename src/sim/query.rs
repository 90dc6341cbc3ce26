//! Query Task, single and list, and the account's costs, by the rules.

use serde_json::{Value, json};

use super::{
    account::AccountNumber,
    faults::Endpoint,
    find_task::parameter,
    lookup_settings::UnknownTask,
    response::{Refusal, SimResponse},
    rules::Sim,
    task::SimTask,
    units::SimUnits,
};

const PAGE_NUM: std::ops::RangeInclusive<usize> = 1..=1_000;
const PAGE_SIZE: std::ops::RangeInclusive<usize> = 1..=500;

impl Sim {
    /// Query Task (Single): `id` is the decoded part of the path, a `task_id` or an
    /// `external_task_id`.
    pub fn query(&mut self, now_ms: i64, authorization: Option<&str>, id: &str) -> SimResponse {
        self.query_with(now_ms, authorization, id, "")
    }

    /// The same with the query string as sent.
    pub fn query_with(
        &mut self,
        now_ms: i64,
        authorization: Option<&str>,
        id: &str,
        query: &str,
    ) -> SimResponse {
        let outcome = self.admit(Endpoint::Query, now_ms, authorization).and_then(|account| {
            if self.config.name_queries_fail && !self.is_by_id(account, id, query) {
                return Err(busy());
            }
            let Some(task) = self.find(account, id, query, now_ms) else {
                return self.config.unknown_task.answer(id);
            };
            Ok(self.shown(task, now_ms, self.config.query_shows_external_ids))
        });
        not_a_timeout(self.answered(Endpoint::Query, outcome))
    }

    /// Query Task (List), newest first: `query` is the query string as sent.
    pub fn list(&mut self, now_ms: i64, authorization: Option<&str>, query: &str) -> SimResponse {
        let outcome = self.admit(Endpoint::List, now_ms, authorization).and_then(|account| {
            let page = number(query, "pageNum", 1, PAGE_NUM)?;
            let size = number(query, "pageSize", 30, PAGE_SIZE)?;
            let name = self.name_on_list_path(query);
            if self.config.lists_fail || self.config.name_queries_fail && name.is_some() {
                return Err(busy());
            }
            let shows_names = self.config.list_shows_external_ids;
            let describe = |task: &SimTask| self.shown(task, now_ms, shows_names);
            if let Some(name) = name {
                return match (self.find_by_name(account, &name, now_ms), self.config.unknown_task) {
                    (Some(task), _) => Ok(json!([describe(task)])),
                    (None, UnknownTask::NotFound) => Ok(json!([])),
                    (None, unknown) => unknown.answer(&name),
                };
            }
            Ok(self
                .listed(account, now_ms)
                .skip((page - 1) * size)
                .take(size)
                .map(describe)
                .collect())
        });
        not_a_timeout(self.answered(Endpoint::List, outcome))
    }

    fn shown(&self, task: &SimTask, now_ms: i64, shows_name: bool) -> Value {
        let mut data = task.queried(now_ms, &self.base_url, shows_name);
        if !self.config.shows_sent_videos {
            let url = format!("https://copies.example/{}.mp4", task.id);
            data["task_info"]["parent_video"] = json!({ "url": url });
        }
        data
    }

    /// The account's resource packs: `query` holds `start_time` and `end_time`, in ms.
    pub fn costs(&mut self, now_ms: i64, authorization: Option<&str>, query: &str) -> SimResponse {
        let outcome = self.admit(Endpoint::Costs, now_ms, authorization).and_then(|account| {
            let (start, end) = (time(query, "start_time")?, time(query, "end_time")?);
            if start > end {
                return Err(Refusal::illegal("start_time is later than end_time"));
            }
            Ok(self.resource_packs(account, now_ms))
        });
        self.answered(Endpoint::Costs, outcome)
    }

    fn resource_packs(&self, account: AccountNumber, now_ms: i64) -> Value {
        let whole = self.config.pack_units;
        let spent = self.used.units(account);
        let left = SimUnits::from_thousandths(whole.thousandths() - spent.thousandths());
        let number = |units: SimUnits| units.thousandths() as f64 / 1000.0;
        let year_ms = 365 * 24 * 60 * 60 * 1000;
        let status = if left > SimUnits::default() { "online" } else { "runOut" };
        json!({
            "code": 0,
            "msg": "success",
            "resource_pack_subscribe_infos": [{
                "resource_pack_name": "Simulated resource pack",
                "resource_pack_id": "sim-pack-1",
                "resource_pack_type": "decreasing_total",
                "total_quantity": number(whole),
                "remaining_quantity": number(left),
                "purchase_time": now_ms - year_ms / 2,
                "effective_time": now_ms - year_ms / 2,
                "invalid_time": now_ms + year_ms / 2,
                "status": status,
            }],
        })
    }
}

/// The error of a busy API.
fn busy() -> Refusal {
    Refusal::new(5002, "busy")
}

/// 5002 is a timeout by the vendor's table; an API that is busy answers it with 503.
fn not_a_timeout(answer: SimResponse) -> SimResponse {
    let http_status = if answer.code() == 5002 { 503 } else { answer.http_status };
    SimResponse { http_status, ..answer }
}

fn number(
    query: &str,
    name: &str,
    default: usize,
    range: std::ops::RangeInclusive<usize>,
) -> Result<usize, Refusal> {
    let Some(text) = parameter(query, name) else {
        return Ok(default);
    };
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| {
        let (low, high) = range.into_inner();
        Refusal::illegal(format!("{name} must be a whole number within [{low}, {high}]"))
    })
}

fn time(query: &str, name: &str) -> Result<i64, Refusal> {
    let text = parameter(query, name);
    let text = text.ok_or_else(|| Refusal::illegal(format!("{name} is required")))?;
    text.parse().map_err(|_| Refusal::illegal(format!("{name} must be a Unix time in ms")))
}
