//! Which calls fail with which fault: requested faults, and random ones.

use super::{
    faults::{DueFault, Endpoint, Fault},
    random::SeededRandom,
};

/// A requested fault, and the calls that it applies to. Calls are counted from when the rule was added.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultRule {
    /// The kind of calls.
    pub call: Endpoint,
    /// Only calls with this text in their path or body.
    pub matching: Option<String>,
    /// The first call that fails, from 1.
    pub nth: u64,
    /// From there, every n-th call; 1 is every call.
    pub every: u64,
    /// How many calls fail; none: no limit.
    pub times: Option<u64>,
    /// Whether the request is carried out; none: the default of the fault.
    pub accept: Option<bool>,
    /// What goes wrong.
    pub fault: Fault,
}

impl FaultRule {
    /// Only the next call of this kind fails.
    pub const fn once(call: Endpoint, fault: Fault) -> Self {
        Self { call, matching: None, nth: 1, every: 1, times: Some(1), accept: None, fault }
    }

    /// Every call of this kind fails.
    pub fn always(call: Endpoint, fault: Fault) -> Self {
        Self { times: None, ..Self::once(call, fault) }
    }

    fn concerns(&self, call: Endpoint, target: &str, body: &[u8]) -> bool {
        let named =
            |part: &str| target.contains(part) || String::from_utf8_lossy(body).contains(part);
        (self.call == Endpoint::Any || self.call == call)
            && self.matching.as_deref().is_none_or(named)
    }

    /// Whether the n-th matching call, from 1, fails.
    fn is_due(&self, count: u64) -> bool {
        let Some(since) = count.checked_sub(self.nth.max(1)) else {
            return false;
        };
        let every = self.every.max(1);
        since.is_multiple_of(every) && self.times.is_none_or(|times| since / every < times)
    }
}

/// The requested faults, and how many calls matched each.
#[derive(Debug, Default)]
pub(super) struct FaultRules(pub(super) Vec<(FaultRule, u64)>);

impl FaultRules {
    /// Every rule counts the call; the first that is due applies.
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

/// Random faults: the probability of each, per call, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RandomFaults {
    /// The answer is lost after the request was carried out.
    pub lose_answer: f64,
    /// The connection is closed before the request is carried out.
    pub drop_request: f64,
    /// The answer, or the download, breaks off half-way.
    pub cut_body: f64,
    /// An HTML page with 502.
    pub html: f64,
    /// 5000, 5001 or 5002 without having been carried out; 503 for a download.
    pub server_error: f64,
    /// 1302 with Retry-After; not for downloads.
    pub too_fast: f64,
}

impl RandomFaults {
    /// Draws one random number per call, so that a seed decides which call fails how.
    pub(super) fn draw(&self, call: Endpoint, chance: &mut SeededRandom) -> Option<DueFault> {
        let mut drawn = chance.share();
        let code = 5_000 + u16::try_from(chance.between(0, 2)).unwrap_or_default();
        let refused = |code, retry_after_s| {
            Some(Fault::Code { code, status: None, retry_after_s, message: None })
        };
        let download = call == Endpoint::Download;
        let server_error =
            if download { Some(Fault::Status { status: 503 }) } else { refused(code, None) };
        let kinds = [
            (self.lose_answer, Some(Fault::LoseAnswer)),
            (self.drop_request, Some(Fault::DropRequest)),
            (self.cut_body, Some(Fault::CutBody { after_bytes: None })),
            (self.html, Some(Fault::Html { status: 502 })),
            (self.server_error, server_error),
            (self.too_fast, if download { None } else { refused(1302, Some(1)) }),
        ];
        for (probability, fault) in kinds {
            if drawn < probability {
                return fault.map(|fault| DueFault { carried_out: fault.is_carried_out(), fault });
            }
            drawn -= probability;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_faults_follow_probabilities_and_seed() {
        let faults = RandomFaults { lose_answer: 0.1, too_fast: 0.2, ..RandomFaults::default() };
        let draw = || {
            let mut chance = SeededRandom::new(42);
            (0..10_000)
                .filter_map(|_| faults.draw(Endpoint::Create, &mut chance))
                .collect::<Vec<_>>()
        };
        let drawn = draw();
        let lost = drawn.iter().filter(|due| due.fault == Fault::LoseAnswer).count();
        assert!((800..1_200).contains(&lost), "{lost}");
        assert!((1_700..2_300).contains(&(drawn.len() - lost)));
        assert_eq!(drawn, draw());
        let mut chance = SeededRandom::new(1);
        assert_eq!(RandomFaults::default().draw(Endpoint::Create, &mut chance), None);
    }

    fn suffered(rule: FaultRule, calls: u64) -> Vec<u64> {
        let mut book = FaultRules(vec![(rule, 0)]);
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
