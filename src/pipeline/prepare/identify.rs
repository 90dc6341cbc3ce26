//! Identify Face: gets a session for a task's video, which other tasks of the video can use.

use std::{ops::ControlFlow, sync::Arc};

use tokio::time::Instant;

use super::{
    Obstacle, check_output, check_video, video_key,
    video_link::{after_refusal, check_address, linked_video},
};
use crate::{
    job::{Cost, FaceSpan, Outcome, Session, Task, outcome::PermanentError},
    kling::{Api, ApiError, ErrorClass, Identified},
    pipeline::{
        AccountSignal, CallKind, PaidCallPermit, StepContext, StepEnd, history_answer, outcome_of,
    },
    store::{ApiCall, DetachReason, NewSession, SessionFaces, StoreError},
};

/// A task fails after so many answers that cannot be read: each may have been charged.
const UNREADABLE_MAX: u32 = 5;

pub(crate) enum Identify {
    Ended(StepEnd),
    /// Nothing was called, because the output of the task is not free.
    Obstacle(Arc<Task>, Obstacle),
}

/// Gets a session: a known one, or a new one by a call, which costs a little.
pub(crate) async fn identify<A: Api>(
    context: &StepContext<A>,
    task: Arc<Task>,
    permit: &PaidCallPermit,
) -> Result<Identify, StoreError> {
    Ok(match check_task(context, task).await? {
        ControlFlow::Break(end) => end,
        ControlFlow::Continue(task) => Identify::Ended(call(context, task, permit).await?),
    })
}

/// Checks a task before its video is uploaded or identified. It continues without these if its video has a session.
pub(crate) async fn check_task<A: Api>(
    context: &StepContext<A>,
    task: Arc<Task>,
) -> Result<ControlFlow<Identify, Arc<Task>>, StoreError> {
    let checked = match check_video(&context.settings, &task).await {
        Ok(()) => check_address(context, &task),
        changed => changed,
    };
    if let Err(changed) = checked {
        let task = context.detach_lead(&task, DetachReason::MediaChanged(changed)).await?;
        return Ok(ControlFlow::Break(Identify::Ended(StepEnd::new(task, None))));
    }
    if let Some(obstacle) = check_output(context, &task).await? {
        return Ok(ControlFlow::Break(Identify::Obstacle(task, obstacle)));
    }
    let (account, video) = (context.settings.account.to_string(), video_key(&task));
    let now_ms = context.clock.now_ms();
    let known =
        context.store.fresh_session(&account, &video, now_ms, task.sessions_after_ms).await?;
    Ok(match known {
        Some(SessionFaces { session, faces }) => {
            let shared = Outcome::Identified { session, faces, cost: None };
            let end = StepEnd::new(context.record(&task, shared, None).await?, None);
            ControlFlow::Break(Identify::Ended(end))
        }
        None => ControlFlow::Continue(task),
    })
}

async fn call<A: Api>(
    context: &StepContext<A>,
    task: Arc<Task>,
    permit: &PaidCallPermit,
) -> Result<StepEnd, StoreError> {
    context.rate.ready(CallKind::Identify).await;
    if !permit.allows_call() {
        return Ok(StepEnd::new(task, None));
    }
    // The permit follows the database a moment later: `lipsyncd pause` may have returned in between.
    if context.store.is_paused_for(permit.is_probe()).await? {
        return Ok(StepEnd::new(task, Some(AccountSignal::QueuePaused)));
    }
    let signed_at = Instant::now();
    let reply = context.api.identify(&linked_video(context, &task)).await;
    match reply.result {
        Ok(identified) => {
            let cost = Cost::reported(identified.units_micro, identified.money_micro);
            let answer = history_answer(ApiCall::Identify, &reply.answer, cost);
            let new = new_session(context, &task, identified);
            let task = context.record_identified(&task, new, answer, cost).await?;
            Ok(StepEnd::new(task, Some(AccountSignal::Identified)))
        }
        Err(error) => {
            let is_paid = reply.answer.code == Some(0) && error.class == ErrorClass::Transport;
            let outcome = match is_paid && task.tries + 1 >= UNREADABLE_MAX {
                true => Outcome::Refused(unreadable(&error)),
                false => match outcome_of(&error) {
                    Outcome::Refused(refused) => {
                        after_refusal(context, &task, refused, signed_at).await?
                    }
                    outcome => outcome,
                },
            };
            let answer = history_answer(ApiCall::Identify, &reply.answer, None);
            let task = context.record(&task, outcome, answer).await?;
            Ok(StepEnd::new(task, AccountSignal::of(&error)))
        }
    }
}

fn unreadable(error: &ApiError) -> PermanentError {
    PermanentError { code: "identify_unreadable".to_owned(), message: error.message.clone() }
}

fn new_session<A: Api>(
    context: &StepContext<A>,
    task: &Task,
    identified: Identified,
) -> NewSession {
    let now_ms = context.clock.now_ms();
    let faces = identified.faces.into_iter().map(|face| FaceSpan {
        face_id: face.face_id,
        start_ms: face.start_ms,
        end_ms: face.end_ms,
    });
    let session = Session {
        row: 0,
        session_id: identified.session_id,
        identified_at_ms: now_ms,
        expires_at_ms: now_ms.saturating_add(context.settings.session_ttl_ms),
    };
    NewSession {
        account: context.settings.account.to_string(),
        video: video_key(task),
        known: SessionFaces { session, faces: faces.collect() },
    }
}

#[cfg(test)]
mod tests {
    use std::{
        path::Path,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use url::Url;

    use super::*;
    use crate::{
        job::{Account, Policy},
        kling::{
            CreateRequest, Created, Fetched, LookupStyle, RemoteTask, Reply, ResourcePack,
            VideoRef, offline::unanswered,
        },
        media::Locator,
        metrics::Metrics,
        pipeline::{Clock, Offload, RateSettings, Settings, limits::pause_gate::PaidCalls},
        store::{Lookups, Pause, PauseKind, Store},
        testing::jobs::task,
    };

    /// An API that no call reaches; counts the Identify Face calls.
    struct Counts(Arc<AtomicUsize>);

    fn no_answer<T>() -> Reply<T> {
        unanswered("no connection", true)
    }

    impl Api for Counts {
        async fn identify(&self, _: &VideoRef) -> Reply<Identified> {
            self.0.fetch_add(1, Ordering::AcqRel);
            no_answer()
        }
        async fn create(&self, _: &CreateRequest) -> Reply<Created> {
            no_answer()
        }
        async fn task(&self, _: &str) -> Reply<RemoteTask> {
            no_answer()
        }
        async fn task_by_name(&self, _: &str, _: LookupStyle) -> Reply<RemoteTask> {
            no_answer()
        }
        async fn tasks(&self, _: u32, _: u32) -> Reply<Vec<RemoteTask>> {
            no_answer()
        }
        async fn costs(&self, _: i64, _: i64) -> Reply<Vec<ResourcePack>> {
            no_answer()
        }
        async fn fetch(&self, _: &Url, _: u64, _: Option<&str>, _: Option<&str>) -> Reply<Fetched> {
            no_answer()
        }
    }

    fn settings(folder: &Path) -> Settings {
        let per_second = 1_000.0;
        Settings {
            account: Account { host: "host".to_owned(), key: "key".to_owned() },
            policy: Policy {
                retry_initial_ms: 1,
                retry_max_ms: 1,
                give_up_after_ms: 1,
                create_settle_ms: 1,
            },
            session_ttl_ms: 1,
            slots: 1,
            rate: RateSettings {
                identify_per_second: per_second,
                create_per_second: per_second,
                query_per_second: per_second,
            },
            caps: Default::default(),
            assumed_prices: Default::default(),
            poll_min_ms: 1,
            poll_max_ms: 1,
            probe_interval_ms: 1,
            downloads: 1,
            download_bytes_max: 1,
            output_dir: folder.to_owned(),
            locator: Locator { jobs_dir: folder.to_owned(), media_dirs: Vec::new() },
            uploads: None,
            video_links: None,
            uploads_at_once: 1,
            offload: Offload::threads(),
            is_scanned: Arc::default(),
            metrics: Metrics::new(),
        }
    }

    /// The scheduler has not read the pause yet, so its permit still allows calls.
    #[tokio::test]
    async fn the_pause_in_the_database_counts_right_before_the_call() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("lipsyncd.db")).unwrap();
        let calls = Arc::<AtomicUsize>::default();
        let (api, settings) = (Counts(Arc::clone(&calls)), settings(folder.path()));
        let lookups = Lookups::Unknown;
        let context = StepContext::new(api, store.clone(), Clock::system(), settings, lookups);
        let paid_calls = PaidCalls::default();
        paid_calls.allow(true);
        for (kind, is_probe, is_asked) in [
            (Some(PauseKind::Person), false, false),
            (Some(PauseKind::Person), true, false),
            (None, false, true),
            (Some(PauseKind::Account), false, false),
            (Some(PauseKind::Account), true, true),
        ] {
            let pause = kind.map(|kind| Pause {
                kind,
                reason: "paused".to_owned(),
                code: None,
                since_ms: 1,
                next_probe_at_ms: None,
            });
            store.set_pause(pause).await.unwrap();
            let before = calls.load(Ordering::Acquire);
            let end = identify(&context, task().into(), &paid_calls.permit(is_probe)).await;
            assert_eq!(calls.load(Ordering::Acquire) > before, is_asked, "{kind:?} {is_probe}");
            if !is_asked {
                let Identify::Ended(end) = end.unwrap() else { panic!("an obstacle") };
                assert_eq!(end.signal, Some(AccountSignal::QueuePaused));
            }
        }
    }
}
