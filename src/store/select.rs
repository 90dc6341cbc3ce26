//! SELECT of the commands and of the web page: which jobs are meant. One typed [`Select`] becomes SQL with bound
//! parameters. Jobs are read in pages, so that memory, the WAL and the time of a page do not grow with their number.
//!
//! A page follows the index that leads to the fewest jobs, as far as the counters show, or the index of its order. The
//! other conditions are checked for each job on the way.

mod condition;
mod query;

use std::fmt;

use glob::{MatchOptions, Pattern};
use rusqlite::types::Value;

use super::{Reader, StoreError, sql::Sql as _};
use crate::job::{JobId, State, Verdict, names};

use condition::Conditions;
pub(super) use condition::json_list;
pub use query::SelectedJobs;

/// Which jobs are meant. All conditions must hold; of several values of one condition, one is enough.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Select {
    /// Keys of jobs. Keys of no job select nothing, see [`Reader::unknown_keys`].
    pub keys: Vec<String>,
    /// Patterns of the paths of their manifests.
    pub manifests: Vec<ManifestGlob>,
    /// Name and value. Of several values of one name, one is enough.
    pub labels: Vec<(String, String)>,
    /// Their states.
    pub states: Vec<State>,
    /// Error codes of failed and cancelled jobs.
    pub codes: Vec<String>,
    /// The reason of failed and cancelled jobs, as `failure_overview` shows it.
    pub reason: Option<String>,
    /// The state did not change before this time (Unix ms).
    pub since_ms: Option<i64>,
    /// Succeeded jobs with this verdict on their result; none: without a verdict.
    pub verdicts: Vec<Option<Verdict>>,
    /// Whether a person dismissed the failed job.
    pub dismissed: Option<bool>,
}

impl Select {
    /// Selects every job.
    pub fn all() -> Self {
        Self::default()
    }

    /// Selects the jobs in one state.
    pub fn in_state(state: State) -> Self {
        Self { states: vec![state], ..Self::default() }
    }

    /// Whether jobs are selected by nothing but their keys.
    pub fn is_by_key(&self) -> bool {
        let keys = self.keys.clone();
        !keys.is_empty() && *self == Self { keys, ..Self::default() }
    }

    /// Returns the states that can match; none: all can. Only jobs in an error state have a code and a reason.
    fn possible_states(&self) -> Option<Vec<State>> {
        let with_errors = [State::Failed, State::Cancelled];
        let needs_error = !self.codes.is_empty() || self.reason.is_some();
        let mut states = match (self.states.is_empty(), needs_error) {
            (true, false) => return None,
            (true, true) => with_errors.to_vec(),
            (false, _) => self.states.clone(),
        };
        states.retain(|state| !needs_error || with_errors.contains(state));
        states.sort_unstable();
        states.dedup();
        Some(states)
    }
}

/// A pattern of manifest paths under `jobs_dir`: `*` and `?` match within a folder, `**` also across folders. A path
/// that exists always matches itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestGlob {
    text: String,
    /// None: the text is no pattern.
    pattern: Option<Pattern>,
}

impl ManifestGlob {
    /// Creates a pattern from what a person wrote.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let pattern = Pattern::new(text.strip_prefix("./").unwrap_or(&text)).ok();
        Self { text, pattern }
    }

    fn matches(&self, path: &str) -> bool {
        const OPTIONS: MatchOptions = MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            require_literal_leading_dot: false,
        };
        let fits = |pattern: &Pattern| pattern.matches_with(path, OPTIONS);
        self.text == path || self.pattern.as_ref().is_some_and(fits)
    }
}

impl fmt::Display for ManifestGlob {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// The order of selected jobs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SortBy {
    /// In which they were first read.
    #[default]
    Read,
    /// The newest state first.
    Since,
    /// Their key.
    Key,
    /// The states in which a job passes through them. A page reads all selected jobs, as for the next two.
    State,
    /// The most expensive job first.
    Units,
    /// The highest priority first.
    Priority,
}

names!(SortBy {
    Read: "read",
    Since: "since",
    Key: "key",
    State: "state",
    Units: "units",
    Priority: "priority",
});

/// The last job of a page, after which the next page begins.
#[derive(Debug, Clone, PartialEq)]
pub struct PageEnd {
    /// The job's value in the order of the page; `id` is its value for [`SortBy::Read`].
    value: Value,
    id: JobId,
}

impl PageEnd {
    /// Returns the end as text for an address: `ID`, or `ID-VALUE`. [`PageEnd::parse`] reads it back.
    pub fn as_text(&self) -> String {
        match &self.value {
            Value::Integer(value) => format!("{}-{value}", self.id),
            Value::Text(value) => format!("{}-{value}", self.id),
            _ => self.id.to_string(),
        }
    }

    /// Reads the text of an end of a page in this order; none: it is none.
    pub fn parse(text: &str, sort: SortBy) -> Option<Self> {
        let (id, value) = match text.split_once('-') {
            Some((id, value)) if sort == SortBy::Key => (id, Value::Text(value.to_owned())),
            Some((id, value)) => (id, Value::Integer(value.parse().ok()?)),
            None => (text, Value::Null),
        };
        let id = id.parse().ok()?;
        let value = if sort == SortBy::Read { Value::Integer(id) } else { value };
        (value != Value::Null).then_some(Self { value, id })
    }
}

/// The rows of some of the selected jobs, and where the next page begins.
#[derive(Debug, Clone, PartialEq)]
pub struct SelectedPage {
    /// In the order of the page.
    pub ids: Vec<JobId>,
    /// None: there are no more.
    pub end: Option<PageEnd>,
}

impl Reader {
    /// Finds the way to the jobs that `select` selects.
    pub fn select(&self, select: &Select) -> Result<SelectedJobs, StoreError> {
        let all = self.connection.value("SELECT coalesce(sum(jobs), 0) FROM state", ())?;
        let conditions = Conditions::of(self, select)?;
        Ok(SelectedJobs::new(conditions.all, conditions.values, all))
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
        let way = jobs.way.as_ref();
        let values: Vec<serde_json::Value> =
            way.map(|way| way.values.iter().map(as_json).collect()).unwrap_or_default();
        let (value, id) = after.map_or((Value::Null, 0), |end| (end.value.clone(), end.id));
        let label = way.and_then(|way| way.label.clone());
        let mut bind = |name: &str, value: &Value| -> rusqlite::Result<()> {
            match statement.parameter_index(name)? {
                Some(at) => statement.raw_bind_parameter(at, value),
                None => Ok(()),
            }
        };
        bind(":limit", &Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX)))?;
        bind(":value", &value)?;
        bind(":after", &Value::Integer(id))?;
        bind(":values", &json_list(&values))?;
        bind(":label", &label.map_or(Value::Null, Value::Text))?;
        jobs.values.iter().try_for_each(|(name, value)| bind(name, value))?;
        jobs.single_values().try_for_each(|(name, value)| bind(&name, value))?;
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

    /// Calls `visit` with the rows of all selected jobs, page by page, in the order in which they were first read.
    pub fn each_selected<E: From<StoreError>>(
        &self,
        jobs: &SelectedJobs,
        page: usize,
        mut visit: impl FnMut(&[JobId]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut after = None;
        loop {
            let found = self.selected(jobs, SortBy::Read, after.as_ref(), page)?;
            visit(&found.ids)?;
            after = found.end;
            if after.is_none() {
                return Ok(());
            }
        }
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
