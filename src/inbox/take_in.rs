//! Taking manifests in: read some, hand them to the store, and read on while it writes.
//!
//! What is under way at once is bounded, so that memory stays small and a create does not wait long
//! behind a folder that is taken in.

use std::{
    collections::{BTreeSet, VecDeque},
    path::Path,
    sync::Arc,
    time::Duration,
};

use futures_util::future::BoxFuture;
use tracing::info;

use super::{
    changed::Still,
    keep::{Inbox, Pass, blocking},
    known::{Print, Seen},
    look::{Look, Looker},
    name::task_name,
    read::{Faulty, ReadJob, read_manifest},
    scan::Stamp,
};
use crate::{
    job::Media,
    store::{Accepted, Change, Conflict, Reconciled, StoreError, WantedJob},
};

/// Reading goes on while no more jobs than these are being written.
const WRITING_JOBS_MAX: usize = 3_072;
/// So many jobs are read in one go, or so many manifests.
const READ_JOBS: usize = 1_024;
const READ_MANIFESTS: usize = 64;

/// What was read of one manifest.
struct Read {
    path: Arc<str>,
    /// Of the walk.
    stamp: Stamp,
    wanted: Result<Wanted, Faulty>,
}

/// What a manifest without faults asks.
struct Wanted {
    /// Of the reading.
    stamp: Stamp,
    jobs: Vec<WantedJob>,
    /// When another look at its media is worth it.
    again: Option<Duration>,
}

/// A manifest that the store is taking in.
struct Writing {
    path: Arc<str>,
    stamp: Stamp,
    jobs: usize,
    accepted: BoxFuture<'static, Result<Result<Reconciled, Conflict>, StoreError>>,
}

impl Inbox {
    /// Takes in manifests that are still, in that order. `unread` are those that cannot be read yet, or
    /// cannot be seen.
    ///
    /// Those that are not known yet are handed over one after the other, before it is heard what became
    /// of the last. (If that is a conflict, it is written down later than what was handed over since:
    /// which minds nothing, for nobody is asked for by a manifest that was not there.)
    pub(super) async fn take_in(
        &mut self,
        still: Vec<Still>,
        unread: BTreeSet<Arc<str>>,
        pending: &mut BTreeSet<Arc<str>>,
        pass: &mut Pass,
    ) -> Result<(), StoreError> {
        let mut unread = Arc::new(unread);
        let (mut still, mut writing) = (VecDeque::from(still), VecDeque::new());
        while !still.is_empty() {
            let Some(some) = self.read_some(&mut still).await else { break };
            for Read { path, stamp, wanted } in some {
                self.again.remove(&path);
                match wanted {
                    Ok(wanted) if wanted.stamp != stamp => {
                        self.wait_for_another_walk(&path, pass);
                        Arc::make_mut(&mut unread).insert(Arc::clone(&path));
                        pending.insert(path);
                    }
                    Ok(wanted) => {
                        wanted.again.into_iter().for_each(|again| pass.look_again_in(again));
                        let is_known = self.known.contains_key(&*path);
                        if is_known {
                            self.written(&mut writing, 0, pending, pass).await?;
                        }
                        writing.push_back(self.write(path, stamp, wanted.jobs, &unread));
                        let under_way = if is_known { 0 } else { WRITING_JOBS_MAX };
                        self.written(&mut writing, under_way, pending, pass).await?;
                    }
                    Err(faulty) => self.refuse_faulty(&path, &stamp, &faulty, pass).await?,
                }
            }
        }
        self.written(&mut writing, 0, pending, pass).await
    }

    /// None: nothing can be read any more.
    async fn read_some(&mut self, still: &mut VecDeque<Still>) -> Option<Vec<Read>> {
        let mut looker = self.looker.take()?;
        let now_ms = (self.moment)().now_ms;
        let mut left = std::mem::take(still);
        let (jobs_dir, account) = (self.settings.jobs_dir.clone(), self.settings.account.clone());
        let (looker, left, some) = blocking(move || {
            let (mut some, mut jobs) = (Vec::new(), 0);
            while jobs < READ_JOBS
                && some.len() < READ_MANIFESTS
                && let Some((path, stamp)) = left.pop_front()
            {
                let wanted = read(&jobs_dir, &path, &account, &mut looker, now_ms);
                jobs += wanted.as_ref().map_or(0, |wanted| wanted.jobs.len());
                some.push(Read { path, stamp, wanted });
            }
            (looker, left, some)
        })
        .await;
        self.looker = Some(looker);
        *still = left;
        Some(some)
    }

    fn write(
        &self,
        path: Arc<str>,
        stamp: Stamp,
        jobs: Vec<WantedJob>,
        unread: &Arc<BTreeSet<Arc<str>>>,
    ) -> Writing {
        let moment = (self.moment)();
        let count = jobs.len();
        let accepted = Accepted {
            path: path.to_string(),
            print: Print::of(&stamp).to_string(),
            file_id: stamp.file_id.to_string(),
            seen_at_ms: self.changed_at_ms.get(&path).copied().unwrap_or(moment.now_ms),
            unread: Arc::clone(unread),
            jobs,
        };
        let accepted = self.store.accept(accepted, moment, self.settings.policy.clone());
        Writing { path, stamp, jobs: count, accepted: Box::pin(accepted) }
    }

    /// Waits until at most so many `jobs` are being written.
    async fn written(
        &mut self,
        writing: &mut VecDeque<Writing>,
        jobs: usize,
        pending: &mut BTreeSet<Arc<str>>,
        pass: &mut Pass,
    ) -> Result<(), StoreError> {
        let mut under_way: usize = writing.iter().map(|manifest| manifest.jobs).sum();
        while (under_way > jobs || jobs == 0)
            && let Some(first) = writing.pop_front()
        {
            under_way -= first.jobs;
            let accepted = first.accepted.await?;
            if !self.accepted(&first.path, &first.stamp, accepted, pass).await? {
                pending.insert(first.path);
            }
        }
        Ok(())
    }

    /// Returns false if it has to wait for another manifest to be read.
    async fn accepted(
        &mut self,
        path: &Arc<str>,
        stamp: &Stamp,
        accepted: Result<Reconciled, Conflict>,
        pass: &mut Pass,
    ) -> Result<bool, StoreError> {
        match accepted {
            Ok(done) => {
                info!(manifest = &**path, "{path}: accepted{done}");
                done.changes.iter().for_each(Change::log);
                pass.changed = true;
                self.forget(path);
                self.again.extend(done.read_again.into_iter().map(Arc::from));
                if !self.again.is_empty() {
                    pass.look_again_in(Duration::ZERO);
                }
                self.known.insert((&**path).into(), Seen::new(Print::of(stamp), false));
                Ok(true)
            }
            Err(conflict) if conflict.passes => {
                let why = conflict.to_string();
                if self.refused.get(path) != Some(&why) {
                    info!(manifest = &**path, "{path} waits: {why}");
                }
                self.refused.insert(Arc::clone(path), why);
                self.again.insert(Arc::clone(path));
                pass.look_again_in(self.settings.settle);
                Ok(false)
            }
            Err(conflict) => {
                self.clashing.insert(Arc::clone(path));
                let (print, file_id) = (Print::of(stamp), stamp.file_id.to_string());
                self.refuse(path, print, &file_id, &format!("{path}: {conflict}"), pass).await?;
                Ok(true)
            }
        }
    }
}

/// Blocks.
fn read(
    jobs_dir: &Path,
    path: &str,
    account: &str,
    looker: &mut Looker,
    now_ms: i64,
) -> Result<Wanted, Faulty> {
    let reading = read_manifest(jobs_dir, path, looker, now_ms)?;
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut again = None;
    let jobs = reading.jobs.into_iter().map(|job| wanted(job, account, folder, &mut again));
    let jobs = jobs.collect();
    Ok(Wanted { stamp: reading.stamp, jobs, again })
}

fn wanted(
    job: ReadJob,
    account: &str,
    folder: &str,
    look_again: &mut Option<Duration>,
) -> WantedJob {
    WantedJob {
        external_base: task_name(account, folder, &job.spec, &job.meaning),
        spec: job.spec,
        meaning: kept_meaning(&job.meaning),
        media: match job.look {
            Look::Ready(media) => Ok(media),
            Look::Missing { what, again } => {
                *look_again = [*look_again, again].into_iter().flatten().min();
                Ok(Media { missing: Some(what), ..Media::default() })
            }
            Look::Unfit { fault, .. } => Err(fault),
        },
    }
}

/// What of a digest is kept with a job: 128 bits tell it from all others.
pub(super) fn kept_meaning(meaning: &str) -> String {
    meaning.chars().take(32).collect()
}
