//! What is in the output folder: which task each complete file is the result of.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use lipsyncd::sim::LedgerEntry;

use super::world::World;
use crate::support::chance::Chance;

/// The results on disk.
pub struct Results {
    /// By path under the output folder.
    tasks: BTreeMap<String, LedgerEntry>,
    watermarks: BTreeSet<String>,
    /// The same for results that users moved away.
    moved: Vec<(String, LedgerEntry)>,
    moved_watermarks: BTreeSet<String>,
}

impl Results {
    /// Reads all of them. A file that is no complete result is a violation.
    pub fn read(world: &World, ledger: &[LedgerEntry]) -> Self {
        let (tasks, watermarks) = read(world, ledger, &world.settings.output_dir);
        let mut results =
            Self { tasks, watermarks, moved: Vec::new(), moved_watermarks: BTreeSet::new() };
        for folder in world.moved_away.lock().unwrap().iter() {
            let (tasks, watermarks) = read(world, ledger, folder);
            results.moved.extend(tasks);
            results.moved_watermarks.extend(watermarks);
        }
        results
    }

    /// Whether the result of a task is on disk, also where users moved it.
    pub fn has(&self, task: &LedgerEntry) -> bool {
        let moved = self.moved.iter().map(|(_, there)| there);
        self.tasks.values().chain(moved).any(|there| there.task_id == task.task_id)
    }

    /// The tasks whose result has this path, or had it when users moved it away. Several tasks may have had it.
    pub fn tasks_at<'a>(&'a self, output: &'a str) -> impl Iterator<Item = &'a LedgerEntry> {
        let moved = self.moved.iter().filter(move |(path, _)| path == output);
        self.tasks.get(output).into_iter().chain(moved.map(|(_, task)| task))
    }

    pub fn has_watermark(&self, output: &str) -> bool {
        let name = format!("{}.watermark.mp4", output.trim_end_matches(".mp4"));
        self.watermarks.contains(&name) || self.moved_watermarks.contains(&name)
    }
}

fn read(
    world: &World,
    ledger: &[LedgerEntry],
    root: &Path,
) -> (BTreeMap<String, LedgerEntry>, BTreeSet<String>) {
    let (mut tasks, mut watermarks) = (BTreeMap::new(), BTreeSet::new());
    for path in files(root) {
        let name = path.strip_prefix(root).unwrap().to_str().unwrap();
        let Some(stem) = name.strip_suffix(".mp4") else { continue };
        let bytes = fs::read(&path).unwrap();
        let task = ledger.iter().find(|task| {
            let plain = format!("{}.mp4", task.result_id);
            let marked = format!("{}.watermark.mp4", task.result_id);
            let is = |of: &String| complete_file(world, of).is_some_and(|file| file == bytes);
            [plain, marked].iter().any(is)
        });
        match task {
            None => world.report_violation(format!("{name} is no complete result")),
            Some(_) if stem.ends_with(".watermark") => _ = watermarks.insert(name.to_owned()),
            Some(task) => _ = tasks.insert(name.to_owned(), task.clone()),
        }
        let metadata = path.to_str().unwrap().trim_end_matches(".mp4");
        let metadata = metadata.trim_end_matches(".watermark");
        if !Path::new(&format!("{metadata}.json")).exists() {
            world.report_violation(format!("{stem} has no metadata"));
        }
    }
    (tasks, watermarks)
}

impl World {
    /// Moves results with their metadata out of the output folder: all, or those of one job.
    pub fn move_results_away(&self, chance: &Chance) {
        let root = &self.settings.output_dir;
        let stem = |path: &Path| {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            let stem = name.trim_end_matches(".json").trim_end_matches(".mp4");
            stem.trim_end_matches(".watermark").to_owned()
        };
        let mut all: Vec<(String, PathBuf)> =
            files(root).into_iter().map(|path| (stem(&path), path)).collect();
        if all.is_empty() {
            return;
        }
        if chance.happens(0.7) {
            let one = chance.pick(&all).0.clone();
            all.retain(|(stem, _)| *stem == one);
        }
        let mut moved_away = self.moved_away.lock().unwrap();
        let to = self.dir.path().join(format!("moved-{}", moved_away.len()));
        for (stem, path) in all {
            let at = to.join(path.strip_prefix(root).unwrap());
            fs::create_dir_all(at.parent().unwrap()).unwrap();
            fs::rename(&path, at).unwrap();
            self.log(&format!("account_changes {stem} away: {}", path.display()));
        }
        moved_away.push(to);
    }
}

fn complete_file(world: &World, name: &str) -> Option<Vec<u8>> {
    let now_ms = world.time.true_ms();
    (0..2).find_map(|host| world.sim(host).download(now_ms, name)).map(|file| file.built())
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
