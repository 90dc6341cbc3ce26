//! Faults between the daemon and the API, and at the API: of single calls, and incidents that affect all calls. They are
//! drawn from the seed. After `end` there are none.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use lipsyncd::sim::Endpoint;

use super::lookups::ARRIVES_MAX_MS;
use crate::support::chance::Chance;

/// The fault of one call.
#[derive(Debug, Clone, PartialEq)]
pub enum NetworkFault {
    Nothing,
    /// No connection.
    NeverLeft,
    /// The connection broke before the call was carried out.
    Dropped,
    /// The connection broke after the call was carried out.
    Lost,
    /// Half an answer.
    Cut,
    /// An error page of a proxy.
    Page {
        carried_out: bool,
    },
    /// The answer comes after the client gave up.
    Hangs,
    /// The call is carried out after the client gave up.
    Late,
    /// Something on the way delivers the call so long after the client gave up.
    Kept {
        view: ClientView,
        after_ms: i64,
    },
    /// The call is carried out, and the answer makes no sense.
    Nonsense,
    /// An error code, sometimes although the call was carried out.
    Refused {
        code: u16,
        carried_out: bool,
        retry_after_s: Option<u64>,
    },
}

/// What the client of a delayed request sees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ClientView {
    Broken,
    /// 504 of a proxy.
    Page,
    Nothing,
}

/// A time in which every call fails.
#[derive(Debug, Clone, Copy)]
struct Incident {
    from_ms: i64,
    until_ms: i64,
    kind: IncidentKind,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum IncidentKind {
    Outage,
    Maintenance,
    /// Paid calls are refused with this code.
    Account(u16),
    /// All calls are refused with this code.
    Credentials(u16),
}

/// All faults of one seed.
#[derive(Debug)]
pub struct Faults {
    /// The share of calls with a fault.
    fault_rate: f64,
    /// The share of create requests with an additional fault.
    create_fault_rate: f64,
    incidents: Vec<Incident>,
    ended: AtomicBool,
    /// The answer to the first create request is still to be lost. The account shows no other task then.
    loses_first_create: AtomicBool,
    chance: Chance,
    /// The codes with which jobs may fail.
    pub job_failures: Mutex<BTreeSet<String>>,
}

/// The longest delay after the client gave up, less the time that the delivery takes.
const KEPT_MAX_MS: i64 = ARRIVES_MAX_MS - 1_000;
const HOUR_MS: i64 = 3_600_000;

impl Faults {
    pub fn new(chance: Chance, began_at_ms: i64) -> Self {
        let fault_rate = *chance.pick(&[0.0, 0.02, 0.1, 0.3]);
        let kinds = [
            IncidentKind::Outage,
            IncidentKind::Maintenance,
            IncidentKind::Account(1101),
            IncidentKind::Account(1102),
            IncidentKind::Account(1103),
            IncidentKind::Credentials(1000),
            IncidentKind::Credentials(1304),
        ];
        let incidents = (0..chance.between(0, 3)).map(|_| {
            let from_ms = began_at_ms + chance.between(0, 2 * HOUR_MS);
            let until_ms = from_ms + chance.between(1_000, HOUR_MS);
            Incident { from_ms, until_ms, kind: *chance.pick(&kinds) }
        });
        let incidents = incidents.collect();
        let (ended, job_failures) = (AtomicBool::new(false), Mutex::default());
        let create_fault_rate = *chance.pick(&[0.0, 0.0, 0.2, 0.5]);
        let loses_first_create = AtomicBool::new(chance.happens(0.15));
        Self {
            fault_rate,
            create_fault_rate,
            incidents,
            ended,
            loses_first_create,
            chance,
            job_failures,
        }
    }

    pub fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    pub fn have_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// A job may fail with this code from now on.
    pub fn expect_failure(&self, code: &str) {
        self.job_failures.lock().unwrap().insert(code.to_owned());
    }

    /// Draws the fault of a call at this time.
    pub fn draw(&self, call: Endpoint, now_ms: i64) -> NetworkFault {
        if self.have_ended() {
            return NetworkFault::Nothing;
        }
        let incident = self
            .incidents
            .iter()
            .find(|incident| (incident.from_ms..incident.until_ms).contains(&now_ms));
        match incident.map(|incident| incident.kind) {
            Some(IncidentKind::Outage) if self.chance.happens(0.5) => {
                return NetworkFault::NeverLeft;
            }
            Some(IncidentKind::Outage) => return NetworkFault::Dropped,
            Some(IncidentKind::Maintenance) => return refused(5001, self.chance.happens(0.2)),
            Some(IncidentKind::Account(code))
                if matches!(call, Endpoint::Identify | Endpoint::Create) =>
            {
                return refused(code, false);
            }
            Some(IncidentKind::Credentials(code)) if call != Endpoint::Download => {
                return refused(code, false);
            }
            _ => {}
        }
        if call == Endpoint::Create && self.loses_first_create.swap(false, Ordering::Relaxed) {
            return NetworkFault::Lost;
        }
        if call == Endpoint::Create && self.chance.happens(self.create_fault_rate) {
            return self.unknown_outcome();
        }
        if self.chance.happens(self.fault_rate) { self.single(call) } else { NetworkFault::Nothing }
    }

    /// The client cannot know whether its create request was accepted.
    fn unknown_outcome(&self) -> NetworkFault {
        match self.chance.between(0, 9) {
            0..=3 => NetworkFault::Lost,
            4..=6 => NetworkFault::Dropped,
            _ => {
                let view =
                    *self.chance.pick(&[ClientView::Broken, ClientView::Page, ClientView::Nothing]);
                NetworkFault::Kept { view, after_ms: self.chance.between(0, KEPT_MAX_MS) }
            }
        }
    }

    fn single(&self, call: Endpoint) -> NetworkFault {
        // The answers to create requests matter most, so they are lost most often.
        if call == Endpoint::Create && self.chance.happens(0.6) {
            return self.unknown_outcome();
        }
        let carried_out = self.chance.happens(0.5);
        match self.chance.between(0, 13) {
            0 => NetworkFault::NeverLeft,
            1 => NetworkFault::Dropped,
            2..=4 => NetworkFault::Lost,
            5 => NetworkFault::Cut,
            6 => NetworkFault::Page { carried_out },
            7 => NetworkFault::Hangs,
            8 => NetworkFault::Late,
            9 => NetworkFault::Nonsense,
            10 => refused(*self.chance.pick(&[5000, 5001, 5002]), carried_out),
            11 if call != Endpoint::Download => {
                NetworkFault::Refused { code: 1302, carried_out: false, retry_after_s: Some(2) }
            }
            12 if call == Endpoint::Create => refused(1303, false),
            13 if matches!(call, Endpoint::Identify | Endpoint::Create)
                && self.chance.happens(0.2) =>
            {
                let code = *self.chance.pick(&[1300, 1301]);
                self.expect_failure(&code.to_string());
                refused(code, false)
            }
            _ => NetworkFault::Lost,
        }
    }
}

fn refused(code: u16, carried_out: bool) -> NetworkFault {
    NetworkFault::Refused { code, carried_out, retry_after_s: None }
}
