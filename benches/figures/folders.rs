//! The folders of the measurements. They stay until the program ends, because some file systems create files slowly
//! for minutes after many files were deleted.

use std::{
    env, fs,
    path::{self, Path, PathBuf},
    sync::Mutex,
};

use tempfile::{Builder, TempDir};

static MADE: Mutex<Vec<TempDir>> = Mutex::new(Vec::new());

/// Deletes all folders when it is dropped.
pub struct Folders;

/// Makes the folder of one measurement. With the environment variable KEEP it is made in that folder, and stays there.
pub fn make(measurement: &str) -> PathBuf {
    let keep = env::var_os("KEEP");
    let prefix = format!("{measurement}-");
    let parent = keep.as_ref().map_or_else(env::temp_dir, PathBuf::from);
    // The programs that are measured run in other folders.
    let parent = path::absolute(parent).unwrap();
    fs::create_dir_all(&parent).unwrap();
    let folder =
        Builder::new().prefix(&prefix).disable_cleanup(keep.is_some()).tempdir_in(parent).unwrap();
    let path = folder.path().to_owned();
    MADE.lock().unwrap().push(folder);
    path
}

/// Deletes a folder of large files now, unless it is to be kept.
pub fn delete(path: &Path) {
    MADE.lock().unwrap().retain(|folder| folder.path() != path);
}

impl Drop for Folders {
    fn drop(&mut self) {
        MADE.lock().unwrap().clear();
    }
}
