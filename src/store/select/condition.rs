//! The conditions of a [`Select`] in SQL, each with its values bound, and the access path that a condition offers.

use rusqlite::types::Value;
use serde::Serialize;

use super::criteria::Select;
use crate::{
    job::Verdict,
    store::{Reader, StoreError, sql::Sql as _},
};

/// Jobs are counted up to this number, to choose an access path.
const COUNTED_MAX: i64 = 100_000;

/// An index that leads to the jobs of one value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Index {
    pub(super) from: &'static str,
    /// The column that is equal to a value.
    pub(super) column: &'static str,
    /// The row of the job, by which the jobs of one value are ordered.
    pub(super) id: &'static str,
}

const KEY: Index = Index { from: "job j", column: "j.key", id: "j.id" };
const ROW: Index = Index { from: "job j", column: "j.id", id: "j.id" };
const STATE: Index = Index { from: "job j INDEXED BY job_state", column: "j.state", id: "j.id" };
const MANIFEST: Index =
    Index { from: "job j INDEXED BY job_manifest", column: "j.manifest_id", id: "j.id" };
const LABEL: Index = Index {
    from: "label l INDEXED BY label_value CROSS JOIN job j ON j.id = l.job_id",
    column: "l.name = :label AND l.value",
    id: "l.job_id",
};

const VERDICT: Index = Index {
    from: "job j INDEXED BY job_verdict",
    column: "j.state = 'succeeded' AND coalesce(j.verdict, 'none')",
    id: "j.id",
};

/// An index with the values that are looked up in it.
#[derive(Debug, Clone)]
pub(super) struct AccessPath {
    pub(super) index: Index,
    pub(super) values: Vec<Value>,
    /// The greatest number of jobs that it can lead to.
    pub(super) jobs: i64,
    /// The name of the label.
    pub(super) label: Option<String>,
}

/// `AND …`, and the access path that it offers.
pub(super) struct Condition {
    pub(super) sql: String,
    pub(super) access: Option<AccessPath>,
}

/// Values by the names of their parameters.
pub(super) type Values = Vec<(String, Value)>;

/// Collects the conditions. The `+` keeps SQLite from choosing an index by itself.
pub(super) struct Conditions<'a> {
    reader: &'a Reader,
    pub(super) all: Vec<Condition>,
    pub(super) values: Values,
}

impl<'a> Conditions<'a> {
    pub(super) fn of(reader: &'a Reader, select: &Select) -> Result<Self, StoreError> {
        let mut conditions = Self { reader, all: Vec::new(), values: Vec::new() };
        conditions.keys(select);
        conditions.rows(select);
        conditions.states(select)?;
        conditions.manifests(select)?;
        conditions.labels(select)?;
        conditions.verdicts(select)?;
        conditions.others(select);
        Ok(conditions)
    }

    fn add(&mut self, sql: impl Into<String>, access: Option<AccessPath>) {
        self.all.push(Condition { sql: sql.into(), access });
    }

    fn bind(&mut self, name: &str, value: Value) {
        self.values.push((name.to_owned(), value));
    }

    fn keys(&mut self, select: &Select) {
        if select.keys.is_empty() {
            return;
        }
        let keys = sorted(select.keys.clone());
        self.bind(":keys", json_list(&keys));
        let jobs = i64::try_from(keys.len()).unwrap_or(i64::MAX);
        let values = keys.into_iter().map(Value::Text).collect();
        let access = AccessPath { index: KEY, values, jobs, label: None };
        self.add(" AND +j.key IN (SELECT value FROM json_each(:keys))", Some(access));
    }

    fn rows(&mut self, select: &Select) {
        if select.rows.is_empty() {
            return;
        }
        self.bind(":rows", json_list(&select.rows));
        let jobs = i64::try_from(select.rows.len()).unwrap_or(i64::MAX);
        let values = select.rows.iter().copied().map(Value::Integer).collect();
        let access = AccessPath { index: ROW, values, jobs, label: None };
        self.add(" AND +j.id IN (SELECT value FROM json_each(:rows))", Some(access));
    }

    fn states(&mut self, select: &Select) -> Result<(), StoreError> {
        let Some(states) = select.possible_states() else { return Ok(()) };
        let names: Vec<&str> = states.iter().map(|state| state.name()).collect();
        let list = json_list(&names);
        let count = "
            SELECT coalesce(sum(jobs), 0) FROM state
            WHERE name IN (SELECT value FROM json_each(?1))";
        let jobs = self.reader.connection.value(count, [&list])?;
        self.bind(":states", list);
        let values = names.into_iter().map(|name| Value::Text(name.to_owned())).collect();
        let access = AccessPath { index: STATE, values, jobs, label: None };
        self.add(" AND +j.state IN (SELECT value FROM json_each(:states))", Some(access));
        Ok(())
    }

    fn manifests(&mut self, select: &Select) -> Result<(), StoreError> {
        if select.manifests.is_empty() {
            return Ok(());
        }
        let (mut ids, mut jobs): (Vec<i64>, i64) = (Vec::new(), 0);
        let connection = &self.reader.connection;
        let mut statement =
            connection.prepare_cached("SELECT id, path, jobs FROM manifest ORDER BY id")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let path = row.get_ref(1)?.as_str().unwrap_or_default();
            if select.manifests.iter().any(|glob| glob.matches(path)) {
                ids.push(row.get(0)?);
                jobs += row.get::<_, i64>(2)?;
            }
        }
        self.bind(":manifests", json_list(&ids));
        let values = ids.into_iter().map(Value::Integer).collect();
        let access = AccessPath { index: MANIFEST, values, jobs, label: None };
        self.add(" AND +j.manifest_id IN (SELECT value FROM json_each(:manifests))", Some(access));
        Ok(())
    }

    fn labels(&mut self, select: &Select) -> Result<(), StoreError> {
        let names = sorted(select.labels.iter().map(|(name, _)| name.clone()).collect());
        for (at, name) in names.into_iter().enumerate() {
            let of_name = select.labels.iter().filter(|(other, _)| *other == name);
            let values = sorted(of_name.map(|(_, value)| value.clone()).collect());
            let list = json_list(&values);
            let count = "
                SELECT count(*) FROM (SELECT 1 FROM label INDEXED BY label_value
                  WHERE name = ?1 AND value IN (SELECT value FROM json_each(?2)) LIMIT ?3)";
            let jobs = self.reader.connection.value(count, (&name, &list, COUNTED_MAX))?;
            self.bind(&format!(":name{at}"), Value::Text(name.clone()));
            self.bind(&format!(":values{at}"), list);
            let values = values.into_iter().map(Value::Text).collect();
            let access = AccessPath { index: LABEL, values, jobs, label: Some(name) };
            let sql = format!(
                " AND EXISTS (SELECT 1 FROM label WHERE job_id = j.id AND name = :name{at}
                    AND value IN (SELECT value FROM json_each(:values{at})))"
            );
            self.add(sql, Some(access));
        }
        Ok(())
    }

    fn verdicts(&mut self, select: &Select) -> Result<(), StoreError> {
        if select.verdicts.is_empty() {
            return Ok(());
        }
        let names = select.verdicts.iter().map(|verdict| verdict.map_or("none", Verdict::name));
        let values = sorted(names.map(str::to_owned).collect());
        let list = json_list(&values);
        let count = "
            SELECT count(*) FROM (SELECT 1 FROM job j INDEXED BY job_verdict
              WHERE j.state = 'succeeded' AND coalesce(j.verdict, 'none') IN (SELECT value FROM json_each(?1)) LIMIT ?2)";
        let jobs = self.reader.connection.value(count, (&list, COUNTED_MAX))?;
        self.bind(":verdicts", list);
        let values = values.into_iter().map(Value::Text).collect();
        let access = AccessPath { index: VERDICT, values, jobs, label: None };
        let sql = "
            AND +j.state = 'succeeded' AND coalesce(+j.verdict, 'none') IN (SELECT value FROM json_each(:verdicts))";
        self.add(sql, Some(access));
        Ok(())
    }

    /// The conditions without an access path. A failed task has the error of its jobs.
    fn others(&mut self, select: &Select) {
        if !select.codes.is_empty() {
            self.bind(":codes", json_list(&select.codes));
            let sql = "
                AND coalesce(j.error_code, (SELECT error_code FROM task WHERE id = j.task_row))
                  IN (SELECT value FROM json_each(:codes))";
            self.add(sql, None);
        }
        if let Some(reason) = &select.reason {
            self.bind(":reason", Value::Text(reason.clone()));
            let sql = "
                AND coalesce(j.error_reason, (SELECT error_reason FROM task WHERE id = j.task_row),
                  j.error, (SELECT error FROM task WHERE id = j.task_row)) = :reason";
            self.add(sql, None);
        }
        if let Some(since_ms) = select.since_ms {
            self.bind(":since", Value::Integer(since_ms));
            self.add(" AND +j.state_since_ms >= :since", None);
        }
        if let Some(changed) = select.changed {
            self.bind(":changed", Value::Integer(i64::from(changed)));
            self.add(" AND +j.changed_after_sent = :changed", None);
        }
        if let Some(dismissed) = select.dismissed {
            self.bind(":dismissed", Value::Integer(i64::from(dismissed)));
            self.add(" AND +j.dismissed = :dismissed", None);
        }
    }
}

/// Many values as one parameter, which `json_each` reads.
pub(in crate::store) fn json_list(values: &[impl Serialize]) -> Value {
    // Texts and numbers always have a JSON form.
    Value::Text(serde_json::to_string(values).unwrap_or_default())
}

fn sorted(mut values: Vec<String>) -> Vec<String> {
    values.sort_unstable();
    values.dedup();
    values
}
