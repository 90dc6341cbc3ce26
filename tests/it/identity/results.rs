//! The results in the output folder: which task made each of them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::env::Env;
use crate::support::sha256;

impl Env {
    /// All files below the output folder, without hidden ones.
    pub fn output_files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        collect(&self.path("output"), &mut files);
        files.sort();
        files
    }

    /// By the id of the paid task, the files that have its result, to the last byte.
    pub fn results(&self) -> BTreeMap<String, Vec<PathBuf>> {
        let contents: Vec<(PathBuf, Vec<u8>)> = self
            .output_files()
            .into_iter()
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect();
        let of_task = |result_id: &str| -> Vec<PathBuf> {
            // The simulator writes the name of a result into its file.
            let mark = format!("lipsyncd-sim {result_id}.mp4");
            let has_mark =
                |bytes: &[u8]| bytes.windows(mark.len()).any(|part| part == mark.as_bytes());
            let found = contents.iter().filter(|(_, bytes)| has_mark(bytes));
            found.map(|(path, _)| path.clone()).collect()
        };
        let tasks = self.ledger().tasks.into_iter();
        tasks.map(|task| (task.task_id, of_task(&task.result_id))).collect()
    }

    /// Every task that was paid for has a complete result in the output folder.
    pub fn assert_all_results_kept(&self) {
        for (task_id, files) in self.results() {
            assert!(!files.is_empty(), "{task_id} has no file: {:?}", self.output_files());
            for file in files {
                crate::support::daemon::assert_complete(&file);
            }
        }
    }

    /// The files with earlier results of a job, `<key>.<first 8 hex of their SHA-256>.mp4`.
    pub fn earlier_results(&self, key: &str) -> Vec<PathBuf> {
        let named = |path: &Path| {
            let hash = sha256(&fs::read(path).unwrap());
            path == self.path("output").join(format!("{key}.{}.mp4", &hash[..8]))
        };
        self.output_files().into_iter().filter(|path| named(path)).collect()
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden {
            continue;
        } else if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}
