//! Where a job's files go: the final names, and the hidden ones beside them; never outside the folder.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Component, Path, PathBuf},
};

use super::{error::OutputError, folder::sync_folder};
use crate::failpoint;

/// Which of a job's two videos.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The result.
    Result,
    /// The watermarked result.
    Watermark,
}

/// One job's place in the output folder. Symbolic links are resolved: its folder truly lies there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    folder: PathBuf,
    /// The video's file name, and it without `.mp4`.
    name: String,
    stem: String,
}

impl Place {
    /// Finds, and makes, the folder for `relative` (parts joined by `/`) under `output_dir`, which must exist.
    ///
    /// # Errors
    /// [`OutputError::Escapes`] where the path or a symbolic link in it leads out of `output_dir`; else what
    /// the file system says.
    pub fn prepare(output_dir: &Path, relative: &str) -> Result<Self, OutputError> {
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
        let Some(name) = name.filter(|_| !relative.ends_with('/')) else {
            return Err(OutputError::BadName(named));
        };
        let root = fs::canonicalize(output_dir).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => OutputError::Gone(output_dir.to_owned()),
            _ => OutputError::at(output_dir)(error),
        })?;
        let mut folder = root.clone();
        for part in parts {
            folder = enter(&root, &folder.join(part))?;
        }
        Ok(Self::in_folder(folder, name))
    }

    /// The place of a file called `name` in a folder that [`prepare`](Self::prepare) found.
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
    pub fn video(&self, kind: Kind) -> PathBuf {
        match kind {
            Kind::Result => self.folder.join(&self.name),
            Kind::Watermark => self.folder.join(format!("{}.watermark.mp4", self.stem)),
        }
    }

    /// The final path of the metadata.
    pub fn metadata(&self) -> PathBuf {
        self.folder.join(format!("{}.json", self.stem))
    }

    /// The folder all of them lie in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What a file is called until it is whole: hidden, so that others that watch the folder ignore it.
    pub(super) fn part_of(path: &Path) -> PathBuf {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.with_file_name(format!(".{name}.part"))
    }
}

/// A folder under `root`, made if it is missing; a link may lead to another folder under `root` only.
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
