//! Each signal, with its effects: without a store, a network or a clock.

use super::*;
use crate::{
    job::{AssumedPrices, Caps},
    kling::ErrorClass,
};

const NOW_MS: i64 = 1_000_000;
const INTERVAL_MS: i64 = 60_000;

fn account(slots: usize) -> AccountState {
    let mut account = AccountState {
        slots: Slots::new(slots, None),
        gate: PauseGate::new(Instant::now()),
        budget: Budget::new(Caps::default(), AssumedPrices::default()),
        paid_calls: PaidCalls::default(),
        policy: Policy {
            retry_initial_ms: 1_000,
            retry_max_ms: 300_000,
            give_up_after_ms: 86_400_000,
            create_settle_ms: 90_000,
        },
        probe_interval_ms: INTERVAL_MS,
        has_api_problem: false,
    };
    account.set_scanned(true);
    account
}

fn now() -> Now {
    Now { at: Instant::now(), moment: Moment { now_ms: NOW_MS, chance: 0.5 } }
}

fn later(now: &Now, ms: i64) -> Now {
    let at = now.at + Duration::from_millis(ms.unsigned_abs());
    Now { at, moment: Moment { now_ms: NOW_MS + ms, ..now.moment } }
}

fn pause_required(kind: PauseKind) -> AccountSignal {
    AccountSignal::PauseRequired {
        kind,
        reason: "the resource pack is used up".to_owned(),
        code: Some(1102),
        request_id: Some("r-1".to_owned()),
    }
}

fn person() -> Pause {
    Pause {
        kind: PauseKind::Person,
        reason: "paused by a person".to_owned(),
        code: None,
        since_ms: NOW_MS,
        next_probe_at_ms: None,
    }
}

#[test]
fn a_pause_is_saved_at_once_and_news_only_the_first_time() {
    let (mut account, now) = (account(5), now());
    let permit = account.permit(false);
    assert!(permit.allows_call());
    for (at, is_new) in [(now, true), (later(&now, 5_000), false)] {
        let pause = Pause {
            kind: PauseKind::Account,
            reason: "the resource pack is used up".to_owned(),
            code: Some(1102),
            since_ms: NOW_MS,
            next_probe_at_ms: Some(at.moment.now_ms + INTERVAL_MS),
        };
        let request_id = Some("r-1".to_owned());
        assert_eq!(
            account.observe(pause_required(PauseKind::Account), Some(1), &at),
            [Effect::SavePause { pause, request_id, is_new }]
        );
    }
    assert!(!permit.allows_call(), "a step in progress sees the pause");
    assert!(account.permit(true).allows_call(), "a probe may pay");
}

#[test]
fn the_api_does_not_replace_a_persons_pause() {
    let (mut account, now) = (account(5), now());
    account.set_pause(Some(person()), now.at);
    assert_eq!(account.observe(pause_required(PauseKind::Account), None, &now), []);
    assert_eq!(account.gate.pause, Some(person()));
    assert_eq!(account.gate.next_probe_at(), None);
}

#[test]
fn only_the_probe_ends_a_pause() {
    let (mut account, now) = (account(5), now());
    account.observe(pause_required(PauseKind::Account), None, &now);
    let due = later(&now, INTERVAL_MS);
    assert!(!account.gate.wants_paid_probe(later(&now, INTERVAL_MS - 1).at));
    assert!(account.gate.wants_paid_probe(due.at));
    account.gate.pending = Some(PendingProbe::Paid(7));
    assert!(!account.gate.wants_paid_probe(due.at), "one probe at a time");
    // A request that was sent before the pause says nothing about it.
    assert_eq!(account.observe(AccountSignal::Created, Some(6), &due), [Effect::EndSlowdown]);
    assert_eq!(account.paid_step_ended(6, &due), None);
    assert_eq!(
        account.observe(AccountSignal::Created, Some(7), &due),
        [Effect::EndSlowdown, Effect::Resume]
    );
    account.resume(None, due.at);
    assert!(account.gate.allows_paid_calls());
    // A person paused the queue while the probe was in flight.
    account.resume(Some(person()), due.at);
    assert!(!account.gate.allows_paid_calls());
}

#[test]
fn a_probe_without_a_signal_is_repeated_after_the_interval() {
    let (mut account, now) = (account(5), now());
    account.observe(pause_required(PauseKind::Account), None, &now);
    let due = later(&now, INTERVAL_MS);
    account.gate.pending = Some(PendingProbe::Paid(7));
    let at_ms = NOW_MS + 2 * INTERVAL_MS;
    assert_eq!(account.paid_step_ended(7, &due), Some(Effect::SaveNextProbe { at_ms }));
    assert_eq!(account.gate.next_probe_at(), Some(later(&now, 2 * INTERVAL_MS).at));
}

#[test]
fn a_1303_lowers_the_limit_and_blocks_the_slots_longer_each_time() {
    let (mut account, now) = (account(2), now());
    (1..=2).for_each(|id| account.slots.take(id));
    let full = AccountSignal::SlotsFull { retry_after_ms: None };
    assert_eq!(
        account.observe(full.clone(), Some(2), &now),
        [Effect::SaveSlotsLimit { limit: 1, is_refusal: true }]
    );
    let first = account.slots.blocked_until.unwrap();
    assert!(!account.slots.is_open() && first > now.at);
    account.slots.take(2);
    assert_eq!(account.observe(full.clone(), Some(2), &now), [], "the limit stays 1");
    assert!(account.slots.blocked_until > Some(first));
    // A call that holds no slot came too early, that is all.
    let slow_down = Effect::SlowDown { code: Some(1303), retry_after_ms: None };
    assert_eq!(account.observe(full, Some(9), &now), [slow_down]);
}

#[test]
fn a_1302_slows_all_calls_and_delays_the_probe_of_a_pause() {
    let (mut account, now) = (account(5), now());
    let (code, retry_after_ms) = (Some(1302), Some(3_000));
    let limited = AccountSignal::RateLimited { code, retry_after_ms };
    let slow_down = Effect::SlowDown { code, retry_after_ms };
    assert_eq!(account.observe(limited.clone(), None, &now), std::slice::from_ref(&slow_down));
    account.observe(pause_required(PauseKind::Account), None, &now);
    let probe = Effect::SaveNextProbe { at_ms: NOW_MS + INTERVAL_MS };
    assert_eq!(account.observe(limited, None, &now), [slow_down, probe]);
}

#[test]
fn an_outage_is_saved_when_it_starts_and_when_it_ends() {
    let mut account = account(5);
    let error = ApiError {
        class: ErrorClass::Transport,
        code: None,
        message: "no connection".to_owned(),
        request_id: None,
        retry_after_ms: None,
        never_left: false,
    };
    assert_eq!(account.check_api(None), None);
    let started = Some(Effect::SaveApiProblem(Some(error.clone())));
    assert_eq!(account.check_api(Some(error.clone())), started);
    assert_eq!(account.check_api(Some(error)), None);
    assert_eq!(account.check_api(None), Some(Effect::SaveApiProblem(None)));
}
