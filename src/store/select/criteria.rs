//! Which jobs are meant.

use std::fmt;

use glob::{MatchOptions, Pattern};

use crate::job::{JobId, State, Verdict};

/// Which jobs are meant. All conditions must hold; of several values of one condition, one is enough.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Select {
    /// Keys of jobs. Keys of no job select nothing, see [`Reader::unknown_keys`](crate::store::Reader::unknown_keys).
    pub keys: Vec<String>,
    /// Rows of jobs, as an earlier selection found them.
    pub rows: Vec<JobId>,
    /// Patterns of the paths of their manifests.
    pub manifests: Vec<ManifestGlob>,
    /// Name and value. Of several values of one name, one is enough.
    pub labels: Vec<(String, String)>,
    /// Their states.
    pub states: Vec<State>,
    /// Error codes of failed and cancelled jobs.
    pub codes: Vec<String>,
    /// The reason of failed and cancelled jobs, as `failure_overview` shows it.
    pub reason: Option<String>,
    /// Their state changed at this time or later (Unix ms).
    pub since_ms: Option<i64>,
    /// Succeeded jobs with this verdict on their result; none: without a verdict.
    pub verdicts: Vec<Option<Verdict>>,
    /// Whether the request of the job changed after it was sent.
    pub changed: Option<bool>,
    /// Whether a person dismissed the failed job.
    pub dismissed: Option<bool>,
}

impl Select {
    /// Selects every job.
    pub fn all() -> Self {
        Self::default()
    }

    /// The names of verdicts that can be selected; the last: without a verdict.
    pub const VERDICTS: [&str; 3] = [Verdict::Approved.name(), Verdict::Rejected.name(), "none"];

    /// Reads the name of a verdict, or `none`.
    pub fn verdict_named(name: &str) -> Option<Option<Verdict>> {
        let verdict = Verdict::named(name);
        Self::VERDICTS.contains(&name).then_some(verdict)
    }

    /// Reads a label: `NAME=VALUE`.
    pub fn label_of(text: &str) -> Option<(String, String)> {
        let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty())?;
        Some((name.to_owned(), value.to_owned()))
    }

    /// Selects the jobs in one state.
    pub fn in_state(state: State) -> Self {
        Self { states: vec![state], ..Self::default() }
    }

    /// Whether jobs are selected by nothing but their keys.
    pub fn is_by_key(&self) -> bool {
        let keys = self.keys.clone();
        !keys.is_empty() && *self == Self { keys, ..Self::default() }
    }

    /// Whether jobs are selected by nothing but their manifests, or all are.
    pub fn is_by_manifest(&self) -> bool {
        *self == Self { manifests: self.manifests.clone(), ..Self::default() }
    }

    /// Returns the states that can match; none: all can. Only jobs in an error state have a code and a reason.
    pub(super) fn possible_states(&self) -> Option<Vec<State>> {
        let with_errors = [State::Failed, State::Cancelled];
        let needs_error = !self.codes.is_empty() || self.reason.is_some();
        let mut states = match (self.states.is_empty(), needs_error) {
            (true, false) => return None,
            (true, true) => with_errors.to_vec(),
            (false, _) => self.states.clone(),
        };
        states.retain(|state| !needs_error || with_errors.contains(state));
        states.sort_unstable();
        states.dedup();
        Some(states)
    }
}

/// A pattern of manifest paths under `jobs_dir`: `*` and `?` match within a folder, `**` also across folders. A path
/// that exists always matches itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestGlob {
    text: String,
    /// None: the text is no pattern.
    pattern: Option<Pattern>,
}

impl ManifestGlob {
    /// Creates a pattern from what a person wrote.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let pattern = Pattern::new(text.strip_prefix("./").unwrap_or(&text)).ok();
        Self { text, pattern }
    }

    /// Whether the pattern means the manifest of this path.
    pub fn matches(&self, path: &str) -> bool {
        const OPTIONS: MatchOptions = MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            require_literal_leading_dot: false,
        };
        let fits = |pattern: &Pattern| pattern.matches_with(path, OPTIONS);
        self.text == path || self.pattern.as_ref().is_some_and(fits)
    }
}

impl fmt::Display for ManifestGlob {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}
