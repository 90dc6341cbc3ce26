//! Manifests that are new or changed: read once they are still, and taken in.
//!
//! What they give up is marked before any of them is taken in, so that a job which moves from one to
//! another is known there, whichever is read first.

use std::{collections::BTreeSet, time::Duration};

use tracing::{info, warn};

use super::{
    keep::{Inbox, Pass, blocking},
    look::Look,
    name::task_name,
    read::{Faulty, ReadJob, Reading, read_manifest},
    scan::{Found, Listing, Stamp},
};
use crate::{
    job::Media,
    store::{Accepted, StoreError, WantedJob},
};

/// A manifest that is to be read, and what its file looks like.
type Still = (String, Stamp);

impl Inbox {
    /// Remembers since when manifests are new or changed.
    pub(super) fn notice_changes(&mut self, listing: &Listing) {
        let now_ms = (self.moment)().now_ms;
        for (path, found) in &listing.manifests {
            if let Found::File(stamp) = found
                && !self.is_known(path, stamp)
            {
                self.changed_at_ms.entry(path.clone()).or_insert(now_ms);
            }
        }
    }

    fn is_known(&self, path: &str, stamp: &Stamp) -> bool {
        self.known.get(path).is_some_and(|known| known.print == stamp.print())
    }

    /// Reads what is new or changed. Returns the manifests that are not read yet.
    pub(super) async fn read_changed(
        &mut self,
        listing: &Listing,
        pass: &mut Pass,
    ) -> Result<BTreeSet<String>, StoreError> {
        let (mut pending, mut still) = (BTreeSet::new(), Vec::new());
        for (path, found) in &listing.manifests {
            let stamp = match found {
                Found::Odd(why) => {
                    self.refuse_odd(path, why, pass).await?;
                    continue;
                }
                Found::File(stamp) => stamp,
            };
            if self.is_known(path, stamp) && !self.again.contains(path) {
                continue;
            }
            match self.settling.wait(path.clone(), &stamp.print(), stamp.modified_ns) {
                Some(wait) => {
                    pass.look_again_in(wait);
                    pending.insert(path.clone());
                }
                None => still.push((path.clone(), stamp.clone())),
            }
        }
        self.tell_unseen(listing);
        if still.len() > 1 {
            still = self.give_up(still, &mut pending, pass).await?;
        }
        let unseen = self.known.keys().filter(|path| listing.is_unseen(path));
        let mut unread: BTreeSet<String> = pending.iter().chain(unseen).cloned().collect();
        for (path, stamp) in still {
            self.again.remove(&path);
            let Some(read) = self.read(&path).await else { break };
            match read {
                Ok(reading) if reading.stamp != stamp => {
                    self.wait_for_another_walk(&path, pass);
                    unread.insert(path.clone());
                    pending.insert(path);
                }
                Ok(reading) => {
                    if !self.accept(&path, &stamp, reading, &unread, pass).await? {
                        pending.insert(path);
                    }
                }
                Err(faulty) => self.refuse_faulty(&path, &stamp, &faulty, pass).await?,
            }
        }
        Ok(pending)
    }

    /// It changed since the walk, and so may others have: what left it, and where that went, is only
    /// seen together by another.
    fn wait_for_another_walk(&mut self, path: &str, pass: &mut Pass) {
        self.again.insert(path.to_owned());
        pass.look_again_in(self.settings.settle);
    }

    fn tell_unseen(&mut self, listing: &Listing) {
        for (folder, why) in &listing.unseen {
            if self.unseen.get(folder) != Some(why) {
                warn!(
                    "{folder} in jobs_dir cannot be read: {why}; nothing in it is taken as removed"
                );
            }
        }
        self.unseen.clone_from(&listing.unseen);
    }

    /// Marks what those of them that are known already do not ask for any more. Returns those that
    /// can be taken in. They are read twice, so that not all of them are in memory at once.
    async fn give_up(
        &mut self,
        still: Vec<Still>,
        pending: &mut BTreeSet<String>,
        pass: &mut Pass,
    ) -> Result<Vec<Still>, StoreError> {
        let mut fit = Vec::with_capacity(still.len());
        for (path, stamp) in still {
            if self.known.contains_key(&path) {
                let Some(read) = self.read(&path).await else { break };
                match read {
                    Ok(reading) if reading.stamp != stamp => {
                        self.wait_for_another_walk(&path, pass);
                        pending.insert(path);
                        continue;
                    }
                    Ok(reading) => {
                        let jobs = reading.jobs.into_iter();
                        let asked = jobs.map(|job| (job.spec.key, kept(&job.meaning))).collect();
                        let (moment, policy) = ((self.moment)(), self.settings.policy.clone());
                        self.store.give_up(&path, asked, moment, policy).await?;
                    }
                    Err(faulty) => {
                        self.again.remove(&path);
                        self.refuse_faulty(&path, &stamp, &faulty, pass).await?;
                        continue;
                    }
                }
            }
            fit.push((path, stamp));
        }
        Ok(fit)
    }

    /// None: nothing can be read any more.
    async fn read(&mut self, path: &str) -> Option<Result<Reading, Faulty>> {
        let mut looker = self.looker.take()?;
        let (jobs_dir, name) = (self.settings.jobs_dir.clone(), path.to_owned());
        let (looker, read) = blocking(move || {
            let read = read_manifest(&jobs_dir, &name, &mut looker);
            (looker, read)
        })
        .await;
        self.looker = Some(looker);
        Some(read)
    }

    /// Returns false if it has to wait for another manifest to be read.
    async fn accept(
        &mut self,
        path: &str,
        stamp: &Stamp,
        reading: Reading,
        unread: &BTreeSet<String>,
        pass: &mut Pass,
    ) -> Result<bool, StoreError> {
        let moment = (self.moment)();
        let jobs = reading.jobs.into_iter().map(|job| self.wanted(path, job, pass)).collect();
        let (print, file_id) = (stamp.print(), stamp.file_id.clone());
        let accepted = Accepted {
            path: path.to_owned(),
            print: print.clone(),
            file_id: file_id.clone(),
            seen_at_ms: self.changed_at_ms.get(path).copied().unwrap_or(moment.now_ms),
            unread: unread.clone(),
            jobs,
        };
        match self.store.accept(accepted, moment, self.settings.policy.clone()).await? {
            Ok(done) => {
                info!(manifest = path, "{path}: accepted{done}");
                pass.changed = true;
                self.forget(path);
                self.again.extend(done.read_again);
                if !self.again.is_empty() {
                    pass.look_again_in(Duration::ZERO);
                }
                self.remember(path, print, file_id, false).await?;
                Ok(true)
            }
            Err(conflict) if conflict.passes => {
                let why = conflict.to_string();
                if self.refused.get(path) != Some(&why) {
                    info!(manifest = path, "{path} waits: {why}");
                }
                self.refused.insert(path.to_owned(), why);
                self.again.insert(path.to_owned());
                pass.look_again_in(self.settings.settle);
                Ok(false)
            }
            Err(conflict) => {
                self.clashing.insert(path.to_owned());
                self.refuse(path, &print, &file_id, &format!("{path}: {conflict}"), pass).await?;
                Ok(true)
            }
        }
    }

    fn wanted(&self, path: &str, job: ReadJob, pass: &mut Pass) -> WantedJob {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        WantedJob {
            external_base: task_name(&self.settings.account, folder, &job.spec, &job.meaning),
            spec: job.spec,
            meaning: kept(&job.meaning),
            media: match job.look {
                Look::Ready(media) => Ok(media),
                Look::Missing { what, again } => {
                    again.into_iter().for_each(|again| pass.look_again_in(again));
                    Ok(Media { missing: Some(what), ..Media::default() })
                }
                Look::Unfit { fault, .. } => Err(fault),
            },
        }
    }
}

/// What of a digest is kept with a job: 128 bits tell it from all others.
fn kept(meaning: &str) -> String {
    meaning.chars().take(32).collect()
}

#[cfg(test)]
mod tests {
    use std::{fs::File, path::Path, time::SystemTime};

    use super::*;
    use crate::{
        inbox::{InboxSettings, Looker, scan::scan},
        job::{Moment, Policy},
        media::Locator,
        store::Store,
    };

    const POLICY: Policy = Policy {
        retry_initial_ms: 1_000,
        retry_max_ms: 300_000,
        give_up_after_ms: 86_400_000,
        create_settle_ms: 10_000,
    };

    async fn inbox(folder: &Path) -> Inbox {
        let settings = InboxSettings {
            jobs_dir: folder.join("jobs"),
            media_dirs: Vec::new(),
            settle: Duration::ZERO,
            rescan_interval: Duration::from_secs(30),
            policy: POLICY,
            account: "test".to_owned(),
        };
        let locator = Locator { jobs_dir: settings.jobs_dir.clone(), media_dirs: Vec::new() };
        let looker = Looker::new(locator, None, Duration::ZERO);
        let store = Store::open(&folder.join("state.db")).unwrap();
        let moment = || Moment { now_ms: 1_800_000_000_000, chance: 0.5 };
        Inbox::new(settings, store, looker, moment).await.unwrap()
    }

    fn drop_in(path: &Path, sound: &str) {
        let text = format!(
            "video: https://cdn.example.com/v.mp4\naudio: https://cdn.example.com/{sound}.mp3\n\
             sound_end_time: 4s\n"
        );
        std::fs::write(path, text).unwrap();
        // Written long ago: it is still.
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(sound.len() as u64))
            .unwrap();
    }

    #[tokio::test]
    async fn what_is_moved_between_the_walk_and_the_reading_is_not_met_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join("jobs").join(name);
        std::fs::create_dir(folder.path().join("jobs")).unwrap();
        let mut inbox = inbox(folder.path()).await;
        let mut pass = Pass { again_at: None, changed: false };
        drop_in(&path("a.yaml"), "one");
        let seen = scan(&folder.path().join("jobs")).unwrap();
        inbox.read_changed(&seen, &mut pass).await.unwrap();
        let first = inbox.store.job_by_key("a").await.unwrap().unwrap();

        drop_in(&path("b.yaml"), "another");
        let seen = scan(&folder.path().join("jobs")).unwrap();
        std::fs::rename(path("a.yaml"), path("t")).unwrap();
        std::fs::rename(path("b.yaml"), path("a.yaml")).unwrap();
        std::fs::rename(path("t"), path("b.yaml")).unwrap();
        let pending = inbox.read_changed(&seen, &mut pass).await.unwrap();
        assert_eq!(pending, BTreeSet::from(["b.yaml".to_owned()]));
        assert!(inbox.store.job_by_key("b").await.unwrap().is_none());

        let seen = scan(&folder.path().join("jobs")).unwrap();
        inbox.read_changed(&seen, &mut pass).await.unwrap();
        let sound = async |key| inbox.store.job_by_key(key).await.unwrap().unwrap().spec.audio;
        assert_eq!(
            (sound("b").await, sound("a").await == first.spec.audio),
            (first.spec.audio, false)
        );
    }
}
