//! Query Task, single and list, by the rules.

use serde_json::{Value, json};
use url::form_urlencoded;

use super::{
    account::AccountNumber,
    faults::Endpoint,
    lookup_settings::{LookupStyles, UnknownTask},
    response::{Refusal, SimResponse},
    rules::Sim,
    task::SimTask,
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
            let as_of_ms = now_ms - self.config.list_status_lag_ms;
            let describe = |task: &SimTask| self.shown(task, as_of_ms, shows_names);
            let listed = self.listed(account, now_ms);
            Ok(listed.skip((page - 1) * size).take(size).map(describe).collect())
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

    /// The task that Query Task (Single) finds by the decoded part of the path and the query string.
    fn find(&self, account: AccountNumber, id: &str, query: &str, now_ms: i64) -> Option<&SimTask> {
        let lookup_styles = self.lookup_styles();
        if lookup_styles.path_with_flag && is_flagged(query) {
            return self.find_by_name(account, id, now_ms);
        }
        let by_name = || self.find_by_name(account, id, now_ms).filter(|_| lookup_styles.in_path);
        self.find_by_id(account, id, now_ms).or_else(by_name)
    }

    /// Whether the query is for the id of a task that exists.
    fn is_by_id(&self, account: AccountNumber, id: &str, query: &str) -> bool {
        let by_name = self.lookup_styles().path_with_flag && is_flagged(query);
        let known = self.by_task_id.get(id).map(|index| &self.tasks[*index]);
        !by_name && known.is_some_and(|task| task.account == account)
    }

    /// The name that a Query Task (List) is for, where this style is supported.
    fn name_on_list_path(&self, query: &str) -> Option<String> {
        let name = parameter(query, "external_task_id").filter(|name| !name.is_empty());
        name.filter(|_| self.lookup_styles().on_list_path)
    }

    fn lookup_styles(&self) -> LookupStyles {
        let lookup_styles = self.config.lookup_styles;
        if self.config.answers_external_lookups { lookup_styles } else { LookupStyles::NONE }
    }

    /// The task of this id, if the query by id shows it yet.
    fn find_by_id(&self, account: AccountNumber, id: &str, now_ms: i64) -> Option<&SimTask> {
        let task = &self.tasks[*self.by_task_id.get(id)?];
        let is_visible = self.is_visible(task, self.config.lags.by_id_ms, now_ms);
        (task.account == account && is_visible).then_some(task)
    }

    /// The newest task of this name that the query by name shows yet.
    fn find_by_name(&self, account: AccountNumber, name: &str, now_ms: i64) -> Option<&SimTask> {
        let lag_ms = self.config.lags.by_name_ms;
        let newest_first = self.by_external_id.get(name)?.iter().rev();
        let mut tasks = newest_first.map(|index| &self.tasks[*index]);
        tasks.find(|task| task.account == account && self.is_visible(task, lag_ms, now_ms))
    }

    /// The tasks that the list shows yet, newest first.
    fn listed(&self, account: AccountNumber, now_ms: i64) -> impl Iterator<Item = &SimTask> {
        let lag_ms = self.config.lags.list_ms;
        let visible = self.tasks.partition_point(|task| self.is_visible(task, lag_ms, now_ms));
        self.tasks[..visible].iter().rev().filter(move |task| task.account == account)
    }

    fn is_visible(&self, task: &SimTask, lag_ms: Option<i64>, now_ms: i64) -> bool {
        let lag_ms = lag_ms.unwrap_or(self.config.visibility_lag_ms);
        now_ms - task.accepted_at_ms >= lag_ms
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

/// A parameter that is a Unix time in ms.
pub(super) fn time(query: &str, name: &str) -> Result<i64, Refusal> {
    let text = parameter(query, name);
    let text = text.ok_or_else(|| Refusal::illegal(format!("{name} is required")))?;
    text.parse().map_err(|_| Refusal::illegal(format!("{name} must be a Unix time in ms")))
}

fn is_flagged(query: &str) -> bool {
    parameter(query, "external_task_id").is_some_and(|flag| flag == "true")
}

fn parameter(query: &str, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}
