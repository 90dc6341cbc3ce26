//! Manifests in the folder that have errors.

use rusqlite::Connection;

use super::{ManifestGlob, Reader, StoreError, sql::Sql as _};

/// A manifest with errors.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct RefusedManifest {
    pub path: String,
    pub error: String,
}

pub(super) const REFUSED: &str = "
    SELECT path, error FROM manifest INDEXED BY manifest_refused
    WHERE state = 'refused' AND removed_at_ms IS NULL ORDER BY path LIMIT ?1";
const ALL: i64 = -1;

impl Reader {
    /// Returns the refused manifest that a job of this key belongs to, judging by the name.
    pub fn refused_manifest_of(&self, key: &str) -> Result<Option<RefusedManifest>, StoreError> {
        let parent = key.rsplit_once('/').map(|(parent, _)| parent);
        let is_its = |path: &str| {
            let stem = path.rsplit_once('.').map(|(stem, _)| stem);
            stem.is_some() && (stem == Some(key) || stem == parent)
        };
        let all = refused(&self.connection, ALL)?;
        Ok(all.into_iter().find(|manifest| is_its(&manifest.path)))
    }

    /// Counts the refused manifests that a pattern matches; without patterns all.
    pub fn count_refused(&self, patterns: &[ManifestGlob]) -> Result<usize, StoreError> {
        let is_meant = |manifest: &RefusedManifest| {
            patterns.is_empty() || patterns.iter().any(|glob| glob.matches(&manifest.path))
        };
        Ok(refused(&self.connection, ALL)?.into_iter().filter(is_meant).count())
    }
}

/// Returns the first manifests with errors, by path; all of them if `limit` is negative.
pub(super) fn refused(
    connection: &Connection,
    limit: i64,
) -> Result<Vec<RefusedManifest>, StoreError> {
    connection
        .all(REFUSED, [limit], |row| Ok(RefusedManifest { path: row.get(0)?, error: row.get(1)? }))
}
