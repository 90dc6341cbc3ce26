//! What users do to the folder: edit, copy, rename, synchronise, swap, remove and bring back manifests and
//! audio files, at once or in two steps with time between.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    audio_files,
    folder::{AudioFile, Folder, JOBS, MEDIA, Manifest, Shape},
    requests::{AUDIO_NAMES, JobRequest},
};
use crate::support::chance::Chance;

/// The folders that manifests are in.
const FOLDERS: [&str; 3] = ["", "a/", "b/c/"];
/// Every name that a manifest may have, so that names come back.
const NAMES: usize = 9;

/// The second step of a change.
#[derive(Debug)]
pub enum Later {
    Put(String, Manifest),
    Remove(String),
    PutAudio(String, AudioFile),
    Mount,
}

/// The changes of the folder, and their second steps.
#[derive(Debug)]
pub struct Changes {
    pub chance: Chance,
    videos: Vec<String>,
    later: Vec<(Instant, Later)>,
}

impl Changes {
    /// Writes the first audio files and manifests.
    pub fn begin(chance: Chance, videos: Vec<String>, folder: &mut Folder, now_ms: i64) -> Self {
        let changes = Self { chance, videos, later: Vec::new() };
        for (number, name) in AUDIO_NAMES.iter().enumerate() {
            let audio = AudioFile { clip: number, shape: Shape::Complete };
            folder.put_audio(&format!("{MEDIA}/{name}"), audio, false, now_ms);
        }
        for _ in 0..changes.chance.between(1, 3) {
            let path = changes.path();
            let manifest = changes.manifest(now_ms);
            folder.put(&path, manifest, false, now_ms);
        }
        changes
    }

    /// Makes one change.
    pub fn change(&mut self, folder: &mut Folder, now_ms: i64) {
        if folder.is_away {
            return;
        }
        match self.chance.between(0, 21) {
            0..=2 => self.edit(folder, now_ms, |this, request| {
                request.change_request(&this.chance);
            }),
            3 => {
                self.edit(folder, now_ms, |this, request| request.label = this.chance.between(0, 9))
            }
            4 => self.edit(folder, now_ms, |this, request| {
                request.priority = this.chance.between(-2, 2)
            }),
            5 => self.edit(folder, now_ms, |this, request| {
                request.take = *this.chance.pick(&[None, Some(1), Some(2), Some(2), Some(3)]);
            }),
            6 => self.add_job(folder, now_ms),
            7 => self.remove_job(folder, now_ms),
            8 | 9 => self.copy(folder, now_ms),
            10..=12 => self.rename(folder, now_ms),
            13 => self.swap(folder),
            14 | 15 => self.replace_audio(folder, now_ms),
            16 => self.touch(folder, now_ms),
            17 => self.remove_audio(folder, now_ms),
            18 => self.half(folder, now_ms),
            19 => self.remove(folder),
            20 => self.move_job(folder, now_ms),
            _ => {
                folder.unmount();
                self.later(Later::Mount);
            }
        }
    }

    /// Makes the second steps that are due; `all`: all second steps.
    pub fn continue_changes(&mut self, folder: &mut Folder, now_ms: i64, all: bool) {
        let now = Instant::now();
        let is_due = |folder: &Folder, at: Instant, later: &Later| {
            let can_be = !folder.is_away || matches!(later, Later::Mount);
            can_be && (all || at <= now)
        };
        while let Some(index) = self.later.iter().position(|(at, later)| is_due(folder, *at, later))
        {
            match self.later.remove(index).1 {
                Later::Put(path, manifest) => folder.put(&path, manifest, true, now_ms),
                Later::Remove(path) => drop(folder.remove(&path)),
                Later::PutAudio(path, audio) => folder.put_audio(&path, audio, false, now_ms),
                Later::Mount => folder.mount(),
            }
        }
    }

    /// Makes all second steps, and completes all manifests.
    pub fn finish(&mut self, folder: &mut Folder, now_ms: i64) {
        self.continue_changes(folder, now_ms, true);
        let half = folder.manifests.iter().filter(|(_, manifest)| manifest.shape == Shape::Half);
        let half: Vec<_> = half.map(|(path, manifest)| (path.clone(), manifest.clone())).collect();
        for (path, manifest) in half {
            folder.put(&path, Manifest { shape: Shape::Complete, ..manifest }, true, now_ms);
        }
    }

    pub fn later(&mut self, later: Later) {
        let seconds = *self.chance.pick(&[1, 5, 20, 60, 200, 900]);
        let at = Instant::now() + Duration::from_secs(seconds);
        self.later.push((at, later));
    }

    pub fn any(&self, folder: &Folder) -> Option<String> {
        let paths: Vec<&String> = folder.manifests.keys().collect();
        (!paths.is_empty()).then(|| (*self.chance.pick(&paths)).clone())
    }

    fn path(&self) -> String {
        let folder = self.chance.pick(&FOLDERS);
        format!("{folder}m{}.yaml", self.chance.index(NAMES))
    }

    pub fn free_path(&self, folder: &Folder) -> Option<String> {
        Some(self.path()).filter(|path| !folder.manifests.contains_key(path))
    }

    pub fn request(&self, now_ms: i64) -> JobRequest {
        JobRequest::draw(&self.chance, &self.videos, now_ms)
    }

    fn manifest(&self, now_ms: i64) -> Manifest {
        let jobs = match self.chance.between(0, 3) {
            0 => vec![(None, self.request(now_ms))],
            _ => {
                let count = self.chance.between(1, 4);
                (0..count).map(|n| (Some(format!("j{n}")), self.request(now_ms))).collect()
            }
        };
        Manifest { jobs, shape: Shape::Complete }
    }

    /// Any audio file, also one beside a manifest, which is preferred to the file of that name in the media folder.
    fn audio_path(&self) -> String {
        let name = self.chance.pick(&AUDIO_NAMES);
        match self.chance.happens(0.2) {
            true => format!("{JOBS}/{}{name}", self.chance.pick(&FOLDERS)),
            false => format!("{MEDIA}/{name}"),
        }
    }

    /// In one step, or half of the file first.
    fn replace_audio(&mut self, folder: &mut Folder, now_ms: i64) {
        let path = self.audio_path();
        let audio = AudioFile {
            clip: self.chance.index(audio_files::LENGTHS_MS.len()),
            shape: Shape::Complete,
        };
        if self.chance.happens(0.5) {
            return folder.put_audio(&path, audio, self.chance.happens(0.5), now_ms);
        }
        folder.put_audio(&path, AudioFile { shape: Shape::Half, ..audio }, false, now_ms);
        self.later(Later::PutAudio(path, audio));
    }

    fn remove_audio(&mut self, folder: &mut Folder, _now_ms: i64) {
        let path = self.audio_path();
        let Some(audio) = folder.audio_files.get(&path).copied() else { return };
        folder.remove_audio(&path);
        self.later(Later::PutAudio(path, AudioFile { shape: Shape::Complete, ..audio }));
    }

    fn touch(&self, folder: &mut Folder, now_ms: i64) {
        let manifest = self.any(folder).map(|path| format!("{JOBS}/{path}"));
        let audio = folder.audio_files.keys().next().cloned();
        let of = if self.chance.happens(0.5) { manifest } else { audio };
        of.into_iter().for_each(|path| folder.touch(&path, now_ms));
    }
}
