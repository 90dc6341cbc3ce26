//! Which of the jobs that were given up a wanted one is, where its key does not tell.
//!
//! Only looks. A job that was sent and turns up under another name must be known, or it is paid for
//! again: what fits is taken, and where several fit, the likeliest.

use rusqlite::{Row, named_params};

use super::Reconciliation;
use crate::{
    job::{Source, State},
    store::{Accepted, StoreError, WantedJob, row},
};

/// How near a job must be to what is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Near {
    /// It asked, or was last to ask, the very same.
    Meaning,
    /// It was sent, and what was paid for is the same, whatever its id, labels and the like.
    Content,
    /// It goes by the same name and was renamed and edited in one go: what it asked differs.
    Name,
}

/// A job that its manifest gave up.
pub(super) struct GivenUp {
    pub(super) id: i64,
    pub(super) key: String,
    pub(super) name: Option<String>,
    pub(super) manifest_id: i64,
    pub(super) state: State,
    pub(super) wanted_meaning: Option<String>,
    /// Nobody asks for it; if not, its key asks for something else.
    pub(super) left: bool,
    pub(super) was_sent: bool,
    pub(super) near: Near,
    pub(super) media: SameMedia,
    /// It was given up while the manifest that may ask for it now was on its way.
    just_now: bool,
    manifest_path: String,
    file_id: String,
    sound_ms: Option<i64>,
    video_ms: Option<i64>,
}

const SELECT: &str = "
    SELECT j.id, j.key, j.name, j.manifest_id, j.state, j.wanted_meaning,
      j.left_at_ms IS NOT NULL AS left,
      j.first_sent_at_ms IS NOT NULL OR j.task_id IS NOT NULL OR j.result_sha256 IS NOT NULL
        AS was_sent,
      coalesce(j.changed_at_ms, 0) >= :seen_at_ms AS just_now,
      j.meaning = :meaning OR j.wanted_meaning IS :meaning AS same_meaning,
      m.path, m.file_id,
      CASE WHEN j.audio_kind = 'file' THEN j.sound_ms END AS sound_ms,
      CASE WHEN j.video_kind = 'file' THEN j.video_ms END AS video_ms
    FROM job j JOIN manifest m ON m.id = j.manifest_id ";

const OF_MEANING: &str = "
    WHERE j.key <> :key AND j.id IN (
      SELECT id FROM job WHERE meaning = :meaning
        AND (left_at_ms IS NOT NULL OR wanted_meaning IS NOT NULL)
      UNION
      SELECT id FROM job WHERE wanted_meaning = :meaning AND left_at_ms IS NOT NULL)";

const OF_CONTENT: &str = "
    WHERE (j.left_at_ms IS NOT NULL OR j.wanted_meaning IS NOT NULL) AND j.key <> :key
      AND j.audio = :audio AND j.video = :video
      AND j.audio_kind = :audio_kind AND j.video_kind = :video_kind
      AND j.face_kind = :face_kind AND j.face IS :face
      AND j.sound_start_ms = :sound_start_ms AND j.sound_end_ms IS :sound_end_ms
      AND j.sound_insert_ms IS :sound_insert_ms AND j.sound_volume = :sound_volume
      AND j.original_audio_volume = :original_audio_volume AND j.watermark = :watermark
      AND was_sent";

/// A new file may get the inode of one that is gone, so that its video or its sound must be the same,
/// too. In another file both must be, and the job must have left while this manifest was on its way.
const OF_FILE: &str = "
    WHERE j.left_at_ms IS NOT NULL AND j.name IS :name AND j.id IN (
      SELECT l.id FROM manifest g JOIN job l ON l.manifest_id = g.id
        WHERE g.file_id = :file_id AND g.removed_at_ms IS NOT NULL
          AND (l.video = :video OR l.audio = :audio)
      UNION
      SELECT id FROM job WHERE (left_at_ms IS NOT NULL OR wanted_meaning IS NOT NULL)
        AND audio = :audio AND video = :video AND left_at_ms >= :seen_at_ms)";

impl Reconciliation<'_> {
    /// The jobs that may be the wanted one, the likeliest first.
    pub(super) fn same(
        &self,
        manifest: &Accepted,
        wanted: &WantedJob,
        near: Near,
    ) -> Result<Vec<GivenUp>, StoreError> {
        let mut found = self.of_meaning(manifest, wanted)?;
        if found.is_empty() && near == Near::Content {
            found = self.of_content(manifest, wanted)?;
        }
        for job in &mut found {
            job.media = job.compare_media(manifest, wanted);
        }
        found.retain(|job| job.media != SameMedia::No);
        found.sort_by_cached_key(|job| {
            (
                job.near,
                job.file_id != manifest.file_id,
                !job.left,
                !job.was_sent,
                job.name != wanted.spec.id,
                folder(&job.manifest_path) != folder(&manifest.path),
                job.id,
            )
        });
        Ok(found)
    }

    /// The job that was renamed and edited in one go.
    pub(super) fn renamed_and_edited(
        &self,
        manifest: &Accepted,
        wanted: &WantedJob,
    ) -> Result<Option<GivenUp>, StoreError> {
        let spec = &wanted.spec;
        let mut statement = self.connection.prepare_cached(&format!("{SELECT}{OF_FILE}"))?;
        let found = statement.query_map(
            named_params! {
                ":meaning": wanted.meaning, ":name": spec.id, ":file_id": manifest.file_id,
                ":video": spec.video.as_written(), ":audio": spec.audio.as_written(),
                ":seen_at_ms": manifest.seen_at_ms,
            },
            GivenUp::from_row,
        )?;
        let found: Vec<GivenUp> = found.collect::<Result<_, _>>()?;
        let likeliest =
            found.into_iter().min_by_key(|job| (job.file_id != manifest.file_id, job.id));
        Ok(likeliest.map(|job| GivenUp { near: Near::Name, ..job }))
    }

    fn of_meaning(
        &self,
        manifest: &Accepted,
        wanted: &WantedJob,
    ) -> Result<Vec<GivenUp>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!("{SELECT}{OF_MEANING}"))?;
        let known = named_params! {
            ":meaning": wanted.meaning, ":key": wanted.spec.key,
            ":seen_at_ms": manifest.seen_at_ms,
        };
        let found = statement.query_map(known, GivenUp::from_row)?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    fn of_content(
        &self,
        manifest: &Accepted,
        wanted: &WantedJob,
    ) -> Result<Vec<GivenUp>, StoreError> {
        let spec = &wanted.spec;
        let ((video_kind, video), (audio_kind, audio)) =
            (row::source(&spec.video), row::source(&spec.audio));
        let (face_kind, face) = row::face(&spec.face);
        let mut statement = self.connection.prepare_cached(&format!("{SELECT}{OF_CONTENT}"))?;
        let found = statement.query_map(
            named_params! {
                ":meaning": wanted.meaning, ":key": spec.key, ":video_kind": video_kind,
                ":video": video, ":audio_kind": audio_kind, ":audio": audio,
                ":face_kind": face_kind, ":face": face, ":sound_start_ms": spec.sound_start_ms,
                ":sound_end_ms": spec.sound_end_ms, ":sound_insert_ms": spec.sound_insert_ms,
                ":sound_volume": spec.sound_volume, ":watermark": spec.watermark,
                ":original_audio_volume": spec.original_audio_volume,
                ":seen_at_ms": manifest.seen_at_ms,
            },
            GivenUp::from_row,
        )?;
        Ok(found.collect::<Result<_, _>>()?)
    }
}

impl GivenUp {
    /// Whether it may be passed on though that leaves its key without it. A job that was edited some
    /// time ago stays where that is told.
    pub(super) fn is_free(&self) -> bool {
        self.left || self.just_now
    }

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let same_meaning: bool = row.get("same_meaning")?;
        Ok(Self {
            id: row.get("id")?,
            key: row.get("key")?,
            name: row.get("name")?,
            manifest_id: row.get("manifest_id")?,
            state: row::parsed(row, "state")?,
            wanted_meaning: row.get("wanted_meaning")?,
            left: row.get("left")?,
            was_sent: row.get("was_sent")?,
            near: if same_meaning { Near::Meaning } else { Near::Content },
            media: SameMedia::Yes,
            just_now: row.get("just_now")?,
            manifest_path: row.get("path")?,
            file_id: row.get("file_id")?,
            sound_ms: row.get("sound_ms")?,
            video_ms: row.get("video_ms")?,
        })
    }

    /// In another folder, the same relative name may be another file: one of another length certainly
    /// is. A manifest that was merely moved there is known by its own file.
    fn compare_media(&self, manifest: &Accepted, wanted: &WantedJob) -> SameMedia {
        if self.file_id == manifest.file_id || folder(&self.manifest_path) == folder(&manifest.path)
        {
            return SameMedia::Yes;
        }
        let Ok(media) = &wanted.media else { return SameMedia::Yes };
        let spec = &wanted.spec;
        let compared = [
            (&spec.audio, self.sound_ms, media.audio_ms),
            (&spec.video, self.video_ms, media.video_ms),
        ]
        .map(|(source, before, now)| match (source, before, now) {
            (Source::File(_), Some(before), Some(now)) if before != now => SameMedia::No,
            (Source::File(_), Some(_), None) if media.missing.is_some() => SameMedia::NotKnown,
            _ => SameMedia::Yes,
        });
        compared.into_iter().max().unwrap_or(SameMedia::Yes)
    }
}

/// Whether the files of two jobs of the same wish are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SameMedia {
    Yes,
    /// They are not there, or still being written.
    NotKnown,
    No,
}

/// The folder of a manifest under `jobs_dir`.
fn folder(path: &str) -> &str {
    path.rfind('/').map_or("", |end| &path[..end])
}
