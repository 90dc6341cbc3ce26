//! What the daemon would do with a path that is given to `check`.

use std::{
    fs, io,
    path::{self, Path, PathBuf},
};

use crate::{
    inbox::skipped_folder,
    manifest::{FileName, IgnorePatterns, file_name},
};

/// A path, and the folder that counts as its `jobs_dir`.
#[derive(Debug)]
pub(super) struct NamedPath {
    /// With links resolved.
    pub(super) root: PathBuf,
    /// Under `root`, as it was given: the last part may be a link. Empty for the folder itself.
    pub(super) path: String,
    is_folder: bool,
}

pub(super) enum NameMeaning {
    Manifest,
    Folder,
    Ignored(String),
    /// Ignored, and probably not on purpose.
    Suspicious(String),
}

impl NamedPath {
    /// Finds `jobs_dir` above the path as it was given, so that a link in it is seen as the daemon sees it. The root of
    /// any other path is its own folder.
    pub(super) fn find(given: &Path, jobs_dir: &Path) -> io::Result<Self> {
        // A link whose target does not exist is a file.
        let metadata = fs::metadata(given).or_else(|_| fs::symlink_metadata(given))?;
        let is_folder = metadata.is_dir();
        let absolute = path::absolute(given)?;
        let has_dots = absolute.components().any(|part| part == path::Component::ParentDir);
        let real_jobs_dir = jobs_dir.canonicalize().ok();
        let named = |root: PathBuf, path: &Path| Self {
            root,
            path: path.to_string_lossy().into_owned(),
            is_folder,
        };
        if let Some(root) = &real_jobs_dir {
            let absolute_jobs_dir = path::absolute(jobs_dir)?;
            let tops = [absolute_jobs_dir.as_path(), root];
            let below = tops.into_iter().find_map(|top| absolute.strip_prefix(top).ok());
            if let Some(below) = below.filter(|_| !has_dots) {
                return Ok(named(root.clone(), below));
            }
        }
        let beside = match (absolute.parent(), absolute.file_name()) {
            (Some(folder), Some(name)) if !is_folder => folder.canonicalize()?.join(name),
            _ => given.canonicalize()?,
        };
        if let Some(root) = real_jobs_dir
            && let Ok(below) = beside.strip_prefix(&root)
        {
            return Ok(named(root.clone(), below));
        }
        let root = if is_folder { &beside } else { beside.parent().unwrap_or(&beside) };
        Ok(named(root.to_owned(), beside.strip_prefix(root).unwrap_or(Path::new(""))))
    }

    pub(super) fn full(&self) -> PathBuf {
        self.root.join(&self.path)
    }

    pub(super) fn meaning(&self, ignore: &IgnorePatterns) -> NameMeaning {
        let folders = self.path.match_indices('/').map(|(end, _)| &self.path[..end]);
        let own = Some(self.path.as_str()).filter(|path| self.is_folder && !path.is_empty());
        for folder in folders.chain(own) {
            if let Some(why) = skipped_folder(&self.root.join(folder), folder, ignore) {
                return NameMeaning::Ignored(why);
            }
        }
        if self.is_folder {
            return NameMeaning::Folder;
        }
        match file_name(&self.path, ignore) {
            FileName::Manifest => NameMeaning::Manifest,
            FileName::Ignored(why) => NameMeaning::Ignored(why.into_owned()),
            FileName::Suspicious(why) => NameMeaning::Suspicious(why.into_owned()),
            FileName::Other => {
                NameMeaning::Ignored("names of manifests end in .yaml, .yml or .json".to_owned())
            }
        }
    }
}
