//! What is in the output folder: which task each complete file is the result of.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use lipsyncd::sim::{Ledger, LedgerEntry};

use super::world::World;

/// The results on disk.
pub struct Results {
    /// By path under the output folder.
    tasks: BTreeMap<String, LedgerEntry>,
    watermarks: BTreeSet<String>,
}

impl Results {
    /// Reads all of them. A file that is no complete result is a violation.
    pub fn read(world: &World, ledger: &Ledger) -> Self {
        let mut results = Self { tasks: BTreeMap::new(), watermarks: BTreeSet::new() };
        let root = &world.settings.output_dir;
        for path in files(root) {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap();
            let Some(stem) = name.strip_suffix(".mp4") else { continue };
            let bytes = fs::read(&path).unwrap();
            let task = ledger.tasks.iter().find(|task| {
                let plain = format!("{}.mp4", task.result_id);
                let marked = format!("{}.watermark.mp4", task.result_id);
                let is = |of: &String| whole(world, of).is_some_and(|whole| whole == bytes);
                [plain, marked].iter().any(is)
            });
            match task {
                None => world.accuse(format!("{name} is no complete result")),
                Some(_) if stem.ends_with(".watermark") => {
                    _ = results.watermarks.insert(name.to_owned())
                }
                Some(task) => _ = results.tasks.insert(name.to_owned(), task.clone()),
            }
            let metadata = path.to_str().unwrap().trim_end_matches(".mp4");
            let metadata = metadata.trim_end_matches(".watermark");
            if !Path::new(&format!("{metadata}.json")).exists() {
                world.accuse(format!("{stem} has no metadata"));
            }
        }
        results
    }

    /// Whether what a task made is on disk.
    pub fn has(&self, task: &LedgerEntry) -> bool {
        self.tasks.values().any(|there| there.task_id == task.task_id)
    }

    /// The task whose result has this path.
    pub fn task_at(&self, output: &str) -> Option<&LedgerEntry> {
        self.tasks.get(output)
    }

    pub fn has_watermark(&self, output: &str) -> bool {
        let stem = output.trim_end_matches(".mp4");
        self.watermarks.contains(&format!("{stem}.watermark.mp4"))
    }
}

fn whole(world: &World, name: &str) -> Option<Vec<u8>> {
    world.sim().download(world.time.true_ms(), name).map(|file| file.built())
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(self::files(&path)),
            false => files.push(path),
        }
    }
    files.sort();
    files.retain(|path| !path.file_name().unwrap().to_str().unwrap().starts_with('.'));
    files
}
