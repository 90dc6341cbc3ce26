//! Manifests of which nothing is known: all their jobs are new, and none can be another's.
//!
//! Most manifests are such, and the largest are. A few questions for the whole manifest and two for
//! each job stand in for the many that a job is asked one by one; whatever hints that one of its jobs
//! may be known leaves the whole manifest to [`accept`](Reconciliation::accept).

use std::collections::{BTreeSet, HashMap, HashSet};

use rusqlite::Connection;

use super::{Accepted, Reconciliation, StoreError, WantedJob};
#[cfg(debug_assertions)]
use super::{NO_JOB, same::Near};

pub(in crate::store) const OF_GONE_FILE: &str = "
    SELECT l.name, l.video, l.audio FROM manifest g JOIN job l ON l.manifest_id = g.id
    WHERE g.file_id = ?1 AND g.removed_at_ms IS NOT NULL AND l.left_at_ms IS NOT NULL";

// Each of the rest is true if a row is there.
pub(in crate::store) const HAS_JOBS: &str = "
    SELECT EXISTS (SELECT 1 FROM job WHERE manifest_id = (SELECT id FROM manifest WHERE path = ?1))";
pub(in crate::store) const ANY_GIVEN_UP: &str = "
    SELECT EXISTS (SELECT 1 FROM job WHERE left_at_ms IS NOT NULL OR wanted_meaning IS NOT NULL)";
pub(in crate::store) const KEY_HELD: &str = "SELECT EXISTS (SELECT 1 FROM job WHERE key = ?1)";
pub(in crate::store) const KEYS_BETWEEN: &str = "
    SELECT EXISTS (SELECT 1 FROM job WHERE key >= ?1 AND key < ?2)";
pub(in crate::store) const OUTPUTS_BETWEEN: &str = "
    SELECT EXISTS (SELECT 1 FROM job INDEXED BY job_output
      WHERE output >= ?1 AND output < ?2 AND freed = 0)";
pub(in crate::store) const OUTPUT_TAKEN: &str = "
    SELECT EXISTS (SELECT 1 FROM job INDEXED BY job_output
      WHERE output = ?1 AND freed = 0)";
pub(in crate::store) const MEANT_OR_NAMED: &str = "
    SELECT EXISTS (SELECT 1 FROM job WHERE meaning = ?1)
      OR EXISTS (SELECT 1 FROM job WHERE external_base = ?2 AND freed = 0)
      OR EXISTS (SELECT 1 FROM job WHERE external_base = ?2 AND freed = 1)";
pub(in crate::store) const GIVEN_UP: &str = "
    SELECT EXISTS (SELECT 1 FROM job WHERE wanted_meaning = ?1)
      OR EXISTS (SELECT 1 FROM job INDEXED BY job_given_up
        WHERE audio = ?2 AND video = ?3
          AND (left_at_ms IS NOT NULL OR wanted_meaning IS NOT NULL))";

impl Reconciliation<'_> {
    /// Takes in a manifest of which nothing is known. Returns false, and has written nothing, if
    /// something may be.
    pub(in crate::store) fn take_in_unheard(
        &mut self,
        manifest: &Accepted,
    ) -> Result<bool, StoreError> {
        if !self.is_unheard_of(manifest)? {
            return Ok(false);
        }
        let manifest_id = self.enter(manifest)?;
        #[cfg(debug_assertions)]
        self.assert_nothing_is_found(manifest_id, manifest)?;
        // Nothing that is added here comes before the first of its priority.
        let mut turns = HashMap::new();
        for (index, wanted) in manifest.jobs.iter().enumerate() {
            let priority = wanted.spec.priority;
            let first = match turns.get(&priority) {
                Some(first) => *first,
                None => *turns.entry(priority).or_insert(self.turn(priority)?),
            };
            let turn = i64::saturating_add(first, i64::try_from(index).unwrap_or(i64::MAX));
            self.insert(manifest_id, wanted, task_name(wanted).to_owned(), turn)?;
        }
        Ok(true)
    }

    /// Whether all that [`accept`](Self::accept) could find of the jobs is nothing:
    ///
    /// - it has no jobs yet: none is given up by it, removed or freed for it;
    /// - nobody holds one of the keys: there is no holder to compare with, to exchange or take over;
    /// - no job asks or asked the same, or was last asked to: none is passed on by its meaning, and
    ///   none of a manifest that is still to be read, or has faults, is in doubt;
    /// - of the jobs that were given up, none has the same sound and video: none is passed on by its
    ///   content, nor known by its name in another file;
    /// - no job of a manifest that is gone and was this very file has its name with its video or sound:
    ///   none is known by its name in the same file;
    /// - no job has, or had, one of the names or outputs: none is to be numbered, and none clashes.
    ///
    /// Nothing of that changes while the jobs are added, for within a manifest keys, outputs and names
    /// are each one job's alone, and nothing is given up.
    fn is_unheard_of(&self, manifest: &Accepted) -> Result<bool, StoreError> {
        let connection = self.connection;
        if yes(connection, HAS_JOBS, [&manifest.path])?
            || !names_differ(&manifest.jobs)
            || self.is_place_taken(manifest)?
        {
            return Ok(false);
        }
        let of_gone_file = self.of_gone_file(&manifest.file_id)?;
        let any_given_up = yes(connection, ANY_GIVEN_UP, [])?;
        let mut given_up = connection.prepare_cached(GIVEN_UP)?;
        let mut meant_or_named = connection.prepare_cached(MEANT_OR_NAMED)?;
        for wanted in &manifest.jobs {
            let (spec, meaning) = (&wanted.spec, &wanted.meaning);
            let media = [spec.audio.as_written(), spec.video.as_written()];
            let was_here =
                |medium: &str| of_gone_file.contains(&(spec.id.clone(), medium.to_owned()));
            if meant_or_named.query_row((meaning, task_name(wanted)), |row| row.get(0))?
                || any_given_up
                    && given_up.query_row((meaning, media[0], media[1]), |row| row.get(0))?
                || !of_gone_file.is_empty() && media.into_iter().any(was_here)
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What is proven above, asked one by one.
    #[cfg(debug_assertions)]
    fn assert_nothing_is_found(
        &self,
        manifest_id: i64,
        manifest: &Accepted,
    ) -> Result<(), StoreError> {
        for wanted in &manifest.jobs {
            let key = &wanted.spec.key;
            assert!(self.holder(key)?.is_none(), "{key} is held");
            for near in [Near::Meaning, Near::Content] {
                assert!(self.same(manifest, wanted, near)?.is_empty(), "{key} is another's");
            }
            assert!(self.renamed_and_edited(manifest, wanted)?.is_none(), "{key} is renamed");
            assert!(self.check_doubt(manifest_id, manifest, wanted).is_ok(), "{key} is in doubt");
            let made = &wanted.external_base;
            let is_given = wanted.spec.external_task_id.is_some();
            assert!(is_given || self.free_name(made, NO_JOB)? == *made, "{key}'s name is taken");
        }
        Ok(())
    }

    /// Names of jobs, each with its video and with its sound.
    fn of_gone_file(&self, file_id: &str) -> Result<HashSet<(Option<String>, String)>, StoreError> {
        let mut of_gone_file = self.connection.prepare_cached(OF_GONE_FILE)?;
        let mut rows = of_gone_file.query([file_id])?;
        let mut found = HashSet::new();
        while let Some(row) = rows.next()? {
            let name: Option<String> = row.get(0)?;
            found.insert((name.clone(), row.get(1)?));
            found.insert((name, row.get(2)?));
        }
        Ok(found)
    }

    /// Whether somebody may hold one of the keys or outputs. Those of a batch that follow from its path
    /// all begin with it, so that one question serves for all.
    fn is_place_taken(&self, manifest: &Accepted) -> Result<bool, StoreError> {
        let mut folders = BTreeSet::new();
        for wanted in &manifest.jobs {
            let (key, output) = (&wanted.spec.key, &wanted.spec.output);
            let folder = key.rfind('/').map(|end| &key[..end]);
            folders.extend(folder.filter(|_| wanted.spec.id.is_some()));
            let alone = folder.is_none() || wanted.spec.id.is_none();
            if alone && yes(self.connection, KEY_HELD, [key])?
                || (alone || output.strip_suffix(".mp4") != Some(key))
                    && yes(self.connection, OUTPUT_TAKEN, [output])?
            {
                return Ok(true);
            }
        }
        for folder in folders {
            // What comes right after `/` is `0`.
            let between = [format!("{folder}/"), format!("{folder}0")];
            if yes(self.connection, KEYS_BETWEEN, between.each_ref())?
                || yes(self.connection, OUTPUTS_BETWEEN, between.each_ref())?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The name that a new job's task goes by.
fn task_name(wanted: &WantedJob) -> &str {
    wanted.spec.external_task_id.as_ref().unwrap_or(&wanted.external_base)
}

/// A name that the manifest gives may be one that was made for another of its jobs.
fn names_differ(jobs: &[WantedJob]) -> bool {
    let mut names = HashSet::with_capacity(jobs.len());
    jobs.iter().all(|wanted| names.insert(task_name(wanted)))
}

fn yes(
    connection: &Connection,
    question: &str,
    of: impl rusqlite::Params,
) -> Result<bool, StoreError> {
    Ok(connection.prepare_cached(question)?.query_row(of, |row| row.get(0))?)
}
