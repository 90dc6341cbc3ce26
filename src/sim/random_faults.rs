//! Random faults: one random number per call, so that a seed decides which call fails how.

use super::{
    faults::{DueFault, Endpoint, Fault},
    random::SeededRandom,
};

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
}
