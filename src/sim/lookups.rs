//! Which task a query finds, and what a query that finds none is answered with.
//!
//! Nobody documents any of this, so that each part is a setting: see [`Lags`], [`LookupStyles`] and [`UnknownTask`].

use serde_json::{Value, json};
use url::form_urlencoded;

use super::{
    account::AccountNumber,
    response::{Refusal, usual_message},
    rules::Sim,
    task::SimTask,
};

/// For how long after its acceptance a new task is hidden from each kind of query.
/// None: for `visibility_lag_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lags {
    /// Query Task (Single) by `task_id`.
    pub by_id_ms: Option<i64>,
    /// A query by `external_task_id`, in whatever spelling.
    pub by_name_ms: Option<i64>,
    /// Query Task (List).
    pub list_ms: Option<i64>,
}

/// How a query by `external_task_id` may be spelled. A spelling that is not answered is not understood: a parameter
/// that is unknown is ignored, so that the list is answered with all tasks, and a path means a `task_id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookupStyles {
    /// `/v1/videos/advanced-lip-sync/NAME`.
    pub in_path: bool,
    /// `/v1/videos/advanced-lip-sync?external_task_id=NAME`, answered with a list.
    pub on_list_path: bool,
    /// `/v1/videos/advanced-lip-sync/NAME?external_task_id=true`.
    pub path_with_flag: bool,
}

impl LookupStyles {
    /// None of them.
    pub const NONE: Self = Self { in_path: false, on_list_path: false, path_with_flag: false };
    /// As the API page says.
    pub const IN_PATH: Self = Self { in_path: true, ..Self::NONE };
    /// As some public clients do.
    pub const ON_LIST_PATH: Self = Self { on_list_path: true, ..Self::NONE };
    /// As other public clients do.
    pub const PATH_WITH_FLAG: Self = Self { path_with_flag: true, ..Self::NONE };
}

impl Default for LookupStyles {
    fn default() -> Self {
        Self::IN_PATH
    }
}

/// What a query is answered with that finds no task: by an id that is unknown, or by a name that is unknown, not
/// visible yet or not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownTask {
    /// 404 with code 1203; on the list path an empty list.
    #[default]
    NotFound,
    /// 200 with code 0 and `data: null`.
    Null,
    /// 200 with code 0 and `data: []`.
    EmptyList,
    /// 200 with code 0 and `data: {}`.
    EmptyObject,
    /// 200 with code 0 and `data: {"task_id": null, "task_status": null}`.
    NullTask,
    /// 500 with code 5000.
    ServerError,
}

impl UnknownTask {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::NotFound,
        Self::Null,
        Self::EmptyList,
        Self::EmptyObject,
        Self::NullTask,
        Self::ServerError,
    ];

    /// `data` of the answer, or the refusal; `what` was asked for.
    pub(super) fn answer(self, what: &str) -> Result<Value, Refusal> {
        match self {
            Self::NotFound => Err(Refusal::absent(format!("task {what} not found"))),
            Self::Null => Ok(Value::Null),
            Self::EmptyList => Ok(json!([])),
            Self::EmptyObject => Ok(json!({})),
            Self::NullTask => Ok(json!({"task_id": null, "task_status": null})),
            Self::ServerError => Err(Refusal::new(5000, usual_message(5000))),
        }
    }
}

impl Sim {
    /// The task that Query Task (Single) finds by the decoded part of the path and the query string.
    pub(super) fn find(
        &self,
        account: AccountNumber,
        id: &str,
        query: &str,
        now_ms: i64,
    ) -> Option<&SimTask> {
        let lookup_styles = self.lookup_styles();
        if lookup_styles.path_with_flag && is_flagged(query) {
            return self.find_by_name(account, id, now_ms);
        }
        let by_name = || self.find_by_name(account, id, now_ms).filter(|_| lookup_styles.in_path);
        self.find_by_id(account, id, now_ms).or_else(by_name)
    }

    /// Whether that asks for the id of a task that exists.
    pub(super) fn is_by_id(&self, account: AccountNumber, id: &str, query: &str) -> bool {
        let by_name = self.lookup_styles().path_with_flag && is_flagged(query);
        let known = self.by_task_id.get(id).map(|index| &self.tasks[*index]);
        !by_name && known.is_some_and(|task| task.account == account)
    }

    /// The name that Query Task (List) is asked for, where this spelling is answered.
    pub(super) fn name_on_list_path(&self, query: &str) -> Option<String> {
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
    pub(super) fn find_by_name(
        &self,
        account: AccountNumber,
        name: &str,
        now_ms: i64,
    ) -> Option<&SimTask> {
        let lag_ms = self.config.lags.by_name_ms;
        let newest_first = self.by_external_id.get(name)?.iter().rev();
        let mut tasks = newest_first.map(|index| &self.tasks[*index]);
        tasks.find(|task| task.account == account && self.is_visible(task, lag_ms, now_ms))
    }

    /// The tasks that the list shows yet, newest first.
    pub(super) fn listed(
        &self,
        account: AccountNumber,
        now_ms: i64,
    ) -> impl Iterator<Item = &SimTask> {
        let lag_ms = self.config.lags.list_ms;
        let visible = self.tasks.partition_point(|task| self.is_visible(task, lag_ms, now_ms));
        self.tasks[..visible].iter().rev().filter(move |task| task.account == account)
    }

    fn is_visible(&self, task: &SimTask, lag_ms: Option<i64>, now_ms: i64) -> bool {
        let lag_ms = lag_ms.unwrap_or(self.config.visibility_lag_ms);
        now_ms - task.accepted_at_ms >= lag_ms
    }
}

fn is_flagged(query: &str) -> bool {
    parameter(query, "external_task_id").is_some_and(|flag| flag == "true")
}

pub(super) fn parameter(query: &str, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}
