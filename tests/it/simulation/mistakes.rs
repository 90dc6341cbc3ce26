//! Deliberate mistakes that need no other source: a wrapper around the API, a setting, or SQL in the state
//! database makes the daemon do the wrong thing. The checker must catch each of them.
//!
//! All others are in `tests/mistakes`, and are made in a copy of the source.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use lipsyncd::{
    kling::{
        Api, ApiError, CreateRequest, Created, ErrorClass, Fetched, Identified, LookupStyle,
        RemoteTask, Reply, ResourcePack, VideoRef,
    },
    pipeline::Settings,
};
use url::Url;

/// A deliberate mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    /// The daemon ignores that a create request was accepted.
    TaskForgotten,
    /// A create request whose answer was lost counts as one that never left.
    LostIsUnsent,
    /// A create request is sent again under another name.
    RenamedOnResend,
    /// A lookup that finds nothing counts at once.
    AbsentAtOnce,
    /// Paid calls are made while the queue is paused.
    PauseIgnored,
    /// Tasks are created after the budget is spent.
    BudgetIgnored,
    /// A job has no waiting reason.
    Silent,
    /// A task is counted twice in the day's spending.
    CountedTwice,
}

impl Mistake {
    pub const ALL: [Self; 8] = [
        Self::TaskForgotten,
        Self::LostIsUnsent,
        Self::RenamedOnResend,
        Self::AbsentAtOnce,
        Self::PauseIgnored,
        Self::BudgetIgnored,
        Self::Silent,
        Self::CountedTwice,
    ];

    /// Changes the daemon's settings. The checker does not know of it.
    pub fn set(self, settings: &mut Settings) {
        match self {
            Self::AbsentAtOnce => settings.policy.create_settle_ms = 0,
            Self::BudgetIgnored => settings.caps.units_micro = None,
            _ => {}
        }
    }

    /// Is executed on the state database when the daemon starts.
    pub const fn sql(self) -> Option<&'static str> {
        Some(match self {
            Self::PauseIgnored => {
                "CREATE TRIGGER IF NOT EXISTS mistake AFTER UPDATE OF pause ON daemon_state
                 WHEN NEW.pause = 'person' BEGIN UPDATE daemon_state SET pause = NULL, pause_reason = NULL; END"
            }
            Self::Silent => {
                "CREATE TRIGGER IF NOT EXISTS mistake AFTER UPDATE OF wait_reason ON task WHEN NEW.wait_reason <> ''
                 BEGIN UPDATE task SET wait_reason = '' WHERE id = NEW.id; END"
            }
            Self::CountedTwice => {
                "CREATE TRIGGER IF NOT EXISTS mistake AFTER UPDATE OF tasks ON spend WHEN NEW.tasks > OLD.tasks
                 BEGIN UPDATE spend SET tasks = 2 * NEW.tasks - OLD.tasks WHERE day = NEW.day; END"
            }
            _ => return None,
        })
    }
}

/// The API as a daemon with a mistake uses it.
pub struct Mistaken<A> {
    pub api: A,
    pub mistake: Option<Mistake>,
    /// The names under which create requests were sent.
    pub sent: Arc<Mutex<BTreeSet<String>>>,
}

impl<A> Mistaken<A> {
    fn makes(&self, mistake: Mistake) -> bool {
        self.mistake == Some(mistake)
    }
}

impl<A: Api> Api for Mistaken<A> {
    async fn identify(&self, video: &VideoRef) -> Reply<Identified> {
        self.api.identify(video).await
    }

    async fn create(&self, request: &CreateRequest) -> Reply<Created> {
        let mut request = request.clone();
        let name = request.external_task_id.clone().unwrap_or_default();
        let is_first = !self.sent.lock().unwrap().contains(&name);
        if self.makes(Mistake::RenamedOnResend) && !is_first {
            request.external_task_id = Some(format!("{name}again"));
        }
        let mut reply = self.api.create(&request).await;
        match &mut reply.result {
            Ok(_) if self.makes(Mistake::TaskForgotten) => {
                reply.result = Err(refusal(ErrorClass::RateLimited, 1302));
            }
            Err(error) if self.makes(Mistake::LostIsUnsent) && error.outcome_is_unknown() => {
                error.never_left = true;
            }
            _ => {}
        }
        reply
    }

    async fn task(&self, id: &str) -> Reply<RemoteTask> {
        self.api.task(id).await
    }

    async fn task_by_name(&self, name: &str, spelling: LookupStyle) -> Reply<RemoteTask> {
        self.api.task_by_name(name, spelling).await
    }

    async fn tasks(&self, page: u32, page_size: u32) -> Reply<Vec<RemoteTask>> {
        self.api.tasks(page, page_size).await
    }

    async fn costs(&self, start_ms: i64, end_ms: i64) -> Reply<Vec<ResourcePack>> {
        self.api.costs(start_ms, end_ms).await
    }

    async fn fetch(
        &self,
        url: &Url,
        from_byte: u64,
        etag: Option<&str>,
        referer: Option<&str>,
    ) -> Reply<Fetched> {
        self.api.fetch(url, from_byte, etag, referer).await
    }
}

fn refusal(class: ErrorClass, code: i64) -> ApiError {
    ApiError {
        class,
        code: Some(code),
        message: "a mistake".to_owned(),
        request_id: None,
        retry_after_ms: None,
        never_left: false,
    }
}
