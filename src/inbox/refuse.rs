//! Manifests that are not taken in, and why.

use std::time::Duration;

use tracing::warn;

use super::{
    inbox::{Inbox, Pass},
    manifest_index::{Print, Seen},
    read::RejectedManifest,
    scan::ManifestStamp,
};
use crate::store::{JobChange, StoreError};

/// How soon to look again when this process could open nothing more.
const AFTER_EXHAUSTION: Duration = Duration::from_secs(1);
/// Stands for the size and time of a file that could not be read: it is tried again in each pass.
const UNREADABLE: &str = "unreadable";

impl Inbox {
    /// Forgets why `path` was refused, and has those read again that it may have stood in the way of.
    pub(super) fn forget(&mut self, path: &str) {
        self.refused.remove(path);
        self.clashing.remove(path);
        self.changed_at_ms.remove(path);
        self.again.extend(self.clashing.iter().cloned());
    }

    pub(super) async fn refuse_odd(
        &mut self,
        path: &str,
        why: &str,
        pass: &mut Pass,
    ) -> Result<(), StoreError> {
        let print = Print::Other("odd".into());
        self.refuse(path, print, &format!("{path}: {why}"), pass).await
    }

    pub(super) async fn refuse_faulty(
        &mut self,
        path: &str,
        stamp: &ManifestStamp,
        faulty: &RejectedManifest,
        pass: &mut Pass,
    ) -> Result<(), StoreError> {
        if faulty.is_for_want_of_files() {
            self.again.insert(path.into());
            pass.look_again_in(AFTER_EXHAUSTION);
            return Ok(());
        }
        self.clashing.remove(path);
        let read_error = faulty.read_error.is_some();
        let print = if read_error { Print::Other(UNREADABLE.into()) } else { Print::of(stamp) };
        self.refuse(path, print, &faulty.problems.one_line(path), pass).await
    }

    pub(super) async fn refuse(
        &mut self,
        path: &str,
        print: Print,
        error: &str,
        pass: &mut Pass,
    ) -> Result<(), StoreError> {
        let is_news = self.refused.get(path).map(String::as_str) != Some(error);
        if !is_news && self.known.get(path).is_some_and(|known| known.print == print) {
            return Ok(());
        }
        if is_news {
            warn!(manifest = path, "refused: {error}");
        }
        pass.changed = true;
        self.refused.insert(path.into(), error.to_owned());
        let (moment, policy) = ((self.moment)(), self.settings.policy.clone());
        let print_text = print.to_string();
        let held = self.store.refuse(path, &print_text, error, moment, policy).await?;
        held.iter().for_each(JobChange::log);
        self.known.insert(path.into(), Seen::new(print, true));
        Ok(())
    }
}
