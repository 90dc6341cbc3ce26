//! Sends the messages of the store: one loop per target, so that a target that hangs delays no other.

use std::{
    convert::Infallible,
    future::pending,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures_util::future::try_join_all;
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};
use tracing::{debug, info, warn};

use super::{MessageTarget, message::Message};
use crate::{
    config::NotifyTarget,
    job::{Moment, Policy, retry::delay_ms},
    store::{Notification, Store, StoreError},
};

/// How often the store is asked for new messages.
const CHECK_EVERY: Duration = Duration::from_secs(1);
/// The longest rest of a target after a try that failed. Each message has a delay of its own, which grows further.
const REST_MAX: Duration = Duration::from_secs(60);
/// A message that could not be sent for so long is dead.
const GIVE_UP_MS: i64 = 86_400_000;
/// How long [`Sender::drain`] may take.
const DRAIN_MAX: Duration = Duration::from_secs(20);
const DRAIN_CHECK: Duration = Duration::from_millis(50);
const OLD_EVERY: Duration = Duration::from_mins(10);
const OLD_ROWS_MAX: usize = 500;

/// The delays between the tries of a message.
const DELAYS: Policy = Policy {
    retry_initial_ms: 2_000,
    retry_max_ms: 600_000,
    give_up_after_ms: GIVE_UP_MS,
    create_settle_ms: 0,
};

/// Sends the messages of the store.
pub struct Sender {
    store: Store,
    targets: Vec<MessageTarget>,
    moment: Box<dyn Fn() -> Moment + Send + Sync>,
    /// Messages are sent although they are not due.
    is_draining: AtomicBool,
    wake: Notify,
}

impl Sender {
    /// Writes to the store which events the targets want, and returns their sender.
    pub async fn start(
        store: Store,
        configured: &[NotifyTarget],
        targets: Vec<MessageTarget>,
        moment: impl Fn() -> Moment + Send + Sync + 'static,
    ) -> Result<Self, StoreError> {
        let mut wanted = Vec::new();
        for (place, target) in (1..).zip(configured) {
            wanted.extend(target.events.iter().map(|event| (place, event.name())));
        }
        let count = i64::try_from(configured.len()).unwrap_or(i64::MAX);
        let unsent = store.set_notify_events(wanted, count).await?;
        if unsent > 0 {
            warn!("discarded {unsent} unsent messages: their target is no longer in `notify`");
        }
        let (moment, wake) = (Box::new(moment), Notify::new());
        Ok(Self { store, targets, moment, is_draining: AtomicBool::new(false), wake })
    }

    /// Sends messages until the database fails for good. It may be dropped at any moment: a message that was being sent
    /// is sent again.
    pub async fn run(&self) -> Result<Infallible, StoreError> {
        if self.targets.is_empty() {
            return pending().await;
        }
        let each = (1..).zip(&self.targets).map(|(place, target)| self.serve(place, target));
        let (never, _) = tokio::try_join!(self.delete_old(), try_join_all(each))?;
        match never {}
    }

    /// Waits until each message was tried, also those that wait for others to join them. Needs [`Sender::run`] beside
    /// it.
    pub async fn drain(&self) -> Result<(), StoreError> {
        if self.targets.is_empty() {
            return Ok(());
        }
        self.is_draining.store(true, Ordering::Release);
        self.wake.notify_waiters();
        if self.store.has_untried_notifications().await? {
            info!("sending messages before the end (at most {} s)", DRAIN_MAX.as_secs());
        }
        let drained = async {
            while self.store.has_untried_notifications().await? {
                sleep(DRAIN_CHECK).await;
            }
            Ok(())
        };
        timeout(DRAIN_MAX, drained).await.unwrap_or(Ok(()))
    }

    async fn delete_old(&self) -> Result<Infallible, StoreError> {
        loop {
            let now_ms = (self.moment)().now_ms;
            while self.store.delete_old_notifications(now_ms, OLD_ROWS_MAX).await? {
                sleep(CHECK_EVERY).await;
            }
            sleep(OLD_EVERY).await;
        }
    }

    async fn serve(&self, place: i64, target: &MessageTarget) -> Result<Infallible, StoreError> {
        loop {
            let next = match self.is_draining.load(Ordering::Acquire) {
                true => self.store.untried_notification(place).await?,
                false => self.store.due_notification(place, (self.moment)().now_ms).await?,
            };
            let rest = match next {
                Some(id) => self.try_one(id, target).await?,
                None => CHECK_EVERY,
            };
            if !rest.is_zero() {
                tokio::select! {
                    () = sleep(rest) => {}
                    () = self.wake.notified() => {}
                }
            }
        }
    }

    /// Tries to send one message. Returns how long the target rests.
    async fn try_one(&self, id: i64, target: &MessageTarget) -> Result<Duration, StoreError> {
        let Moment { now_ms, .. } = (self.moment)();
        let longest_ms = i64::try_from(target.longest_try().as_millis()).unwrap_or(i64::MAX);
        let crashed_at_ms = now_ms.saturating_add(longest_ms);
        let is_last = self.is_draining.load(Ordering::Acquire);
        let claimed = self.store.claim_notification(id, now_ms, crashed_at_ms, is_last).await?;
        let Some(stored) = claimed else { return Ok(Duration::ZERO) };
        let message = Message::of(&stored);
        let (name, event) = (target.name(), &stored.event);
        let error = match target.send(&message, now_ms).await {
            Ok(answer) => {
                debug!(event, message_id = message.id, "notified {name}: {event} ({answer})");
                if stored.problem.is_some() {
                    info!("{name} receives messages again");
                }
                self.store.notification_sent(id, (self.moment)().now_ms).await?;
                return Ok(Duration::ZERO);
            }
            Err(error) => error,
        };
        let Moment { now_ms, chance } = (self.moment)();
        let tries = u32::try_from(stored.tries).unwrap_or(u32::MAX);
        let delay = delay_ms(&DELAYS, tries, chance);
        let is_dead = is_overdue(&stored, now_ms);
        let due_at_ms = (!is_dead).then_some(now_ms.saturating_add(delay));
        if is_dead {
            warn!(
                event,
                message_id = message.id,
                "{name} did not get {event} for 24 h: {error}; `lipsyncd notify` lists such messages"
            );
        } else if stored.problem.is_none() {
            warn!(
                event,
                message_id = message.id,
                "{name} did not get {event}: {error}; it is sent again"
            );
        }
        self.store.notification_failed(id, error.message, due_at_ms, now_ms).await?;
        if error.is_refusal {
            return Ok(Duration::ZERO);
        }
        Ok(Duration::from_millis(delay.unsigned_abs()).min(REST_MAX))
    }
}

fn is_overdue(stored: &Notification, now_ms: i64) -> bool {
    stored.first_try_at_ms.is_some_and(|first| now_ms.saturating_sub(first) >= GIVE_UP_MS)
}
