//! The folder of manifests and their audio files: files on a file system in memory, and what they say.
//!
//! Each write gets a time of its own from the virtual clock, so that the scan sees it.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::PathBuf,
    time::{Duration, SystemTime},
};

use super::{
    asked::{Ask, Made},
    audio_files,
};

/// How much of a file is there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    Complete,
    Half,
}

/// A manifest.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// Each with its id; a single job has none.
    pub jobs: Vec<(Option<String>, Ask)>,
    pub shape: Shape,
}

/// A local audio.
#[derive(Debug, Clone, Copy)]
pub struct Sound {
    pub clip: usize,
    pub shape: Shape,
}

/// A job that the folder asks for.
#[derive(Debug, Clone)]
pub struct Wish {
    pub key: String,
    pub ask: Ask,
    /// None: its audio is not complete.
    pub made: Option<Made>,
}

/// The folder.
#[derive(Debug)]
pub struct Folder {
    /// Of the simulation: the folder of manifests is in it, and that of audio files.
    root: PathBuf,
    /// By path under the folder of manifests.
    pub manifests: BTreeMap<String, Manifest>,
    /// By path under `root`.
    pub audio_files: BTreeMap<String, Sound>,
    /// Whether another, empty folder is in its place.
    pub is_away: bool,
    /// Whether that has ever been so.
    pub was_away: bool,
    /// What was done since it was last asked.
    pub log: Vec<String>,
    writes: u32,
}

pub const JOBS: &str = "jobs";
pub const MEDIA: &str = "media";
const AWAY: &str = "away";

impl Folder {
    pub fn new(root: PathBuf) -> Self {
        for name in [JOBS, MEDIA] {
            fs::create_dir(root.join(name)).unwrap();
        }
        let (manifests, audio_files) = (BTreeMap::new(), BTreeMap::new());
        Self {
            root,
            manifests,
            audio_files,
            is_away: false,
            was_away: false,
            log: Vec::new(),
            writes: 0,
        }
    }

    /// Writes a manifest. `replaces`: by a rename, as most programs do.
    pub fn put(&mut self, path: &str, manifest: Manifest, replaces: bool, now_ms: i64) {
        let text = manifest.text();
        self.log.push(format!("writes {path}: {text}"));
        self.write(&format!("{JOBS}/{path}"), text.as_bytes(), replaces, now_ms);
        self.manifests.insert(path.to_owned(), manifest);
    }

    pub fn remove(&mut self, path: &str) -> Option<Manifest> {
        let manifest = self.manifests.remove(path)?;
        self.log.push(format!("removes {path}"));
        fs::remove_file(self.root.join(JOBS).join(path)).unwrap();
        Some(manifest)
    }

    /// Renames a manifest; what has that name is gone.
    pub fn rename(&mut self, from: &str, to: &str) {
        let Some(manifest) = self.manifests.remove(from) else { return };
        self.log.push(format!("renames {from} to {to}"));
        let (from, at) = (self.root.join(JOBS).join(from), self.root.join(JOBS).join(to));
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::rename(from, at).unwrap();
        self.manifests.insert(to.to_owned(), manifest);
    }

    pub fn swap(&mut self, one: &str, other: &str) {
        self.rename(one, ".swap");
        self.rename(other, one);
        self.rename(".swap", other);
    }

    pub fn put_audio(&mut self, path: &str, audio: Sound, replaces: bool, now_ms: i64) {
        let bytes = match audio.shape {
            Shape::Complete => audio_files::clip(audio.clip),
            Shape::Half => audio_files::half(audio.clip),
        };
        self.log.push(format!("writes {path}: {audio:?}"));
        self.write(path, &bytes, replaces, now_ms);
        self.audio_files.insert(path.to_owned(), audio);
    }

    pub fn remove_audio(&mut self, path: &str) {
        if self.audio_files.remove(path).is_some() {
            self.log.push(format!("removes {path}"));
            fs::remove_file(self.root.join(path)).unwrap();
        }
    }

    pub fn touch(&mut self, path: &str, now_ms: i64) {
        self.log.push(format!("touches {path}"));
        let file = File::options().write(true).open(self.root.join(path)).unwrap();
        self.stamp(&file, now_ms);
    }

    /// Puts another, empty folder in its place.
    pub fn unmount(&mut self) {
        self.log.push("unmounts the folder".to_owned());
        fs::rename(self.root.join(JOBS), self.root.join(AWAY)).unwrap();
        fs::create_dir(self.root.join(JOBS)).unwrap();
        (self.is_away, self.was_away) = (true, true);
    }

    pub fn mount(&mut self) {
        if std::mem::take(&mut self.is_away) {
            self.log.push("mounts the folder".to_owned());
            fs::remove_dir(self.root.join(JOBS)).unwrap();
            fs::rename(self.root.join(AWAY), self.root.join(JOBS)).unwrap();
        }
    }

    /// All jobs that complete manifests ask for.
    pub fn wishes(&self) -> Vec<Wish> {
        let complete = self.manifests.iter().filter(|(_, it)| it.shape == Shape::Complete);
        complete.flat_map(|(path, manifest)| self.wishes_of(path, manifest)).collect()
    }

    fn wishes_of<'a>(
        &'a self,
        path: &'a str,
        manifest: &'a Manifest,
    ) -> impl Iterator<Item = Wish> + 'a {
        let stem = path.trim_end_matches(".yaml");
        let folder = stem.rfind('/').map_or(String::new(), |end| stem[..=end].to_owned());
        manifest.jobs.iter().map(move |(id, ask)| {
            let key = id.as_ref().map_or(stem.to_owned(), |id| format!("{stem}/{id}"));
            let made = ask.made(|name| self.clip(&folder, name));
            Wish { key, ask: ask.clone(), made }
        })
    }

    /// The clip that a file holds which a manifest in `folder` names: beside it, else in the folder of audio files.
    fn clip(&self, folder: &str, name: &str) -> Option<usize> {
        let beside = self.audio_files.get(&format!("{JOBS}/{folder}{name}"));
        let audio = beside.or_else(|| self.audio_files.get(&format!("{MEDIA}/{name}")))?;
        (audio.shape == Shape::Complete).then_some(audio.clip)
    }

    fn write(&mut self, path: &str, bytes: &[u8], replaces: bool, now_ms: i64) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let to = if replaces { path.with_file_name(".new") } else { path.clone() };
        fs::write(&to, bytes).unwrap();
        let file = File::options().write(true).open(&to).unwrap();
        self.stamp(&file, now_ms);
        if replaces {
            fs::rename(to, path).unwrap();
        }
    }

    fn stamp(&mut self, file: &File, now_ms: i64) {
        self.writes += 1;
        let at = Duration::from_millis(now_ms.unsigned_abs())
            + Duration::from_nanos(u64::from(self.writes % 1_000_000));
        file.set_modified(SystemTime::UNIX_EPOCH + at).unwrap();
    }
}

impl Manifest {
    /// As it is on disk. In flow style: cut anywhere, it is no YAML.
    fn text(&self) -> String {
        let text = match self.jobs.as_slice() {
            [(None, ask)] => ask.yaml(None),
            jobs => {
                let jobs: Vec<String> =
                    jobs.iter().map(|(id, ask)| ask.yaml(id.as_deref())).collect();
                format!("{{jobs: [{}]}}", jobs.join(",\n"))
            }
        };
        match self.shape {
            Shape::Complete => text,
            Shape::Half => text[..text.len() / 2].to_owned(),
        }
    }
}
