//! The query of one page of selected jobs.

use rusqlite::ToSql;

use super::{
    condition::{AccessPath, Condition, Values},
    order::SortBy,
};

/// So many jobs are read and sorted for one page; with more, the index of the order is followed instead.
const SORTED_MAX: i64 = 10_000;
/// So many values of one condition have a query each, whose results are merged.
const MERGED_MAX: usize = 50;

/// The jobs that a [`Select`](crate::store::Select) selects, and the access path to them. Its pages may be read at different times.
#[derive(Debug, Clone)]
pub struct SelectedJobs {
    /// None: through all jobs.
    pub(super) access: Option<AccessPath>,
    /// The conditions that the access path does not ensure.
    others: String,
    conditions: String,
    pub(super) values: Values,
    /// The greatest number of jobs that can be selected.
    pub at_most: i64,
    /// The keys that were named, in this order.
    pub(super) keys: Vec<String>,
}

/// The indexes in the order of their values, for sorted pages.
const ORDERS: [(SortBy, &str); 2] = [
    (SortBy::Since, "job j INDEXED BY job_since"),
    (SortBy::Key, "job j INDEXED BY sqlite_autoindex_job_1"),
];

impl SortBy {
    /// Returns the value by which jobs are ordered, and whether the greatest comes first.
    fn value(self) -> (&'static str, bool) {
        match self {
            Self::Read => ("j.id", false),
            Self::Since => ("j.state_since_ms", true),
            Self::Key => ("j.key", false),
            Self::State => ("(SELECT number FROM state WHERE name = j.state)", false),
            Self::Units => {
                ("(SELECT coalesce(sum(units_micro), 0) FROM task WHERE lead_job = j.id)", true)
            }
            Self::Priority => ("j.priority", true),
        }
    }

    fn index(self) -> Option<&'static str> {
        ORDERS.iter().find(|(order, _)| *order == self).map(|(_, from)| *from)
    }
}

impl SelectedJobs {
    /// Chooses the access path to the fewest jobs; `all` is the number of all jobs.
    pub(super) fn new(conditions: Vec<Condition>, values: Values, all: i64) -> Self {
        let jobs = |at: &usize| conditions[*at].access.as_ref().map(|access| access.jobs);
        let best = (0..conditions.len()).filter(|at| jobs(at).is_some()).min_by_key(jobs);
        let joined = |but: Option<usize>| -> String {
            let kept = conditions.iter().enumerate().filter(|(at, _)| Some(*at) != but);
            kept.map(|(_, condition)| condition.sql.as_str()).collect()
        };
        let (others, complete) = (joined(best), joined(None));
        let access = best.and_then(|at| conditions[at].access.clone());
        let at_most = access.as_ref().map_or(all, |access| access.jobs);
        Self { access, others, conditions: complete, values, at_most, keys: Vec::new() }
    }

    /// Returns the query of a page: value in the order, and row, of each job. `is_after` is false for the first page.
    pub(in crate::store) fn sql(&self, sort: SortBy, is_after: bool) -> String {
        let (value, is_descending) = sort.value();
        let page = Page { sort: value, is_descending, is_after };
        let Some(AccessPath { index, values, .. }) = &self.access else {
            return page.of(sort.index().unwrap_or("job j"), "j.id", &self.conditions);
        };
        let is_few = self.at_most <= SORTED_MAX;
        let one = |at: usize| {
            let condition = format!(" AND {} = :one{at}{}", index.column, self.others);
            page.of(index.from, index.id, &condition)
        };
        let any_of_them = || {
            let values = "(SELECT value FROM json_each(:values))";
            page.of(
                index.from,
                "j.id",
                &format!(" AND {} IN {values}{}", index.column, self.others),
            )
        };
        match values.len() {
            1 if sort == SortBy::Read => one(0),
            count if sort == SortBy::Read && !is_few && count <= MERGED_MAX => {
                let each: Vec<String> =
                    (0..count).map(|at| format!("SELECT * FROM ({})", one(at))).collect();
                format!("{} ORDER BY 2 LIMIT :limit", each.join(" UNION ALL "))
            }
            _ if is_few || sort != SortBy::Read && sort.index().is_none() => any_of_them(),
            _ => page.of(sort.index().unwrap_or("job j"), "j.id", &self.conditions),
        }
    }

    /// Returns the conditions on a job `j`, each beginning with `AND`, and their values.
    pub(in crate::store) fn conditions(&self) -> &str {
        &self.conditions
    }

    pub(in crate::store) fn bound(&self) -> Vec<(&str, &dyn ToSql)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value as &dyn ToSql)).collect()
    }

    /// Returns the values of the access path that have a parameter each.
    pub(super) fn single_values(&self) -> impl Iterator<Item = (String, &rusqlite::types::Value)> {
        let values = self.access.iter().flat_map(|access| access.values.iter().take(MERGED_MAX));
        values.enumerate().map(|(at, value)| (format!(":one{at}"), value))
    }
}

/// How the jobs of a page are ordered.
#[derive(Clone, Copy)]
struct Page<'a> {
    sort: &'a str,
    is_descending: bool,
    is_after: bool,
}

impl Page<'_> {
    fn of(self, from: &str, id: &str, condition: &str) -> String {
        let Self { sort, is_descending, is_after } = self;
        if sort == "j.id" {
            let after = if is_after { format!(" AND {id} > :after") } else { String::new() };
            return format!(
                "SELECT {id}, {id} FROM {from} WHERE true{condition}{after} ORDER BY {id} LIMIT :limit"
            );
        }
        let (direction, sign) = if is_descending { ("DESC", '<') } else { ("ASC", '>') };
        let after = match is_after {
            true => format!(" AND ({sort}, j.id) {sign} (:value, :after)"),
            false => String::new(),
        };
        format!(
            "SELECT {sort}, j.id FROM {from} WHERE true{condition}{after}
             ORDER BY {sort} {direction}, j.id {direction} LIMIT :limit"
        )
    }
}
