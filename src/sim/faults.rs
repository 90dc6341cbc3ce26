//! Faults asked for: which call suffers which.
//!
//! Owns when a fault is due; doing it on the wire is for `inject.rs`. Its JSON is in `fault_json.rs`, those by chance in
//! `random_faults.rs`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::delayed::ClientSees;

/// The kinds of calls that faults and counts tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Endpoint {
    /// Identify Face.
    Identify,
    /// Create Task.
    Create,
    /// Query Task (Single).
    Query,
    /// Query Task (List).
    List,
    /// The account's costs.
    Costs,
    /// The download of a result.
    Download,
    /// In a fault: each of these.
    Any,
}

/// What goes wrong. Where `accept` is not chosen by the rule, the first line says whether the request
/// is carried out all the same.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// Not carried out: refused with an error code, at its HTTP status unless another is given.
    Code {
        /// One of the API's error codes.
        code: u16,
        /// Instead of the code's own HTTP status.
        status: Option<u16>,
        /// The `Retry-After` header, in seconds.
        retry_after_s: Option<u64>,
        /// Instead of the code's usual message.
        message: Option<String>,
    },
    /// Carried out; then the connection is closed without an answer.
    LoseAnswer,
    /// Not carried out: the connection is closed without an answer.
    DropRequest,
    /// Carried out; the body breaks off after so many bytes (default: half), below its announced length.
    CutBody {
        /// How many bytes are sent.
        after_bytes: Option<u64>,
    },
    /// Carried out; the body ends after so many bytes (default: half), and the announced length says so
    /// too: a short file that looks whole.
    WrongLength {
        /// How many bytes are announced and sent.
        bytes: Option<u64>,
    },
    /// Not carried out: an HTML page of a proxy.
    Html {
        /// Default 502.
        status: u16,
    },
    /// Not carried out: something on the way refuses the request for its size.
    TooLarge {
        /// 413, 414 or 431.
        status: u16,
        /// With an HTML page; else with a JSON body that is not of the API's form.
        html: bool,
    },
    /// Not carried out: this HTTP status, without a body.
    Status {
        /// The HTTP status.
        status: u16,
    },
    /// Carried out at once; the answer is held back for so long.
    Hang {
        /// In milliseconds.
        ms: u64,
    },
    /// Carried out; the answer is a body of so many bytes.
    HugeBody {
        /// How many.
        bytes: u64,
    },
    /// Carried out; the answer is this body.
    Body {
        /// Its HTTP status.
        status: u16,
        /// Its `ResultContent-Type`.
        content_type: String,
        /// The body.
        text: String,
    },
    /// Carried out; the true answer is changed by this JSON merge patch (RFC 7396): null takes a
    /// field away, `{"data": {"task_status": "resting"}}` changes one.
    Patch {
        /// The patch.
        with: Value,
    },
    /// Not carried out: 302 to this URL.
    Redirect {
        /// The `Location`.
        to: String,
    },
    /// For create requests: kept, and carried out so long after the client gave up. Other calls are not carried
    /// out, and their connection is closed.
    DeliverLate {
        /// In milliseconds; `SimServer::deliver_kept` ends the wait.
        after_ms: u64,
        /// What the client sees meanwhile.
        sees: ClientSees,
    },
    /// For downloads: 200, but what comes is a page and no video.
    NotAVideo,
}

impl Fault {
    /// Its name in JSON and in the ledger.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Code { .. } => "code",
            Self::LoseAnswer => "lose_answer",
            Self::DropRequest => "drop_request",
            Self::CutBody { .. } => "cut_body",
            Self::WrongLength { .. } => "wrong_length",
            Self::Html { .. } => "html",
            Self::TooLarge { .. } => "too_large",
            Self::Status { .. } => "status",
            Self::Hang { .. } => "hang",
            Self::HugeBody { .. } => "huge_body",
            Self::Body { .. } => "body",
            Self::Patch { .. } => "patch",
            Self::Redirect { .. } => "redirect",
            Self::DeliverLate { .. } => "deliver_late",
            Self::NotAVideo => "not_a_video",
        }
    }

    pub(super) const fn is_carried_out(&self) -> bool {
        !matches!(
            self,
            Self::Code { .. }
                | Self::DropRequest
                | Self::Html { .. }
                | Self::TooLarge { .. }
                | Self::Status { .. }
                | Self::Redirect { .. }
        )
    }
}

/// A fault that is due, and whether the request is carried out all the same.
#[derive(Debug, Clone, PartialEq)]
pub struct DueFault {
    /// What goes wrong.
    pub fault: Fault,
    /// Whether the rules see the request.
    pub carried_out: bool,
}

/// A fault asked for, and which calls suffer it. Calls are counted from when the rule was added.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultRule {
    /// The kind of calls.
    pub call: Endpoint,
    /// Only calls with this text in their path or body.
    pub matching: Option<String>,
    /// The first call that suffers, from 1.
    pub nth: u64,
    /// From there, each so-many-th call: 1 is each.
    pub every: u64,
    /// How many suffer; none: no end.
    pub times: Option<u64>,
    /// Whether the request is carried out; none: as is usual for the fault.
    pub accept: Option<bool>,
    /// What goes wrong.
    pub fault: Fault,
}

impl FaultRule {
    /// The next call of this kind suffers, and no other.
    pub const fn once(call: Endpoint, fault: Fault) -> Self {
        Self { call, matching: None, nth: 1, every: 1, times: Some(1), accept: None, fault }
    }

    /// Every call of this kind suffers.
    pub fn always(call: Endpoint, fault: Fault) -> Self {
        Self { times: None, ..Self::once(call, fault) }
    }

    fn concerns(&self, call: Endpoint, target: &str, body: &[u8]) -> bool {
        let named =
            |part: &str| target.contains(part) || String::from_utf8_lossy(body).contains(part);
        (self.call == Endpoint::Any || self.call == call)
            && self.matching.as_deref().is_none_or(named)
    }

    /// Whether the so-many-th call that it concerns, from 1, suffers.
    fn is_due(&self, count: u64) -> bool {
        let Some(since) = count.checked_sub(self.nth.max(1)) else {
            return false;
        };
        let every = self.every.max(1);
        since.is_multiple_of(every) && self.times.is_none_or(|times| since / every < times)
    }
}

/// The faults asked for, and how many calls each has seen.
#[derive(Debug, Default)]
pub(super) struct FaultRules(Vec<(FaultRule, u64)>);

impl FaultRules {
    pub(super) fn add(&mut self, rule: FaultRule) {
        self.0.push((rule, 0));
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Every rule counts the call; the first that is due has its way.
    pub(super) fn next(&mut self, call: Endpoint, target: &str, body: &[u8]) -> Option<DueFault> {
        let mut due = None;
        for (rule, count) in &mut self.0 {
            if !rule.concerns(call, target, body) {
                continue;
            }
            *count += 1;
            if due.is_none() && rule.is_due(*count) {
                let carried_out = rule.accept.unwrap_or(rule.fault.is_carried_out());
                due = Some(DueFault { fault: rule.fault.clone(), carried_out });
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suffered(rule: FaultRule, calls: u64) -> Vec<u64> {
        let mut book = FaultRules::default();
        book.add(rule);
        (1..=calls).filter(|_| book.next(Endpoint::Create, "/v1", b"promo/en").is_some()).collect()
    }

    #[test]
    fn calls_suffer_as_asked() {
        let rule = |nth, every, times| FaultRule {
            nth,
            every,
            times,
            ..FaultRule::once(Endpoint::Create, Fault::LoseAnswer)
        };
        assert_eq!(suffered(rule(1, 1, Some(1)), 9), [1]);
        assert_eq!(suffered(rule(3, 1, Some(1)), 9), [3]);
        assert_eq!(suffered(rule(1, 1, Some(2)), 9), [1, 2]);
        assert_eq!(suffered(rule(5, 5, None), 16), [5, 10, 15]);
        let other = FaultRule { matching: Some("promo/fr".into()), ..rule(1, 1, None) };
        assert!(suffered(other, 9).is_empty());
        let query = FaultRule { call: Endpoint::Query, ..rule(1, 1, None) };
        assert!(suffered(query, 9).is_empty());
        let any = FaultRule { call: Endpoint::Any, ..rule(2, 1, None) };
        assert_eq!(suffered(any, 3), [2, 3]);
    }
}
