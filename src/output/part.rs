//! The part file: the bytes of a video that have arrived, hashed while they are written, and the final check.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{
    digest::{has_facts, hash, hex},
    error::OutputError,
    facts::FileFacts,
    folder::sync_folder,
    part_file::{create, discard, reopen},
    part_note::PartNote,
    paths::{OutputPaths, VideoKind},
    rename::{exists, into_free, remove_if_there},
};
use crate::failpoint;

/// The most that may have to be fetched again after a crash.
const SYNC_EVERY_BYTES: u64 = 8 << 20;

/// What a part belongs to. A part of another task's video is never continued.
#[derive(Debug, Clone, Copy)]
pub struct PartSource<'a> {
    /// Kling's id of the task.
    pub task_id: &'a str,
    /// Which of the task's videos.
    pub kind: VideoKind,
}

/// `.NAME.part` beside the final name. When dropped, the file stays and can be continued.
#[derive(Debug)]
pub struct Part {
    path: PathBuf,
    file: File,
    hasher: Sha256,
    bytes: u64,
    synced_bytes: u64,
    max_bytes: u64,
    source: String,
    etag: Option<String>,
    /// A note about this part may be on disk.
    has_note: bool,
    /// What [`finish`](Self::finish) has checked.
    checked: Option<FileFacts>,
}

impl Part {
    /// Opens the part of one video. Bytes of the same task that are synced are kept and hashed again; other
    /// bytes are removed. The part may grow up to `max_bytes`.
    ///
    /// # Errors
    /// What the file system reports; [`OutputError::Foreign`] if the part's name is taken by a link or a folder.
    pub fn open(
        paths: &OutputPaths,
        source: PartSource<'_>,
        max_bytes: u64,
    ) -> Result<Self, OutputError> {
        let path = OutputPaths::part_of(&paths.video(source.kind));
        let source = format!("{} {:?}", source.task_id, source.kind);
        let note = PartNote::read_or_remove(&path, |note| {
            note.source == source && note.synced_bytes <= max_bytes
        })?;
        let file = if note.is_some() { reopen(&path)? } else { create(&path)? };
        let mut part = Self {
            path,
            file,
            hasher: Sha256::new(),
            bytes: 0,
            synced_bytes: 0,
            max_bytes,
            source,
            etag: None,
            has_note: note.is_some(),
            checked: None,
        };
        if let Some(note) = note {
            part.take_up(note)?;
        }
        Ok(part)
    }

    /// Number of bytes that are there. The download continues from this byte.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The ETag with which the download continues. None: the part cannot be continued.
    pub fn etag(&self) -> Option<&str> {
        self.etag.as_deref()
    }

    /// Records where the server's bytes begin, and to which file they belong.
    ///
    /// `from_byte` 0 starts again. Without an ETag, these bytes cannot be continued later.
    ///
    /// # Errors
    /// [`OutputError::Misfit`] if the bytes do not begin where the part ends, or belong to another file: then the
    /// complete file must be fetched.
    pub fn begin(&mut self, from_byte: u64, etag: Option<&str>) -> Result<(), OutputError> {
        if from_byte == 0 {
            if self.bytes > 0 || self.has_note {
                self.restart()?;
            }
            self.etag = etag.map(str::to_owned);
            return Ok(());
        }
        let same_file = etag.is_none() || etag == self.etag();
        if from_byte != self.bytes || !same_file {
            let (path, bytes) = (self.path.clone(), self.bytes);
            return Err(OutputError::Misfit { path, bytes, from_byte });
        }
        Ok(())
    }

    /// Adds bytes at the end.
    ///
    /// # Errors
    /// [`OutputError::TooLarge`] before more than the limit is written; otherwise what the file system reports.
    /// Bytes that were synced before stay valid.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        let grown = self.bytes.saturating_add(bytes.len() as u64);
        if grown > self.max_bytes {
            return Err(OutputError::TooLarge {
                path: self.path.clone(),
                max_bytes: self.max_bytes,
            });
        }
        failpoint::before("part.append");
        if let Err(error) = self.file.write_all(bytes) {
            // Some of the bytes may be written: the next ones must not follow them.
            self.file.set_len(self.bytes).map_err(OutputError::at(&self.path))?;
            self.file.seek(SeekFrom::Start(self.bytes)).map_err(OutputError::at(&self.path))?;
            return Err(OutputError::at(&self.path)(error));
        }
        failpoint::after("part.append");
        self.hasher.update(bytes);
        self.bytes = grown;
        if self.bytes - self.synced_bytes >= SYNC_EVERY_BYTES {
            self.keep()?;
        }
        Ok(())
    }

    /// Syncs all bytes, so that a later [`open`](Self::open) continues from here. Call it when a download is
    /// interrupted.
    pub fn keep(&mut self) -> Result<(), OutputError> {
        let Some(etag) = self.etag.clone() else {
            return Ok(());
        };
        failpoint::around("part.keep", || self.file.sync_data())
            .map_err(OutputError::at(&self.path))?;
        (self.synced_bytes, self.has_note) = (self.bytes, true);
        PartNote { source: self.source.clone(), etag, synced_bytes: self.bytes }.write(&self.path)
    }

    /// Checks that the video is complete. Then it may be published, which syncs it.
    ///
    /// `check` gets the file, at its start, and its length. `expected_bytes` is the length that the server reported.
    /// A start after a crash fetches the video again, unless it is [kept](Self::keep). Here only large videos are.
    ///
    /// # Errors
    /// [`OutputError::WrongLength`]: a part that is too short stays, a part that is too long is removed.
    /// [`OutputError::Broken`] if the file is empty: the part is removed. [`OutputError::Incomplete`] if `check` fails:
    /// the part stays, to be [discarded](Self::discard) or [kept](Self::keep_incomplete).
    pub fn finish<E: ToString>(
        &mut self,
        check: impl FnOnce(&mut File, u64) -> Result<(), E>,
        expected_bytes: Option<u64>,
    ) -> Result<FileFacts, OutputError> {
        let bytes = self.bytes;
        if let Some(expected_bytes) = expected_bytes.filter(|expected| *expected != bytes) {
            if bytes < expected_bytes {
                self.keep()?
            } else {
                discard(&self.path)?
            }
            let path = self.path.clone();
            return Err(OutputError::WrongLength { path, bytes, expected_bytes });
        }
        if bytes == 0 {
            discard(&self.path)?;
            let (path, why) = (self.path.clone(), "it is empty".to_owned());
            return Err(OutputError::Broken { path, why });
        }
        self.file.seek(SeekFrom::Start(0)).map_err(OutputError::at(&self.path))?;
        let facts = FileFacts { sha256: hex(self.hasher.clone()), bytes };
        if let Err(why) = check(&mut self.file, bytes) {
            let (path, why) = (self.path.clone(), why.to_string());
            return Err(OutputError::Incomplete { path, why, facts });
        }
        if bytes >= SYNC_EVERY_BYTES {
            self.keep()?;
        }
        self.checked = Some(facts.clone());
        Ok(facts)
    }

    /// Syncs all bytes. No file gets its final name before.
    pub(super) fn sync(&self) -> Result<(), OutputError> {
        failpoint::around("part.sync", || self.file.sync_all()).map_err(OutputError::at(&self.path))
    }

    /// Returns true if the file at `path` is this part, and [`finish`](Self::finish) found these facts. Then the file
    /// need not be read again.
    pub(super) fn is_checked(&self, path: &Path, facts: &FileFacts) -> bool {
        // Another task may have replaced the file.
        let is_file = || {
            let (ours, there) = (self.file.metadata()?, fs::symlink_metadata(path)?);
            let is_same = (ours.dev(), ours.ino()) == (there.dev(), there.ino());
            Ok::<_, io::Error>(is_same && there.len() == facts.bytes)
        };
        self.path == path && self.checked.as_ref() == Some(facts) && is_file().unwrap_or(false)
    }

    /// Returns true if there may be a note about this part.
    pub(super) const fn has_note(&self) -> bool {
        self.has_note
    }

    /// Removes the part.
    pub fn discard(self) -> Result<(), OutputError> {
        discard(&self.path)
    }

    /// Keeps an incomplete video at `to`, unless it is there already.
    ///
    /// # Errors
    /// [`OutputError::Foreign`] if another file has that name: then the part is removed.
    pub fn keep_incomplete(self, to: &Path, facts: &FileFacts) -> Result<(), OutputError> {
        if exists(to)? {
            let is_kept = has_facts(to, facts)?;
            self.discard()?;
            return if is_kept { Ok(()) } else { Err(OutputError::Foreign(to.to_owned())) };
        }
        self.file.sync_all().map_err(OutputError::at(&self.path))?;
        into_free(&self.path, to)?;
        self.discard()?;
        sync_folder(to.parent().unwrap_or(to))
    }

    fn take_up(&mut self, note: PartNote) -> Result<(), OutputError> {
        let hashed = hash((&self.file).take(note.synced_bytes), &mut self.hasher)
            .map_err(OutputError::at(&self.path))?;
        if hashed < note.synced_bytes {
            return self.restart();
        }
        failpoint::around("part.take_up", || self.file.set_len(hashed))
            .map_err(OutputError::at(&self.path))?;
        (self.bytes, self.synced_bytes, self.etag) = (hashed, hashed, Some(note.etag));
        Ok(())
    }

    fn restart(&mut self) -> Result<(), OutputError> {
        PartNote::remove(&self.path)?;
        failpoint::around("part.empty", || self.file.set_len(0))
            .map_err(OutputError::at(&self.path))?;
        self.file.seek(SeekFrom::Start(0)).map_err(OutputError::at(&self.path))?;
        self.hasher = Sha256::new();
        (self.bytes, self.synced_bytes, self.etag) = (0, 0, None);
        (self.has_note, self.checked) = (false, None);
        Ok(())
    }
}

/// Removes what was [kept](Part::keep_incomplete) at `path` of an incomplete video with these facts.
pub fn remove_incomplete(path: &Path, facts: &FileFacts) -> Result<(), OutputError> {
    if has_facts(path, facts)? { remove_if_there(path) } else { Ok(()) }
}
