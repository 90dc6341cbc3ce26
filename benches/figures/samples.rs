//! Values of one figure, each from a run of its own.

/// The values, smallest first. None: this figure was not measured.
#[derive(Debug, Clone, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    pub fn add(&mut self, value: f64) {
        self.extend([value]);
    }

    /// The median of all values.
    pub fn median(&self) -> Option<f64> {
        let middle = self.0.len() / 2;
        if self.0.len().is_multiple_of(2) {
            return Some((self.0.get(middle.checked_sub(1)?)? + self.0[middle]) / 2.0);
        }
        self.0.get(middle).copied()
    }

    /// The smallest and the largest value.
    pub fn spread(&self) -> Option<(f64, f64)> {
        Some((*self.0.first()?, *self.0.last()?))
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl From<f64> for Samples {
    fn from(value: f64) -> Self {
        Self(vec![value])
    }
}

impl FromIterator<f64> for Samples {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut samples = Self::default();
        samples.extend(values);
        samples
    }
}

impl Extend<f64> for Samples {
    fn extend<I: IntoIterator<Item = f64>>(&mut self, values: I) {
        self.0.extend(values);
        self.0.sort_unstable_by(f64::total_cmp);
    }
}

impl IntoIterator for Samples {
    type Item = f64;
    type IntoIter = std::vec::IntoIter<f64>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Takes one value from each run.
pub fn each<T>(runs: &[T], of: impl Fn(&T) -> f64) -> Samples {
    runs.iter().map(of).collect()
}

/// Runs a measurement this often.
pub fn repeat<T>(times: usize, mut measure: impl FnMut() -> T) -> Vec<T> {
    (0..times).map(|_| measure()).collect()
}
