//! The history of a job: its events, and the API's answers in them.

use rusqlite::{Connection, named_params};

use super::{StoreError, history_text, sql::Sql as _};
use crate::job::{Cost, Job, JobId, State, names};

/// A call of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ApiCall {
    Identify,
    Create,
    Query,
    List,
}

names!(ApiCall { Identify: "identify", Create: "create", Query: "query", List: "list" });

impl ApiCall {
    /// Returns its number in the table `event`. The view `job_history` shows the name.
    pub(super) const fn number(self) -> i64 {
        self as i64 + 1
    }
}

pub(super) const fn number(state: State) -> i64 {
    state as i64 + 1
}

/// The part of an API answer that is stored in a job's history.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct HistoryAnswer {
    pub call: ApiCall,
    /// None: there was no answer.
    pub http_status: Option<u16>,
    pub code: Option<i64>,
    /// The API's id of the request, which Kling's support asks for.
    pub request_id: Option<String>,
    /// What the call or task was charged; none: the answer does not report it.
    pub cost: Option<Cost>,
}

const INSERT_EVENT: &str = "
    INSERT INTO event (job_id, at_ms, from_state, to_state, text_row, what, call, http_status, code,
      request_id, units_micro, money_micro)
    VALUES (:job_id, :at_ms, :from, :to, :text_row, nullif(:what, ''), :call, :http_status, :code,
      :request_id, :units_micro, nullif(:money_micro, 0))";

/// Adds a change that needed no call of the API to the history of a job, inside the caller's transaction.
pub(super) fn record_change(
    connection: &Connection,
    job: &Job,
    from: Option<State>,
    what: &str,
    at_ms: i64,
) -> Result<(), StoreError> {
    HistoryEvent { job: job.id, from, to: job.state, what, answer: None, at_ms }.write(connection)
}

pub(super) struct HistoryEvent<'a> {
    pub(super) job: JobId,
    pub(super) from: Option<State>,
    pub(super) to: State,
    pub(super) what: &'a str,
    pub(super) answer: Option<&'a HistoryAnswer>,
    pub(super) at_ms: i64,
}

impl HistoryEvent<'_> {
    pub(super) fn write(&self, connection: &Connection) -> Result<(), StoreError> {
        let (text_row, what) = history_text::split(connection, self.what)?;
        let answer = self.answer;
        let cost = answer.and_then(|answer| answer.cost);
        let inserted = connection.changed_in_order(
            INSERT_EVENT,
            named_params! {
                ":job_id": self.job, ":at_ms": self.at_ms, ":from": self.from.map(number),
                ":to": number(self.to), ":text_row": text_row, ":what": what,
                ":call": answer.map(|answer| answer.call.number()),
                ":http_status": answer.and_then(|answer| answer.http_status),
                ":code": answer.and_then(|answer| answer.code),
                ":request_id": answer.and_then(|answer| answer.request_id.as_deref()),
                ":units_micro": cost.map(|cost| cost.units_micro),
                ":money_micro": cost.map(|cost| cost.money_micro),
            },
        );
        inserted.map(drop)
    }
}
