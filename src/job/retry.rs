//! How long to wait after a failure.
//!
//! The only user of `backoff`. That crate is no longer maintained, so that only its formula is used. Chance is an
//! argument.

use std::time::Duration;

use backoff::{ExponentialBackoff, backoff::Backoff as _};

/// The settings that decide what an error means.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Policy {
    pub retry_initial_ms: i64,
    pub retry_max_ms: i64,
    /// How long a step that costs nothing may keep failing.
    pub give_up_after_ms: i64,
    /// How long a create request of unknown outcome must stay absent at Kling before it is sent again.
    pub create_settle_ms: i64,
}

/// The longest wait that a server may ask for.
pub const ASKED_MAX_MS: i64 = 3_600_000;

impl Policy {
    /// Returns the longest wait after a failure.
    pub fn longest_rest_ms(&self) -> i64 {
        self.retry_max_ms.max(self.create_settle_ms).max(ASKED_MAX_MS)
    }

    /// Whether a rest until `due_at_ms` is over. A rest that would last longer than the longest possible one is
    /// over, too: the clock was set back since.
    pub fn is_due(&self, due_at_ms: i64, now_ms: i64) -> bool {
        due_at_ms <= now_ms || due_at_ms.saturating_sub(now_ms) > self.longest_rest_ms()
    }
}

/// When something happened, and the chance that spreads its retry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// Unix time.
    pub now_ms: i64,
    /// 0.0..1.0; spreads the retries of many jobs that failed together.
    pub chance: f64,
}

/// The delay before failure number `tries` (from 1) is tried again, in ms: doubling from the first
/// delay to the longest, then spread over its upper half by `chance`.
#[must_use]
pub fn delay_ms(policy: &Policy, tries: u32, chance: f64) -> i64 {
    let initial = Duration::from_millis(policy.retry_initial_ms.max(1).unsigned_abs());
    let mut growth = ExponentialBackoff {
        current_interval: initial,
        initial_interval: initial,
        randomization_factor: 0.0,
        multiplier: 2.0,
        max_interval: Duration::from_millis(policy.retry_max_ms.max(1).unsigned_abs()),
        // The default ends all tries after fifteen minutes.
        max_elapsed_time: None,
        ..ExponentialBackoff::default()
    };
    // Beyond this many doublings every setting has reached its longest delay.
    let steps = tries.clamp(1, 40);
    let whole = (0..steps).filter_map(|_| growth.next_backoff()).last().unwrap_or(initial);
    let whole_ms = i64::try_from(whole.as_millis()).unwrap_or(i64::MAX / 4);
    let half = whole_ms / 2;
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
    let spread = (half as f64 * chance.clamp(0.0, 1.0)) as i64;
    (whole_ms - half + spread).clamp(1, policy.retry_max_ms.max(1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::jobs::POLICY;

    #[test]
    fn doubles_up_to_the_longest() {
        let delays: Vec<i64> = (1..=11).map(|tries| delay_ms(&POLICY, tries, 1.0)).collect();
        assert_eq!(
            delays,
            [
                1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000,
                300_000
            ]
        );
    }

    #[test]
    fn never_gives_up_by_itself_and_never_overflows() {
        assert_eq!(delay_ms(&POLICY, u32::MAX, 1.0), 300_000);
    }

    #[test]
    fn chance_spreads_over_the_upper_half() {
        assert_eq!(delay_ms(&POLICY, 3, 0.0), 2_000);
        assert_eq!(delay_ms(&POLICY, 3, 0.5), 3_000);
    }

    /// What a configuration may ask, and what it may not.
    fn any_ms() -> impl Strategy<Value = i64> {
        prop_oneof![0..90_000_000_i64, any::<i64>(), Just(i64::MAX)]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_delay_grows_within_its_bounds(
            retry_initial_ms in any_ms(),
            retry_max_ms in any_ms(),
            tries: u32,
            chance in prop_oneof![0.0..=1.0, any::<f64>()],
        ) {
            let policy = Policy { retry_initial_ms, retry_max_ms, ..POLICY };
            let most_ms = retry_max_ms.max(1);
            let delay = |tries, chance| delay_ms(&policy, tries, chance);
            let whole_ms = delay(tries, 1.0);
            prop_assert!((1..=most_ms).contains(&delay(tries, chance)));
            prop_assert!((delay(tries, 0.0)..=whole_ms).contains(&delay(tries, chance)));
            prop_assert!(delay(tries.saturating_add(1), 1.0) >= whole_ms);
            // Beyond that, the chance's share is rounded.
            if retry_initial_ms <= most_ms && most_ms < 1 << 53 {
                prop_assert!(delay(tries, 0.0) >= whole_ms / 2);
                prop_assert_eq!(delay(0, 1.0), retry_initial_ms.max(1));
            }
        }
    }
}
