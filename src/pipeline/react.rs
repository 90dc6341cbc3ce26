//! What the end of a step means for the line: slots, pause, pace, budget, and where the job goes next.

use std::{sync::atomic::Ordering, time::Duration};

use tokio::time::Instant;
use tracing::{info, warn};

use super::{
    candidates::Refreshed,
    line::Probe,
    schedule::{Budget, Event, Pipeline},
    step::{StepEnd, Word},
    sweep::Swept,
};
use crate::{
    job::{Job, JobId, Outcome, State, retry::delay_ms},
    kling::{Api, ApiError},
    store::{Lookups, Pause, PauseKind, StoreError},
};

const DAY_MS: i64 = 86_400_000;
/// How long to wait until a list that could not be read is asked for again.
const LIST_AGAIN: Duration = Duration::from_secs(60);

impl<A: Api> Pipeline<A> {
    pub(super) async fn react(&mut self, event: Event) -> Result<(), StoreError> {
        match event {
            Event::Stepped(id, Ok(end)) => self.stepped(id, end).await,
            Event::Stepped(id, Err(StoreError::Stale { .. } | StoreError::TaskTaken { .. })) => {
                self.reload(id).await?;
                self.end_paid_probe(id).await?;
                self.release_others(id);
                Ok(())
            }
            Event::Swept(Ok(swept)) => self.swept(swept).await,
            Event::Probed(Ok(())) => self.go_on().await,
            Event::Probed(Err(error)) => self.probe_failed(&error).await,
            Event::Learnt(Ok(())) | Event::Refreshed(Ok(Refreshed::Done)) => Ok(()),
            Event::Refreshed(Ok(Refreshed::Later(word))) => {
                self.list_candidates_at = Some(Instant::now() + LIST_AGAIN);
                match word {
                    Some(word) => self.heed(None, word).await,
                    None => Ok(()),
                }
            }
            Event::Stepped(_, Err(error))
            | Event::Swept(Err(error))
            | Event::Learnt(Err(error))
            | Event::Refreshed(Err(error)) => Err(error),
        }
    }

    async fn stepped(&mut self, id: JobId, end: StepEnd) -> Result<(), StoreError> {
        let StepEnd { job, word } = end;
        let created = word == Some(Word::Created);
        if let Some(word) = word {
            self.heed(Some(id), word).await?;
        }
        self.end_paid_probe(id).await?;
        if created && self.context.lookups() == Lookups::Unknown {
            self.start_learning(job.clone());
        }
        self.settle_in(job);
        // After the job itself: the others then find its session.
        self.release_others(id);
        Ok(())
    }

    /// Lets the jobs go on that waited for an answer about the same video.
    pub(super) fn release_others(&mut self, asker: JobId) {
        let done = self.identifying.extract_if(.., |_, under_way| under_way.asker == asker);
        let others: Vec<Job> = done.flat_map(|(_, under_way)| under_way.others).collect();
        for job in others {
            self.shelve(job);
        }
    }

    /// A paid probe that ended without a word about the account has found out nothing.
    async fn end_paid_probe(&mut self, id: JobId) -> Result<(), StoreError> {
        if self.line.awaits(Probe::Paid(id)) {
            self.probe_again_later().await?;
        }
        Ok(())
    }

    fn settle_in(&mut self, job: Job) {
        if job.state == State::Unresolved {
            self.list_candidates_at = Some(Instant::now());
        }
        if job.state.holds_slot() {
            self.slots.take(job.id);
        } else {
            self.slots.free(job.id);
        }
        // What rests in the database comes back when it is due.
        if matches!(job.state, State::Queued | State::Downloading) && job.due_at_ms > 0 {
            let due_at_ms = self.next_due_at_ms.map_or(job.due_at_ms, |due| due.min(job.due_at_ms));
            self.next_due_at_ms = Some(due_at_ms);
        }
        if job.state == State::Submitted {
            // The last look may have planned the next for when there was nothing to see.
            let wait_ms = self.cadence.wait_ms(std::iter::once(0));
            let look_at = Instant::now() + Duration::from_millis(wait_ms.unsigned_abs());
            self.next_sweep = self.next_sweep.min(look_at);
        }
        self.shelve(job);
    }

    async fn swept(&mut self, swept: Swept) -> Result<(), StoreError> {
        let now_ms = self.context.clock.now_ms();
        if let Some(trouble) = &swept.trouble {
            warn!("looking at the tasks failed: {trouble}");
        }
        for (job, video) in swept.moved {
            self.budget.is_stale = true;
            if matches!(job.state, State::Downloading | State::Failed) {
                self.remember_duration(&job, now_ms).await?;
            }
            if let (State::Downloading, Some(video)) = (job.state, video) {
                self.hints.insert(job.id, video);
            }
            self.settle_in(job);
        }
        for id in swept.same {
            if self.shelf.get(id).is_some_and(|job| job.waits.is_some()) {
                self.move_on(id, Outcome::SeenAgain).await?;
            }
        }
        for (id, words) in swept.unclear {
            self.task_unclear(id, words).await?;
        }
        for (id, words) in swept.unknown {
            self.task_unknown(id, words, now_ms).await?;
        }
        for id in swept.stale {
            self.reload(id).await?;
        }
        if let Some(word) = swept.word {
            self.heed(None, word).await?;
        }
        let created_at_ms =
            |job: &Job| job.create.as_ref().map_or(now_ms, |create| create.sent_at_ms);
        let ages_ms = self.shelf.followed().map(|job| now_ms.saturating_sub(created_at_ms(job)));
        let wait_ms = self.cadence.wait_ms(ages_ms);
        self.next_sweep = Instant::now() + Duration::from_millis(wait_ms.unsigned_abs());
        Ok(())
    }

    async fn remember_duration(&mut self, job: &Job, now_ms: i64) -> Result<(), StoreError> {
        let Some(create) = &job.create else { return Ok(()) };
        let before = self.cadence.median_ms();
        self.cadence.remember(now_ms.saturating_sub(create.sent_at_ms));
        match self.cadence.median_ms() {
            Some(median_ms) if before != Some(median_ms) => {
                self.context.store.set_median_task_ms(median_ms).await
            }
            _ => Ok(()),
        }
    }

    /// Writes down that a task is out of sight, once, and again when it has been so for too long.
    async fn task_unknown(
        &mut self,
        id: JobId,
        words: String,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let Some(job) = self.shelf.get(id) else { return Ok(()) };
        // What is another account's is not gone because this one does not see it.
        if let Some(words) = self.context.foreign_create(job) {
            return self.task_unclear(id, words).await;
        }
        let give_up_after_ms = self.context.settings.policy.give_up_after_ms;
        let is_news = job
            .failing_since_ms
            .is_none_or(|since_ms| now_ms.saturating_sub(since_ms) >= give_up_after_ms);
        if is_news {
            if !job.is_unseen() {
                let key = &job.spec.key;
                warn!(job = key, "{key}: the API does not know its task: {words}");
            }
            self.move_on(id, Outcome::Unseen(words)).await?;
        }
        Ok(())
    }

    /// Writes down that nothing clear is said of a task, once for each thing that is said.
    async fn task_unclear(&mut self, id: JobId, words: String) -> Result<(), StoreError> {
        let Some(job) = self.shelf.get(id) else { return Ok(()) };
        // Each answer has a request id of its own.
        let said = words.split(", request ").next().unwrap_or_default();
        if job.waits.as_ref().is_none_or(|waits| !waits.contains(said)) {
            warn!(job = job.spec.key, "{}: no clear word on its task: {words}", job.spec.key);
            self.move_on(id, Outcome::Unclear(words)).await?;
        }
        Ok(())
    }

    /// Writes down an outcome of a job that no step works on.
    async fn move_on(&mut self, id: JobId, outcome: Outcome) -> Result<(), StoreError> {
        let Some(job) = self.shelf.take(id) else { return Ok(()) };
        match self.context.note(&job, outcome, None).await {
            Ok(job) => {
                self.settle_in(job);
                Ok(())
            }
            Err(StoreError::Stale { .. }) => self.reload(id).await,
            Err(error) => Err(error),
        }
    }

    /// Does what an answer says about the whole account.
    async fn heed(&mut self, id: Option<JobId>, word: Word) -> Result<(), StoreError> {
        match word {
            Word::Answered => self.context.pace.went_through(),
            Word::Identified => {
                self.context.pace.went_through();
                self.budget.is_stale = true;
                self.probe_succeeded(id).await?;
            }
            Word::Created => {
                self.context.pace.went_through();
                self.slots_refused_in_a_row = 0;
                if let Some(limit) = self.slots.went_through() {
                    self.learnt_slots(limit).await?;
                }
                self.probe_succeeded(id).await?;
            }
            Word::TooFast { retry_after_ms } => {
                let pause = self.context.pace.slow_down(retry_after_ms);
                info!(code = 1302, "the API says too fast: all calls wait {pause:?}");
                self.probe_again_later().await?;
            }
            Word::SlotsFull { retry_after_ms } => self.slots_full(id, retry_after_ms).await?,
            Word::Pause { kind, reason, code } => self.pause(kind, reason, code).await?,
        }
        Ok(())
    }

    async fn slots_full(
        &mut self,
        id: Option<JobId>,
        retry_after_ms: Option<i64>,
    ) -> Result<(), StoreError> {
        self.probe_again_later().await?;
        let Some(id) = id.filter(|id| self.slots.holds(*id)) else {
            // No slot was asked for: like 1302, it can only mean to come later.
            self.context.pace.slow_down(retry_after_ms);
            return Ok(());
        };
        self.slots_refused_in_a_row = self.slots_refused_in_a_row.saturating_add(1);
        let moment = self.context.clock.moment();
        let policy = &self.context.settings.policy;
        let grown_ms = delay_ms(policy, self.slots_refused_in_a_row.min(6), moment.chance);
        let asked_ms = retry_after_ms.unwrap_or(0).min(policy.longest_rest_ms());
        let wait_ms = grown_ms.max(asked_ms);
        self.slots_blocked = Some(Instant::now() + Duration::from_millis(wait_ms.unsigned_abs()));
        match self.slots.refused(id) {
            Some(limit) => {
                info!(code = 1303, limit, "the account takes no more tasks at once than {limit}");
                self.learnt_slots(limit).await
            }
            None => Ok(()),
        }
    }

    async fn learnt_slots(&mut self, limit: usize) -> Result<(), StoreError> {
        self.context.store.set_slots_limit(&self.context.settings.account, limit).await
    }

    async fn pause(
        &mut self,
        kind: PauseKind,
        reason: String,
        code: Option<i64>,
    ) -> Result<(), StoreError> {
        let now_ms = self.context.clock.now_ms();
        let before = self.line.pause();
        if before.is_some_and(|pause| pause.kind == PauseKind::Person) {
            return Ok(());
        }
        let since_ms = match before {
            Some(pause) if pause.kind == kind => pause.since_ms,
            _ => {
                warn!(code, "the line is paused: {reason}");
                now_ms
            }
        };
        let interval_ms = self.context.settings.probe_interval_ms;
        let next_probe_at_ms = Some(now_ms.saturating_add(interval_ms));
        let pause = Pause { kind, reason, code, since_ms, next_probe_at_ms };
        self.context.store.set_pause(Some(pause.clone())).await?;
        self.line.set(Some(pause));
        self.probe_again_later().await?;
        self.update_gate();
        Ok(())
    }

    async fn go_on(&mut self) -> Result<(), StoreError> {
        info!("the line goes on: the API answers again");
        self.context.store.end_api_pause().await?;
        // A person may have paused it meanwhile.
        self.line.set(self.context.store.pause().await?);
        self.next_sweep = Instant::now();
        self.update_gate();
        Ok(())
    }

    async fn probe_failed(&mut self, error: &ApiError) -> Result<(), StoreError> {
        match Word::of(error) {
            Some(word) => self.heed(None, word).await?,
            None => self.probe_again_later().await?,
        }
        Ok(())
    }

    pub(super) async fn probe_again_later(&mut self) -> Result<(), StoreError> {
        let interval_ms = self.context.settings.probe_interval_ms.max(1);
        self.line.probe_after(Duration::from_millis(interval_ms.unsigned_abs()));
        if self.line.pause().is_none() {
            return Ok(());
        }
        let at_ms = self.context.clock.now_ms().saturating_add(interval_ms);
        self.context.store.set_next_probe(at_ms).await
    }

    /// Only the probe ends a pause: what was sent before it says nothing of what came since.
    async fn probe_succeeded(&mut self, id: Option<JobId>) -> Result<(), StoreError> {
        match id {
            Some(id) if self.line.awaits(Probe::Paid(id)) => self.go_on().await,
            _ => Ok(()),
        }
    }

    /// Holds new tasks back once the day's deductions have reached the cap, until the day is over.
    pub(super) async fn check_budget(&mut self) -> Result<(), StoreError> {
        let Some(cap_micro) = self.context.settings.units_per_day_micro else { return Ok(()) };
        let now_ms = self.context.clock.now_ms();
        let today = now_ms.div_euclid(DAY_MS);
        let same_day = self.budget.day == Some(today);
        if same_day && !self.budget.is_stale {
            return Ok(());
        }
        let spent_micro = self.context.store.spent_today_micro(now_ms).await?;
        let over = spent_micro >= cap_micro;
        // While it is spent, what is still under way changes by how much.
        let same = same_day && over == self.budget.is_spent && !over;
        let is_news = over && !self.budget.is_spent;
        self.budget = Budget { is_stale: false, day: Some(today), is_spent: over };
        if same {
            return Ok(());
        }
        let hold = over.then(|| {
            budget_sentence(spent_micro, cap_micro, today.saturating_add(1).saturating_mul(DAY_MS))
        });
        if let Some(hold) = hold.as_ref().filter(|_| is_news) {
            warn!("new tasks wait for {hold}");
        }
        self.context.store.set_hold(hold).await?;
        self.line.set_over_budget(over);
        self.update_gate();
        Ok(())
    }

    /// Tells steps that are under way whether they may still pay.
    pub(super) fn update_gate(&self) {
        self.may_pay.store(self.line.lets_pay(), Ordering::Release);
    }
}

fn budget_sentence(spent_micro: i64, cap_micro: i64, until_ms: i64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "for people to read")]
    let units = |micro: i64| micro as f64 / 1e6;
    let until = jiff::Timestamp::from_millisecond(until_ms).map(|at| at.to_string());
    format!(
        "the next day's budget, from {}: {} of the {} units of limits.units_per_day are spent",
        until.unwrap_or_default(),
        units(spent_micro),
        units(cap_micro)
    )
}
