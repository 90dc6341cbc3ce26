//! One accepted task: its status at a time, and its JSON.
//!
//! Everything about a task is decided when it is accepted; its status depends on the clock only.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{
    account::AccountNumber, billing::Payment, session::SimVideo, units::seconds, url_target,
};

/// The status of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are the API's")]
pub enum SimTaskStatus {
    Submitted,
    Processing,
    Succeed,
    Failed,
}

impl SimTaskStatus {
    /// Whether it is final.
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Succeed | Self::Failed)
    }
}

#[derive(Debug)]
pub(super) struct SimTask {
    pub(super) id: String,
    pub(super) account: AccountNumber,
    pub(super) external_task_id: Option<String>,
    pub(super) session_id: String,
    pub(super) video: Arc<SimVideo>,
    pub(super) result_id: String,
    pub(super) watermark: Option<bool>,
    pub(super) callback_url: Option<String>,
    pub(super) accepted_at_ms: i64,
    pub(super) processing_at_ms: i64,
    pub(super) ends_at_ms: i64,
    pub(super) units: super::units::SimUnits,
    pub(super) payment: Payment,
    pub(super) body_digest: String,
    pub(super) content_digest: String,
}

impl SimTask {
    pub(super) fn status(&self, now_ms: i64) -> SimTaskStatus {
        if now_ms < self.processing_at_ms {
            SimTaskStatus::Submitted
        } else if now_ms < self.ends_at_ms {
            SimTaskStatus::Processing
        } else if self.video.fail.is_some() {
            SimTaskStatus::Failed
        } else {
            SimTaskStatus::Succeed
        }
    }

    fn updated_at_ms(&self, now_ms: i64) -> i64 {
        match self.status(now_ms) {
            SimTaskStatus::Submitted => self.accepted_at_ms,
            SimTaskStatus::Processing => self.processing_at_ms,
            SimTaskStatus::Succeed | SimTaskStatus::Failed => self.ends_at_ms,
        }
    }

    pub(super) fn is_watermarked(&self) -> bool {
        self.watermark == Some(true)
    }

    /// `data` of the answer to Create Task.
    pub(super) fn created(&self) -> Value {
        let external = self.external_task_id.as_deref().unwrap_or_default();
        json!({
            "task_id": self.id,
            "task_info": {"external_task_id": external},
            "task_status": SimTaskStatus::Submitted,
            "created_at": self.accepted_at_ms,
            "updated_at": self.accepted_at_ms,
        })
    }

    /// A task as queries and callbacks show it; `shows_name`: with the `external_task_id` too.
    pub(super) fn queried(&self, now_ms: i64, base_url: &str, shows_name: bool) -> Value {
        let status = self.status(now_ms);
        let failure = self.video.fail.as_deref().filter(|_| status == SimTaskStatus::Failed);
        let mut data = Map::new();
        data.insert("task_id".into(), json!(self.id));
        data.insert("task_status".into(), json!(status));
        data.insert("task_status_msg".into(), json!(failure.unwrap_or_default()));
        let mut info = json!({"parent_video": self.parent_video()});
        if shows_name {
            info["external_task_id"] = json!(self.external_task_id.as_deref().unwrap_or_default());
        }
        data.insert("task_info".into(), info);
        if status == SimTaskStatus::Succeed {
            data.insert("task_result".into(), json!({"videos": [self.result(base_url)]}));
        }
        data.insert("watermark_info".into(), json!({"enabled": self.is_watermarked()}));
        if status.is_ended() {
            self.payment.report(self.units, &mut data);
        }
        data.insert("created_at".into(), json!(self.accepted_at_ms));
        data.insert("updated_at".into(), json!(self.updated_at_ms(now_ms)));
        Value::Object(data)
    }

    fn parent_video(&self) -> Value {
        let SimVideo { id, url, length_ms, .. } = &*self.video;
        json!({"id": id, "url": url, "duration": seconds(*length_ms)})
    }

    fn result(&self, base_url: &str) -> Value {
        let mut result = json!({
            "id": self.result_id,
            "url": url_target::result_url(base_url, &self.result_id, false),
            "duration": seconds(self.video.length_ms),
        });
        if self.is_watermarked() {
            let url = url_target::result_url(base_url, &self.result_id, true);
            result["watermark_url"] = json!(url);
        }
        result
    }
}

/// A change of a task with a `callback_url`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DueCallback {
    pub(super) at_ms: i64,
    pub(super) index: usize,
}

impl DueCallback {
    /// The two changes of a task: to `processing`, and to its end.
    pub(super) fn of(task: &SimTask, index: usize) -> [Self; 2] {
        [task.processing_at_ms, task.ends_at_ms].map(|at_ms| Self { at_ms, index })
    }
}
