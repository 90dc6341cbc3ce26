//! Wall time and random numbers for the steps. A test can set both.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use crate::job::Moment;

/// Returns the wall time and random numbers. Timers do not use it; they run on tokio's monotonic clock.
#[derive(Clone)]
pub struct Clock {
    now_ms: Arc<dyn Fn() -> i64 + Send + Sync>,
    seed: Arc<Mutex<u64>>,
}

impl Clock {
    /// Returns the system's clock, with a random seed.
    pub fn system() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seed = u64::from(since_epoch.subsec_nanos());
        Self::new(Self::system_now_ms, u64::from(std::process::id()).rotate_left(32) ^ seed)
    }

    /// Returns the system's wall time (Unix ms).
    pub fn system_now_ms() -> i64 {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
    }

    /// Returns a clock that reads `now_ms` (Unix ms) and draws random numbers from `seed`.
    pub fn new(now_ms: impl Fn() -> i64 + Send + Sync + 'static, seed: u64) -> Self {
        Self { now_ms: Arc::new(now_ms), seed: Arc::new(Mutex::new(seed)) }
    }

    /// Returns the wall time (Unix ms).
    pub fn now_ms(&self) -> i64 {
        (self.now_ms)()
    }

    /// Returns the wall time with a new random number.
    pub fn moment(&self) -> Moment {
        Moment { now_ms: self.now_ms(), chance: self.chance() }
    }

    /// Returns a number in 0.0..1.0, by the SplitMix64 generator.
    fn chance(&self) -> f64 {
        let mut seed = self.seed.lock().unwrap_or_else(PoisonError::into_inner);
        *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = *seed;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^= bits >> 31;
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
        let chance = (bits >> 11) as f64 / (1_u64 << 53) as f64;
        chance
    }
}
