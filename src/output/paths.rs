//! The paths of a job's files: final names and hidden names, never outside the output folder.

use std::{
    ffi::OsStr,
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Component, Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use super::{digest::hex, error::OutputError, folder::sync_folder};
use crate::failpoint;

/// How many hexadecimal digits of the SHA-256 are in the name. A longer name is used if a shorter one is taken.
pub(super) const DIGITS: [usize; 3] = [8, 16, 64];

/// Which of a job's two videos.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VideoKind {
    /// The result.
    Result,
    /// The watermarked result.
    Watermark,
}

impl VideoKind {
    /// Its name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Result => "result",
            Self::Watermark => "watermark",
        }
    }
}

/// Identifies a folder, because another one may have its path later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FolderId {
    device: u64,
    inode: u64,
}

/// One job's paths in the output folder. Symbolic links are resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputPaths {
    folder: PathBuf,
    /// File name of the result, with and without `.mp4`.
    name: String,
    stem: String,
}

impl OutputPaths {
    /// Creates the folder for `relative` (parts joined by `/`) under `output_dir`, which must exist.
    ///
    /// # Errors
    /// [`OutputError::Escapes`] if the path or a symbolic link in it leads out of `output_dir`; otherwise what the file
    /// system reports.
    pub fn prepare(output_dir: &Path, relative: &str) -> Result<Self, OutputError> {
        let (parts, name) = split(output_dir, relative)?;
        let root = root(output_dir)?;
        let mut folder = root.clone();
        for part in parts {
            folder = enter(&root, &folder.join(part))?;
        }
        Ok(Self::in_folder(folder, name))
    }

    /// Finds the folder for `relative` like [`prepare`](Self::prepare), but creates nothing and follows no links below `output_dir`.
    /// None if there is no such folder.
    pub fn find(output_dir: &Path, relative: &str) -> Result<Option<Self>, OutputError> {
        let (parts, name) = split(output_dir, relative)?;
        let folder = parts.iter().fold(root(output_dir)?, |folder, part| folder.join(part));
        match fs::canonicalize(&folder) {
            Ok(real) if real == folder => Ok(Some(Self::in_folder(folder, name))),
            Ok(_) => Ok(None),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(OutputError::at(&folder)(error)),
        }
    }

    /// The place of a result called `name` in a folder that [`prepare`](Self::prepare) returned.
    pub fn in_folder(folder: PathBuf, name: String) -> Self {
        let stem = match name.rsplit_once('.') {
            Some((stem, ending)) if ending.eq_ignore_ascii_case("mp4") && !stem.is_empty() => {
                stem.to_owned()
            }
            _ => name.clone(),
        };
        Self { folder, name, stem }
    }

    /// The final path of a video.
    pub fn video(&self, kind: VideoKind) -> PathBuf {
        match kind {
            VideoKind::Result => self.folder.join(&self.name),
            VideoKind::Watermark => self.folder.join(format!("{}.watermark.mp4", self.stem)),
        }
    }

    /// The final path of the metadata.
    pub fn metadata(&self) -> PathBuf {
        self.folder.join(format!("{}.json", self.stem))
    }

    /// Where a download is kept that is no complete video, however often the server sends it.
    pub fn incomplete(&self, kind: VideoKind) -> PathBuf {
        let kind = match kind {
            VideoKind::Result => "",
            VideoKind::Watermark => ".watermark",
        };
        self.folder.join(format!("{}{kind}.incomplete.mp4", self.stem))
    }

    /// The folder of all these files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Which folder has that path now. None if there is none, or a link.
    pub fn folder_id(&self) -> Option<FolderId> {
        let found = fs::symlink_metadata(&self.folder).ok().filter(fs::Metadata::is_dir)?;
        Some(FolderId { device: found.dev(), inode: found.ino() })
    }

    /// Where the parts of a superseded task are. They never collide with the parts of the job's current task.
    ///
    /// Only for [`Part::open`](super::Part::open) and copies; [`publish_superseded`](super::publish_superseded)
    /// publishes them.
    pub fn superseded(&self, task_id: &str) -> Self {
        let task = hex(Sha256::new().chain_update(task_id));
        self.aside(&format!("~{}", &task[..DIGITS[0]]))
    }

    /// Where an earlier result is kept.
    pub(super) fn aside(&self, digest: &str) -> Self {
        Self::in_folder(self.folder.clone(), format!("{}.{digest}.mp4", self.stem))
    }

    /// Whether a file for this place was begun and has not got its name yet.
    #[must_use]
    pub fn has_part(&self) -> bool {
        let begun = |path: PathBuf| Self::part_of(&path).exists();
        begun(self.video(VideoKind::Result)) || begun(self.metadata())
    }

    /// This place, and the names under which a result of this SHA-256 may be kept beside it.
    pub fn places_of<'a>(&'a self, sha256: &'a str) -> impl Iterator<Item = Self> + 'a {
        let digests = DIGITS.into_iter().filter_map(|digits| sha256.get(..digits));
        std::iter::once(self.clone()).chain(digests.map(|digest| self.aside(digest)))
    }

    /// The place whose metadata have this file name, if it can be one where an earlier result is kept.
    pub(super) fn aside_of_metadata(&self, name: &str) -> Option<Self> {
        let digest = name.strip_prefix(&self.stem)?.strip_prefix('.')?.strip_suffix(".json")?;
        let is_digest = DIGITS.contains(&digest.len())
            && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_digest.then(|| self.aside(digest))
    }

    /// The name of a file until it is complete. Hidden, so that programs that watch the folder ignore it.
    pub(super) fn part_of(path: &Path) -> PathBuf {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.with_file_name(format!(".{name}.part"))
    }
}

/// Splits the path of a result into its folders and its file name.
fn split<'a>(
    output_dir: &Path,
    relative: &'a str,
) -> Result<(Vec<&'a OsStr>, String), OutputError> {
    let named = output_dir.join(relative);
    let mut parts = Vec::new();
    for component in Path::new(relative).components() {
        match component {
            Component::Normal(part) => parts.push(part),
            Component::CurDir => {}
            _ => return Err(OutputError::Escapes(named)),
        }
    }
    let name = parts.pop().and_then(OsStr::to_str).map(str::to_owned);
    match name.filter(|_| !relative.ends_with('/')) {
        Some(name) => Ok((parts, name)),
        None => Err(OutputError::BadName(named)),
    }
}

fn root(output_dir: &Path) -> Result<PathBuf, OutputError> {
    fs::canonicalize(output_dir).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => OutputError::Gone(output_dir.to_owned()),
        _ => OutputError::at(output_dir)(error),
    })
}

/// Creates a folder under `root` if it is missing. A link may only lead to another folder under `root`.
fn enter(root: &Path, folder: &Path) -> Result<PathBuf, OutputError> {
    failpoint::before("folder.make");
    match fs::create_dir(folder) {
        Ok(()) => {
            failpoint::after("folder.make");
            if let Some(parent) = folder.parent() {
                sync_folder(parent)?;
            }
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(OutputError::at(folder)(error)),
    }
    let real = fs::canonicalize(folder).map_err(OutputError::at(folder))?;
    if real.starts_with(root) { Ok(real) } else { Err(OutputError::Escapes(folder.to_owned())) }
}
