//! What only the first complete scan after a start does.

use std::sync::atomic::Ordering;

use super::{diff::is_in, inbox::Inbox, pass::Pass, read::read_manifest};
use crate::{job::Media, store::StoreError};

impl Inbox {
    /// Allows paid calls after the first complete scan. Jobs of manifests that this scan could not compare are held
    /// until their manifests are read.
    pub(super) async fn end_first_scan(&mut self, pass: &Pass) -> Result<(), StoreError> {
        if self.settings.is_scanned.load(Ordering::Acquire) {
            return Ok(());
        }
        let is_uncompared =
            |path: &&str| pass.pending.contains(*path) || is_in(&self.unreadable, path);
        let uncompared = self.index.paths().filter(is_uncompared);
        for path in uncompared.map(str::to_owned).collect::<Vec<_>>() {
            let (moment, policy) = (self.moment(), self.policy());
            let why = "its manifest has not been read since the start";
            self.store.hold(&path, why, moment, policy).await?;
            self.index.reread(&path);
        }
        self.check_media_of_pending(pass).await;
        self.settling.trust_times(false);
        self.media_checker().trust_times(false);
        self.store.set_scanned().await?;
        self.settings.is_scanned.store(true, Ordering::Release);
        Ok(())
    }

    /// Checks the media of manifests that the first scan could not read yet: later scans trust no old times, and media
    /// that were there at the start would have to settle again.
    async fn check_media_of_pending(&self, pass: &Pass) {
        if pass.pending.is_empty() || !self.settings.trusts_old_times {
            return;
        }
        let (jobs_dir, pending) = (self.settings.jobs_dir.clone(), pass.pending.clone());
        let now_ms = self.moment().now_ms;
        self.with_media_checker(move |checker| {
            for path in &pending {
                // It is read again when it has settled, and its errors count then.
                let _early = read_manifest(&jobs_dir, path, checker, |_| Media::default(), now_ms);
            }
        })
        .await;
    }
}
