//! The folder of manifests and their audio files: files on a file system in memory, and what they contain.
//!
//! Each write gets a time of its own from the virtual clock, so that the scan sees it.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::PathBuf,
    time::{Duration, SystemTime},
};

use super::{
    audio_files,
    requests::{JobRequest, RequestKey},
};

/// How much of a file is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    Complete,
    Half,
}

/// A manifest.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// Each with its id; a single job has none.
    pub jobs: Vec<(Option<String>, JobRequest)>,
    pub shape: Shape,
}

/// A local audio file.
#[derive(Debug, Clone, Copy)]
pub struct AudioFile {
    pub clip: usize,
    pub shape: Shape,
}

/// A job that the folder asks for.
#[derive(Debug, Clone)]
pub struct FolderJob {
    pub key: String,
    pub request: JobRequest,
    /// None: its audio is not complete.
    pub request_key: Option<RequestKey>,
}

/// The folder.
#[derive(Debug)]
pub struct Folder {
    /// Holds the folder of manifests and the folder of audio files.
    root: PathBuf,
    /// By path under the folder of manifests.
    pub manifests: BTreeMap<String, Manifest>,
    /// By path under `root`.
    pub audio_files: BTreeMap<String, AudioFile>,
    /// Whether an empty folder is in its place.
    pub is_away: bool,
    /// Whether it was ever unmounted.
    pub was_away: bool,
    /// The changes since the log was last read.
    pub log: Vec<String>,
    /// How far the clock of the folder's server is ahead.
    pub clock_offset_ms: i64,
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
            clock_offset_ms: 0,
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

    /// Renames a manifest, and replaces the one that has the new name.
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

    pub fn put_audio(&mut self, path: &str, audio: AudioFile, replaces: bool, now_ms: i64) {
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

    /// Puts an empty folder in its place.
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
    pub fn jobs(&self) -> Vec<FolderJob> {
        let complete = self.manifests.iter().filter(|(_, it)| it.shape == Shape::Complete);
        complete.flat_map(|(path, manifest)| self.jobs_of(path, manifest)).collect()
    }

    fn jobs_of<'a>(
        &'a self,
        path: &'a str,
        manifest: &'a Manifest,
    ) -> impl Iterator<Item = FolderJob> + 'a {
        let stem = path.trim_end_matches(".yaml");
        let folder = stem.rfind('/').map_or(String::new(), |end| stem[..=end].to_owned());
        manifest.jobs.iter().map(move |(id, request)| {
            let key = id.as_ref().map_or(stem.to_owned(), |id| format!("{stem}/{id}"));
            let request_key = request.request_key(|name| self.clip(&folder, name));
            FolderJob { key, request: request.clone(), request_key }
        })
    }

    /// The clip in the file that a manifest in `folder` names: beside the manifest, otherwise in the media folder.
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
        let at = Duration::from_millis((now_ms + self.clock_offset_ms).unsigned_abs())
            + Duration::from_nanos(u64::from(self.writes % 1_000_000));
        file.set_modified(SystemTime::UNIX_EPOCH + at).unwrap();
    }
}

impl Manifest {
    /// As it is on disk, in flow style. Cut anywhere, it is not valid YAML.
    fn text(&self) -> String {
        let text = match self.jobs.as_slice() {
            [(None, request)] => request.yaml(None),
            jobs => {
                let jobs: Vec<String> =
                    jobs.iter().map(|(id, request)| request.yaml(id.as_deref())).collect();
                format!("{{jobs: [{}]}}", jobs.join(",\n"))
            }
        };
        match self.shape {
            Shape::Complete => text,
            Shape::Half => text[..text.len() / 2].to_owned(),
        }
    }
}
