//! Jobs that their manifest gave up: it does not ask for them any more, or asks something else under
//! their key.
//!
//! They are only marked here, so that they are known wherever they turn up again; what becomes of
//! them is decided when their manifest is reconciled.

use std::collections::HashMap;

use super::Reconciliation;
use crate::store::{StoreError, WantedJob};

impl Reconciliation<'_> {
    /// Marks the jobs of a manifest that are not among what it asks now: key and meaning.
    pub(in crate::store) fn give_up<'k>(
        &self,
        manifest_id: i64,
        asked: impl Iterator<Item = (&'k str, &'k str)>,
    ) -> Result<(), StoreError> {
        let asked: HashMap<&str, &str> = asked.collect();
        let mut known = self.connection.prepare_cached(
            "SELECT id, key, meaning, left_at_ms IS NOT NULL, wanted_meaning FROM job
             WHERE manifest_id = ?1",
        )?;
        let (mut left, mut changed) = (Vec::new(), Vec::new());
        let mut rows = known.query([manifest_id])?;
        while let Some(row) = rows.next()? {
            let (id, key, meaning): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let (is_left, wanted): (bool, Option<String>) = (row.get(3)?, row.get(4)?);
            match asked.get(key.as_str()).copied() {
                None if !is_left => left.push(id),
                Some(now) if now != meaning && wanted.as_deref() != Some(now) => {
                    changed.push((id, now));
                }
                _ => {}
            }
        }
        let mut leave =
            self.connection.prepare_cached("UPDATE job SET left_at_ms = ?2 WHERE id = ?1")?;
        for id in left {
            leave.execute((id, self.moment.now_ms))?;
        }
        let mut change = self.connection.prepare_cached(
            "UPDATE job SET wanted_meaning = ?2, changed_at_ms = coalesce(changed_at_ms, ?3)
             WHERE id = ?1",
        )?;
        for (id, now) in changed {
            change.execute((id, now, self.moment.now_ms))?;
        }
        Ok(())
    }

    /// The jobs of a manifest that left the folder.
    pub(in crate::store) fn give_up_all(&self, manifest_id: i64) -> Result<(), StoreError> {
        self.give_up(manifest_id, std::iter::empty())
    }

    /// The job is asked for: as it is, or as something else if it is flagged so.
    pub(super) fn is_asked_for(&self, id: i64, wanted: &WantedJob) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "UPDATE job SET left_at_ms = NULL,
                   wanted_meaning = CASE WHEN changed_since THEN ?2 END,
                   changed_at_ms = CASE WHEN changed_since THEN changed_at_ms END
                 WHERE id = ?1 AND (left_at_ms IS NOT NULL
                   OR wanted_meaning IS NOT CASE WHEN changed_since THEN ?2 END)",
            )?
            .execute((id, &wanted.meaning))?;
        Ok(())
    }
}
