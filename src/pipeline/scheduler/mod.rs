//! The scheduler: one loop that owns what is in memory, starts what may start, and reacts to what has
//! ended.
//!
//! It never waits for the network or the disk of results: that is done by steps, each a task of its
//! own that ends with an [`Event`]. What is in line stays in the database until it is near its turn.

mod account;
mod dispatch;
mod events;
mod prefetch;
mod ready_queues;
mod steps;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::Notify,
    task::{Id, JoinError, JoinSet},
    time::{Instant, sleep_until, timeout_at},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::{
    failpoint,
    job::{JobId, State, Task, TaskId},
    kling::{Api, ApiError, RemoteTask},
    pipeline::{
        clock::Clock,
        context::StepContext,
        context::folder_cache::FolderCache,
        context::{in_flight::InFlight, not_found_timer::NotFoundTimer},
        limits::budget::Budget,
        limits::monitored_api::MonitoredApi,
        limits::pause_gate::PauseGate,
        limits::poll_interval::PollInterval,
        limits::rate::CallRate,
        limits::slots::Slots,
        poll::PollResult,
        scheduler::ready_queues::ReadyQueues,
        scheduler::steps::{RunningSteps, StepKind},
        settings::Settings,
        step::{AccountSignal, StepEnd},
        submit::unresolved::LookupSummary,
    },
    store::{DueDelivery, Store, StoreError},
};

/// How long steps that may have paid get to write down what came of it when the daemon ends.
const DRAIN: Duration = Duration::from_secs(8);
/// The longest sleep: so that a wall clock that was set is noticed.
const SLEEP_MAX: Duration = Duration::from_secs(10);
/// A job that failed so often in a row is left alone by a run that is to come to an end.
const ONCE_TRIES_MAX: u32 = 6;
/// How long the tasks are left alone after looking at them came to an internal failure.
const AFTER_PANIC: Duration = Duration::from_secs(30);

/// How long to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Until it is told to stop.
    Stopped,
    /// Until nothing is left that moves by itself.
    Idle,
}

/// Why the pipeline ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It was told to.
    Stopped,
    /// Nothing is left that moves by itself.
    Idle,
    /// The line is paused, or the day's budget is spent, and nothing is under way.
    Held,
}

/// What the scheduler tells, turn by turn, to whoever watches that it lives.
#[derive(Clone, Copy)]
pub struct Heartbeat<'a> {
    /// The longest that a turn may rest, if it is asked to come round more often than by itself.
    pub every: Option<Duration>,
    /// Called once a turn, by the scheduler itself: when it hangs, nothing else calls it.
    pub beat: &'a (dyn Fn() + Send + Sync),
}

impl Heartbeat<'_> {
    /// Nobody watches.
    pub const NONE: Self = Self { every: None, beat: &|| {} };
}

/// How a task ended.
#[expect(clippy::large_enum_variant, reason = "one lives at a time, and is moved once")]
pub(crate) enum StepEvent {
    Stepped(TaskId, Result<StepEnd, StoreError>),
    Delivered(JobId, TaskId, Result<Option<AccountSignal>, StoreError>),
    PollResult(Result<PollResult, StoreError>),
    Probed(Result<(), ApiError>),
    LookupsLearned(Result<(), StoreError>),
    LookupSummary(Result<LookupSummary, StoreError>),
}

/// The scheduler with all it holds in memory.
pub struct Pipeline<A> {
    pub(crate) context: Arc<StepContext<A>>,
    pub(crate) queues: ReadyQueues,
    pub(crate) slots: Slots,
    pub(crate) pause_gate: PauseGate,
    pub(crate) poll_interval: PollInterval,
    pub(crate) steps: JoinSet<StepEvent>,
    pub(crate) running: RunningSteps,
    /// Videos that are being identified, each with the job whose step asks.
    pub(crate) identifying: HashMap<String, TaskId>,
    /// The jobs that wait for the same answer as the one that asks.
    pub(crate) waiting_for: HashMap<TaskId, (String, Vec<Task>)>,
    /// Jobs that wait for their own copy of a result, and may be served.
    pub(crate) deliveries: BTreeMap<JobId, DueDelivery>,
    /// The tasks whose result is being brought to another job: one at a time.
    pub(crate) delivering: HashSet<TaskId>,
    /// A task succeeded since deliveries were read.
    pub(crate) deliveries_are_stale: bool,
    /// What the last query said that a task made.
    pub(crate) hints: BTreeMap<TaskId, RemoteTask>,
    pub(crate) next_poll: Instant,
    /// When unresolved tasks are to be looked up again; none while there are none.
    pub(crate) look_up_unresolved_at: Option<Instant>,
    /// How often in a row looking them up failed, or proved nothing.
    pub(crate) look_ups_failed: u32,
    /// When an account that answers no lookups by name is tried again.
    pub(crate) learn_again_at: Instant,
    /// No create before this: the API said that all slots are taken.
    pub(crate) slots_blocked: Option<Instant>,
    pub(crate) slots_refused_in_a_row: u32,
    /// Read by steps right before they pay.
    pub(crate) paid_calls_allowed: Arc<AtomicBool>,
    pub(crate) budget: Budget,
    /// It is written down that the API gives no usable answer.
    pub(crate) has_problem: bool,
    /// When (Unix ms) this run began.
    began_at_ms: i64,
    pub(crate) look_again: bool,
    /// Nothing was read from the database yet: what rests since an earlier run is asked for at once.
    pub(crate) is_fresh: bool,
    /// The tasks were polled since the start.
    pub(crate) has_polled: bool,
    pub(crate) queue_is_dry: bool,
    /// The same of what failed and is due again.
    pub(crate) again_is_dry: bool,
    /// There was a look since the window was filled.
    pub(crate) looked: bool,
    /// The states of which the last look found more jobs than it took.
    pub(crate) unread: Vec<State>,
    pub(crate) next_due_at_ms: Option<i64>,
}

impl<A: Api> Pipeline<A> {
    /// Builds the pipeline and takes up what the database holds.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn new(
        api: A,
        store: Store,
        clock: Clock,
        settings: Settings,
    ) -> Result<Self, StoreError> {
        let learned = store.learnt_slots_limit(&settings.account).await?;
        let lookups = store.lookups(&settings.account).await?;
        let slots = Slots::new(settings.slots, learned);
        let median_ms = store.median_task_ms().await?;
        let poll_interval =
            PollInterval::new(settings.poll_min_ms, settings.poll_max_ms, median_ms);
        let rate = CallRate::new(&settings.rate);
        if slots.limit() != settings.slots {
            store.set_slots_limit(&settings.account, slots.limit()).await?;
        }
        let lookups = Mutex::new(lookups);
        let began_at_ms = clock.now_ms();
        Ok(Self {
            context: Arc::new(StepContext {
                api: MonitoredApi::new(api, settings.metrics.clone()),
                store,
                clock,
                settings,
                rate,
                lookups,
                unknown_names_fail: AtomicBool::new(false),
                not_found_timer: NotFoundTimer::default(),
                in_flight: InFlight::default(),
                folder_cache: FolderCache::default(),
            }),
            queues: ReadyQueues::default(),
            slots,
            pause_gate: PauseGate::new(),
            poll_interval,
            steps: JoinSet::new(),
            running: RunningSteps::default(),
            identifying: HashMap::new(),
            waiting_for: HashMap::new(),
            deliveries: BTreeMap::new(),
            delivering: HashSet::new(),
            deliveries_are_stale: true,
            hints: BTreeMap::new(),
            next_poll: Instant::now(),
            look_up_unresolved_at: Some(Instant::now()),
            look_ups_failed: 0,
            learn_again_at: Instant::now(),
            slots_blocked: None,
            slots_refused_in_a_row: 0,
            paid_calls_allowed: Arc::new(AtomicBool::new(false)),
            budget: Budget::default(),
            has_problem: false,
            began_at_ms,
            look_again: true,
            is_fresh: true,
            has_polled: false,
            queue_is_dry: false,
            again_is_dry: false,
            looked: false,
            unread: Vec::new(),
            next_due_at_ms: None,
        })
    }

    /// Works until `until`, or until `stop`. `nudge` says that the database holds something new;
    /// `more_to_come` keeps a run that is to end when idle from ending too early; `heartbeat` is told that it
    /// lives.
    ///
    /// # Errors
    /// When the database fails for good.
    pub async fn run(
        mut self,
        nudge: Arc<Notify>,
        stop: CancellationToken,
        until: Until,
        more_to_come: Arc<AtomicBool>,
        heartbeat: Heartbeat<'_>,
    ) -> Result<End, StoreError> {
        let sleep_max = heartbeat.every.map_or(SLEEP_MAX, |every| every.min(SLEEP_MAX));
        let end = loop {
            failpoint::stall().await;
            (heartbeat.beat)();
            self.context.settings.metrics.turned();
            // Read before the look at the database: what comes after it sets it again.
            let more = more_to_come.load(Ordering::Acquire);
            self.wake();
            if self.look_again || self.is_used_up() {
                self.look().await?;
            }
            self.refill().await?;
            self.read_deliveries().await?;
            self.check_budget().await?;
            self.report_api_problem().await?;
            self.dispatch();
            if until == Until::Idle
                && !more
                && let Some(end) = self.end_of_once().await?
            {
                break end;
            }
            let wake = self.next_wake(sleep_max);
            tokio::select! {
                biased;
                () = stop.cancelled() => break End::Stopped,
                Some(ended) = self.steps.join_next_with_id() => {
                    self.handle(ended).await?;
                    while let Some(ended) = self.steps.try_join_next_with_id() {
                        self.handle(ended).await?;
                    }
                }
                () = nudge.notified() => self.look_again = true,
                () = sleep_until(wake) => {}
            }
        };
        self.drain().await?;
        Ok(end)
    }

    /// Takes up what has rested long enough.
    fn wake(&mut self) {
        let now_ms = self.context.clock.now_ms();
        let policy = &self.context.settings.policy;
        self.queues.wake(policy, now_ms);
        // Not left to the nudge: a run that is to end when idle may come here before the nudge does.
        let is_scanned = self.context.settings.is_scanned.load(Ordering::Acquire);
        self.look_again |= is_scanned && !self.pause_gate.is_scanned();
        if self.next_due_at_ms.is_some_and(|due_at_ms| policy.is_due(due_at_ms, now_ms)) {
            self.next_due_at_ms = None;
            self.look_again = true;
        }
    }

    async fn handle(
        &mut self,
        ended: Result<(Id, StepEvent), JoinError>,
    ) -> Result<(), StoreError> {
        match ended {
            Ok((id, event)) => {
                self.running.end(id);
                self.handle_event(event).await
            }
            Err(panicked) => {
                let was = self.running.end(panicked.id());
                error!("an internal failure, its job is taken up again: {panicked}");
                self.probe_again_later().await?;
                match was {
                    Some((StepKind::Deliver, id)) => {
                        self.delivering.clear();
                        self.deliveries.clear();
                        self.deliveries_are_stale = id.is_some();
                        self.next_poll = Instant::now() + AFTER_PANIC;
                    }
                    Some((_, Some(id_of_task))) => {
                        self.reload(id_of_task).await?;
                        self.release_others(id_of_task);
                    }
                    _ => self.next_poll = Instant::now() + AFTER_PANIC,
                }
                Ok(())
            }
        }
    }

    /// Says whether a run that is to end when idle has come to its end.
    async fn end_of_once(&self) -> Result<Option<End>, StoreError> {
        let under_way = self.running.any(|kind| kind != StepKind::LearnLookups);
        // What Kling has not shown for long does not keep the run, but is asked for once.
        let is_to_be_polled = !self.has_polled && self.next_poll_at().is_some();
        if under_way || self.look_again || is_to_be_polled {
            return Ok(None);
        }
        let (unsent, sent) =
            self.context.store.count_moving(ONCE_TRIES_MAX, self.began_at_ms).await?;
        let held = i64::try_from(self.count_held_resends()).unwrap_or(i64::MAX);
        Ok(match (unsent, sent) {
            (false, 0) => Some(End::Idle),
            _ if self.is_shut_out() => Some(End::Held),
            _ if !self.pause_gate.allows_paid_calls() && sent <= held => Some(End::Held),
            _ => None,
        })
    }

    /// Whether the credentials stay refused: a probe has failed since they first were.
    fn is_shut_out(&self) -> bool {
        let since_ms = self.pause_gate.pause().map_or(i64::MAX, |pause| pause.since_ms);
        let paused_ms = self.context.clock.now_ms().saturating_sub(since_ms);
        !self.pause_gate.allows_queries() && paused_ms >= self.context.settings.probe_interval_ms
    }

    fn next_wake(&self, sleep_max: Duration) -> Instant {
        let (now, now_ms) = (Instant::now(), self.context.clock.now_ms());
        let at = |at_ms: i64| {
            now + Duration::from_millis(at_ms.saturating_sub(now_ms).max(0).unsigned_abs())
        };
        let latest = now + sleep_max;
        [
            self.queues.next_wake_ms().map(at),
            self.next_due_at_ms.map(at),
            self.next_poll_at(),
            self.pause_gate.next_probe().filter(|_| self.may_probe()),
            self.slots_blocked,
            self.next_look_up_at(),
        ]
        .into_iter()
        .flatten()
        .fold(latest, Instant::min)
    }

    /// Lets steps that may have paid write down what came of it, and drops the rest: all of it goes
    /// on from the database.
    async fn drain(mut self) -> Result<(), StoreError> {
        self.paid_calls_allowed.store(false, Ordering::Release);
        let deadline = Instant::now() + DRAIN;
        let may_have_paid = |kind| {
            matches!(
                kind,
                StepKind::Create | StepKind::Recover | StepKind::Prepare | StepKind::RetryPrepare
            )
        };
        while self.running.any(may_have_paid) {
            match timeout_at(deadline, self.steps.join_next_with_id()).await {
                Ok(Some(Ok((id, _)))) => {
                    self.running.end(id);
                }
                Ok(Some(Err(panicked))) => {
                    self.running.end(panicked.id());
                }
                Ok(None) => break,
                Err(_) => {
                    info!("ending with requests under way: they are looked up at the next start");
                    break;
                }
            }
        }
        self.steps.shutdown().await;
        Ok(())
    }
}
