//! What needs a person: the same for `lipsyncd status` and for the web page.

use super::{PauseKind, QueueStatus, RefusedManifest, Undelivered, UnreadableFolders};
use crate::job::State;

/// Something that only a person can end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need<'a> {
    /// Jobs whose create request has an unknown outcome.
    Unresolved(i64),
    /// The same for tasks of earlier requests, and the key of the job through which the first is decided.
    Superseded(i64, &'a str),
    /// Folders that cannot be read.
    UnreadableFolders(&'a UnreadableFolders),
    /// How many manifests have errors, and the first of them.
    RefusedManifests(i64, &'a [RefusedManifest]),
    /// Failed jobs.
    Failed(i64),
    /// Jobs whose request changed after it was sent, and the key of the first.
    Changed(i64, &'a str),
    /// The key of the first job that lacks its watermarked copy.
    MissingWatermark(&'a str),
    /// Jobs whose paid result does not come to its file.
    Undelivered(&'a Undelivered),
    /// Why messages of `notify` cannot be sent.
    UnsentMessages(&'a str),
    /// Jobs that wait for media, or for a time.
    Waiting(i64),
}

impl QueueStatus {
    /// Whether a person paused the queue, and only a person resumes it.
    pub fn is_paused_by_person(&self) -> bool {
        self.pause.as_ref().is_some_and(|pause| pause.kind == PauseKind::Person)
    }

    /// Returns what needs a person, the most urgent first.
    pub fn needs(&self) -> Vec<Need<'_>> {
        let count = |state| Some(self.count(&[state])).filter(|count| *count > 0);
        let superseded = self.superseded.jobs.first();
        let refused = Some(self.manifests_refused).filter(|count| *count > 0);
        let needs = [
            count(State::Unresolved).map(Need::Unresolved),
            superseded.map(|first| Need::Superseded(self.superseded.tasks, first)),
            self.unreadable_folders.as_ref().map(Need::UnreadableFolders),
            refused.map(|count| Need::RefusedManifests(count, &self.refused)),
            count(State::Failed).map(Need::Failed),
            self.first_changed.as_ref().map(|first| Need::Changed(self.changed_after_sent, first)),
            self.missing_watermarks.first_job.as_deref().map(Need::MissingWatermark),
            self.undelivered.as_ref().map(Need::Undelivered),
            self.notifications.problem.as_deref().map(Need::UnsentMessages),
            count(State::Waiting).map(Need::Waiting),
        ];
        needs.into_iter().flatten().collect()
    }
}
