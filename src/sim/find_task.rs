//! Which task a query finds.

use url::form_urlencoded;

use super::{account::AccountNumber, lookup_settings::LookupStyles, rules::Sim, task::SimTask};

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

    /// Whether the query is for the id of a task that exists.
    pub(super) fn is_by_id(&self, account: AccountNumber, id: &str, query: &str) -> bool {
        let by_name = self.lookup_styles().path_with_flag && is_flagged(query);
        let known = self.by_task_id.get(id).map(|index| &self.tasks[*index]);
        !by_name && known.is_some_and(|task| task.account == account)
    }

    /// The name that a Query Task (List) is for, where this style is supported.
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
