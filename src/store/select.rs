//! SELECT of the commands and of the web page: which jobs are meant. One typed [`Select`] becomes SQL with bound
//! parameters. Jobs are read in pages, so that memory, the WAL and the time of a page do not grow with their number.
//!
//! A page follows the index that leads to the fewest jobs, as far as the counters show, or the index of its order. The
//! other conditions are checked for each job that it leads to.

mod condition;
mod criteria;
mod order;
mod pages;
mod query;

use rusqlite::{ToSql, named_params, types::Value};

use super::{
    Reader, StoreError,
    sql::{Sql as _, bind_known},
};
use crate::job::JobId;

use condition::Conditions;
pub(super) use condition::json_list;
pub use criteria::{ManifestGlob, Select};
pub use order::{PageEnd, SelectedPage, SortBy};
pub use pages::SelectedPages;
pub use query::SelectedJobs;

impl Reader {
    /// Finds the access path to the jobs that `select` selects.
    pub fn select(&self, select: &Select) -> Result<SelectedJobs, StoreError> {
        let all = self.connection.value("SELECT coalesce(sum(jobs), 0) FROM state", ())?;
        let conditions = Conditions::of(self, select)?;
        let mut jobs = SelectedJobs::new(conditions.all, conditions.values, all);
        jobs.keys.clone_from(&select.keys);
        Ok(jobs)
    }

    /// Returns the first `limit` of the jobs after `after`, in this order. A page of [`SortBy::State`],
    /// [`SortBy::Units`] and [`SortBy::Priority`] reads all selected jobs.
    pub fn selected(
        &self,
        jobs: &SelectedJobs,
        sort: SortBy,
        after: Option<&PageEnd>,
        limit: usize,
    ) -> Result<SelectedPage, StoreError> {
        let mut statement = self.connection.prepare_cached(&jobs.sql(sort, after.is_some()))?;
        let access = jobs.access.as_ref();
        let values: Vec<serde_json::Value> =
            access.map(|access| access.values.iter().map(as_json).collect()).unwrap_or_default();
        let (value, id) = after.map_or((Value::Null, 0), |end| (end.value.clone(), end.id));
        let label = access.and_then(|access| access.label.clone());
        let limit_rows = i64::try_from(limit).unwrap_or(i64::MAX);
        let own = named_params! {
            ":limit": limit_rows, ":value": value, ":after": id, ":values": json_list(&values), ":label": label,
        };
        let single: Vec<(String, &Value)> = jobs.single_values().collect();
        let single: Vec<(&str, &dyn ToSql)> =
            single.iter().map(|(name, value)| (name.as_str(), value as &dyn ToSql)).collect();
        for bound in [own, &jobs.bound(), &single] {
            bind_known(&mut statement, bound)?;
        }
        let (mut ids, mut end) = (Vec::new(), None);
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            let id: JobId = row.get(1)?;
            ids.push(id);
            end = Some(PageEnd { value: row.get(0)?, id });
        }
        let is_full = ids.len() == limit;
        Ok(SelectedPage { ids, end: end.filter(|_| is_full) })
    }

    /// Calls `visit` with the rows of all selected jobs, page by page, see [`SelectedJobs::pages`].
    pub fn each_selected<E: From<StoreError>>(
        &self,
        jobs: &SelectedJobs,
        limit: usize,
        mut visit: impl FnMut(&[JobId]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut pages = jobs.pages(limit);
        while let Some(ids) = pages.next(self)? {
            visit(&ids)?;
        }
        Ok(())
    }

    /// Returns the number of selected jobs, or `most`, if there are more.
    pub fn count_selected(&self, jobs: &SelectedJobs, most: usize) -> Result<usize, StoreError> {
        let (mut pages, mut count) = (jobs.pages(most.min(10_000)), 0);
        while count < most
            && let Some(ids) = pages.next(self)?
        {
            count += ids.len();
        }
        Ok(count.min(most))
    }

    /// Returns the keys of these rows, in this order. A job that was deleted is left out.
    pub fn keys_of(&self, ids: &[JobId]) -> Result<Vec<String>, StoreError> {
        let sql = "
            SELECT j.key FROM json_each(?1) asked CROSS JOIN job j ON j.id = asked.value";
        self.connection.all(sql, [json_list(ids)], |row| row.get(0))
    }

    /// Returns the keys of `select` that no job has.
    pub fn unknown_keys(&self, select: &Select) -> Result<Vec<String>, StoreError> {
        let mut unknown = Vec::new();
        for key in &select.keys {
            if !self.connection.exists("SELECT 1 FROM job WHERE key = ?1", [key])? {
                unknown.push(key.clone());
            }
        }
        Ok(unknown)
    }

    /// Returns the patterns of `select` that match no manifest that was ever read.
    pub fn unknown_manifests<'a>(
        &self,
        select: &'a Select,
    ) -> Result<Vec<&'a ManifestGlob>, StoreError> {
        let mut unknown: Vec<&ManifestGlob> = select.manifests.iter().collect();
        if !unknown.is_empty() {
            self.manifest_paths(|path| unknown.retain(|glob| !glob.matches(path)))?;
        }
        Ok(unknown)
    }
}

fn as_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Integer(number) => (*number).into(),
        Value::Text(text) => text.as_str().into(),
        _ => serde_json::Value::Null,
    }
}
