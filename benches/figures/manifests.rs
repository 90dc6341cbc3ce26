//! Manifests for the measurements.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use crate::test_env::TestEnv;

/// Jobs of one manifest.
const JOBS_A_MANIFEST: usize = 1_000;
/// Manifests of one folder.
const MANIFESTS_A_FOLDER: usize = 1_000;

impl TestEnv {
    /// Drops `jobs` jobs into the folder at once, in manifests of a thousand.
    pub fn drop_jobs(&self, jobs: usize) {
        self.drop_manifests("batch", jobs.div_ceil(JOBS_A_MANIFEST), JOBS_A_MANIFEST.min(jobs));
    }

    /// Drops a folder of manifests of so many jobs each into the folder at once.
    pub fn drop_manifests(&self, name: &str, manifests: usize, jobs_each: usize) {
        let made = self.path(name);
        for manifest in 0..manifests {
            let folder = made.join((manifest / MANIFESTS_A_FOLDER).to_string());
            fs::create_dir_all(&folder).unwrap();
            let jobs = manifest * jobs_each..(manifest + 1) * jobs_each;
            fs::write(folder.join(format!("m{manifest}.yaml")), text(name, jobs)).unwrap();
        }
        fs::rename(&made, self.path("jobs").join(name)).unwrap();
    }

    /// Makes all files of a folder old, so that they have settled.
    pub fn age(&self, folder: &str) {
        let long_ago = SystemTime::now() - Duration::from_secs(3_600);
        for path in files_under(&self.path(folder)) {
            File::options().write(true).open(path).unwrap().set_modified(long_ago).unwrap();
        }
    }

    /// Makes the manifests old.
    pub fn age_manifests(&self) {
        self.age("jobs");
    }
}

/// Returns a batch of jobs, each with its own video and audio, which the simulator makes up.
fn text(name: &str, jobs: impl Iterator<Item = usize>) -> String {
    let mut text = "defaults:\n  sound_end_time: 4s\njobs:\n".to_owned();
    for job in jobs {
        let [video, audio] = urls(name, job);
        write!(text, "  - id: j{job}\n    video: {video}\n    audio: {audio}\n").unwrap();
    }
    text
}

/// Returns the video and the audio of a job.
pub fn urls(name: &str, job: usize) -> [String; 2] {
    [("mp4", 9_000), ("mp3", 5_000)].map(|(ending, ms)| {
        format!("https://cdn.example.com/{name}{job}.{ending}?duration_ms={ms}")
    })
}

/// Returns a manifest with so many jobs for each of these local videos.
pub fn local_videos<'a>(videos: impl Iterator<Item = &'a Path>, jobs_each: usize) -> String {
    let mut text = "defaults:\n  sound_end_time: 4s\njobs:\n".to_owned();
    for (video, path) in videos.enumerate() {
        for job in 0..jobs_each {
            let (path, [_, audio]) = (path.display(), urls("local", video * jobs_each + job));
            write!(text, "  - id: v{video}-{job}\n    video: {path}\n    audio: {audio}\n")
                .unwrap();
        }
    }
    text
}

/// Returns all files of a folder and of those in it.
pub fn files_under(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().collect::<io::Result<Vec<_>>>().unwrap();
    let (folders, files): (Vec<_>, Vec<_>) =
        entries.iter().map(fs::DirEntry::path).partition(|path| path.is_dir());
    folders.iter().flat_map(|folder| files_under(folder)).chain(files).collect()
}
