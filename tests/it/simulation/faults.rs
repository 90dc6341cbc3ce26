//! What goes wrong between the daemon and the API, and at the API: single calls that suffer, and spells
//! in which all do. Drawn from the seed; once they have ended, nothing goes wrong.

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

/// What one call suffers.
#[derive(Debug, Clone, PartialEq)]
pub enum Suffers {
    Nothing,
    /// No connection.
    NeverLeft,
    /// Broken before it was carried out.
    Dropped,
    /// Broken after it was.
    Lost,
    /// Half an answer.
    Cut,
    /// A page of a proxy.
    Page {
        carried_out: bool,
    },
    /// The answer comes when nobody waits for it any more.
    Hangs,
    /// It is carried out when nobody waits for its answer any more.
    Late,
    /// Something on the way keeps it, and delivers it so long after the client gave up.
    Kept {
        sees: Sees,
        after_ms: i64,
    },
    /// It is carried out, and the answer makes no sense.
    Nonsense,
    /// An error code, at times though it was carried out.
    Refused {
        code: u16,
        carried_out: bool,
        retry_after_s: Option<u64>,
    },
}

/// What the client sees of a request that is kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sees {
    Broken,
    /// 504 of a proxy.
    Page,
    Nothing,
}

/// A time in which every call suffers.
#[derive(Debug, Clone, Copy)]
struct Spell {
    from_ms: i64,
    until_ms: i64,
    kind: SpellKind,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum SpellKind {
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
    /// The share of calls that suffer.
    hardship: f64,
    /// The share of create requests that suffer besides.
    create_hardship: f64,
    spells: Vec<Spell>,
    ended: AtomicBool,
    /// The answer to the first create request is still to be lost: then the account shows nothing else that exists.
    loses_first_create: AtomicBool,
    chance: Chance,
    /// The codes by which jobs may fail for their own sake.
    pub own_faults: Mutex<BTreeSet<String>>,
}

/// A request is kept so long at most after its client gave up; it takes a moment to get there, too.
const KEPT_MAX_MS: i64 = ARRIVES_MAX_MS - 1_000;
const HOUR_MS: i64 = 3_600_000;

impl Faults {
    pub fn new(chance: Chance, began_at_ms: i64) -> Self {
        let hardship = *chance.pick(&[0.0, 0.02, 0.1, 0.3]);
        let kinds = [
            SpellKind::Outage,
            SpellKind::Maintenance,
            SpellKind::Account(1101),
            SpellKind::Account(1102),
            SpellKind::Credentials(1000),
            SpellKind::Credentials(1304),
        ];
        let spells = (0..chance.between(0, 3)).map(|_| {
            let from_ms = began_at_ms + chance.between(0, 2 * HOUR_MS);
            let until_ms = from_ms + chance.between(1_000, HOUR_MS);
            Spell { from_ms, until_ms, kind: *chance.pick(&kinds) }
        });
        let spells = spells.collect();
        let (ended, own_faults) = (AtomicBool::new(false), Mutex::default());
        let create_hardship = *chance.pick(&[0.0, 0.0, 0.2, 0.5]);
        let loses_first_create = AtomicBool::new(chance.happens(0.15));
        Self { hardship, create_hardship, spells, ended, loses_first_create, chance, own_faults }
    }

    pub fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    pub fn have_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// A job may fail with this code from now on.
    pub fn expect_failure(&self, code: &str) {
        self.own_faults.lock().unwrap().insert(code.to_owned());
    }

    /// What a call at this time suffers.
    pub fn strikes(&self, call: Endpoint, now_ms: i64) -> Suffers {
        if self.have_ended() {
            return Suffers::Nothing;
        }
        let spell =
            self.spells.iter().find(|spell| (spell.from_ms..spell.until_ms).contains(&now_ms));
        match spell.map(|spell| spell.kind) {
            Some(SpellKind::Outage) if self.chance.happens(0.5) => return Suffers::NeverLeft,
            Some(SpellKind::Outage) => return Suffers::Dropped,
            Some(SpellKind::Maintenance) => return refused(5001, self.chance.happens(0.2)),
            Some(SpellKind::Account(code))
                if matches!(call, Endpoint::Identify | Endpoint::Create) =>
            {
                return refused(code, false);
            }
            Some(SpellKind::Credentials(code)) if call != Endpoint::Download => {
                return refused(code, false);
            }
            _ => {}
        }
        if call == Endpoint::Create && self.loses_first_create.swap(false, Ordering::Relaxed) {
            return Suffers::Lost;
        }
        if call == Endpoint::Create && self.chance.happens(self.create_hardship) {
            return self.unknown_outcome();
        }
        if self.chance.happens(self.hardship) { self.single(call) } else { Suffers::Nothing }
    }

    /// The client cannot know whether its create request was accepted.
    fn unknown_outcome(&self) -> Suffers {
        match self.chance.between(0, 9) {
            0..=3 => Suffers::Lost,
            4..=6 => Suffers::Dropped,
            _ => {
                let sees = *self.chance.pick(&[Sees::Broken, Sees::Page, Sees::Nothing]);
                Suffers::Kept { sees, after_ms: self.chance.between(0, KEPT_MAX_MS) }
            }
        }
    }

    fn single(&self, call: Endpoint) -> Suffers {
        // What the answer to a create says is worth most, and is lost most.
        if call == Endpoint::Create && self.chance.happens(0.6) {
            return self.unknown_outcome();
        }
        let carried_out = self.chance.happens(0.5);
        match self.chance.between(0, 13) {
            0 => Suffers::NeverLeft,
            1 => Suffers::Dropped,
            2..=4 => Suffers::Lost,
            5 => Suffers::Cut,
            6 => Suffers::Page { carried_out },
            7 => Suffers::Hangs,
            8 => Suffers::Late,
            9 => Suffers::Nonsense,
            10 => refused(*self.chance.pick(&[5000, 5001, 5002]), carried_out),
            11 if call != Endpoint::Download => {
                Suffers::Refused { code: 1302, carried_out: false, retry_after_s: Some(2) }
            }
            12 if call == Endpoint::Create => refused(1303, false),
            13 if matches!(call, Endpoint::Identify | Endpoint::Create)
                && self.chance.happens(0.2) =>
            {
                let code = *self.chance.pick(&[1300, 1301]);
                self.expect_failure(&code.to_string());
                refused(code, false)
            }
            _ => Suffers::Lost,
        }
    }
}

fn refused(code: u16, carried_out: bool) -> Suffers {
    Suffers::Refused { code, carried_out, retry_after_s: None }
}
