//! Any names, separated by NUL as on a disk: of a manifest, of an output, of media. No path made from them is
//! outside its folder.

#![no_main]

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt as _, fs::symlink},
    path::{Component, Path},
};

use libfuzzer_sys::fuzz_target;
use lipsyncd::{
    inbox::{ScanEntry, scan},
    manifest::{read},
    media::{Locator, public_url},
    output::{VideoKind, OutputPaths},
};
use tempfile::TempDir;

/// What a file holds that no name may reach.
const SECRET: &[u8] = b"theirs";

fuzz_target!(|bytes: &[u8]| {
    let mut names = bytes.splitn(3, |byte| *byte == 0).map(OsStr::from_bytes);
    let world = World::new();
    world.drop_manifest(names.next().unwrap_or_default(), "a.mp3");
    if let Some(output) = names.next() {
        world.write_output(&output.to_string_lossy());
        world.ask_for(&output.to_string_lossy(), "a.mp3");
    }
    if let Some(media) = names.next() {
        world.locate(&media.to_string_lossy());
        world.ask_for("x.mp4", &media.to_string_lossy());
    }
    assert_eq!(fs::read(world.path("outside/secret.mp3")).ok().as_deref(), Some(SECRET));
    assert_eq!(fs::read_dir(world.path("outside")).map(Iterator::count).ok(), Some(1));
    assert_eq!(fs::read_dir(world.folder.path()).map(Iterator::count).ok(), Some(4));
});

/// A folder with the user's folders in it, and one that is none of ours.
struct World {
    folder: TempDir,
}

impl World {
    fn new() -> Self {
        let world = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        for folder in ["jobs", "output", "media", "outside"] {
            fs::create_dir(world.path(folder)).expect("a folder");
        }
        fs::write(world.path("outside/secret.mp3"), SECRET).expect("a file");
        fs::write(world.path("media/a.mp3"), b"ours").expect("a file");
        for folder in ["jobs/away", "output/away", "media/away"] {
            symlink(world.path("outside"), world.path(folder)).expect("a link");
        }
        world
    }

    fn path(&self, relative: &str) -> std::path::PathBuf {
        self.folder.path().join(relative)
    }

    /// Puts a manifest of that name into the folder, finds it, and follows its jobs to their outputs.
    fn drop_manifest(&self, name: &OsStr, audio: &str) {
        let jobs = self.path("jobs");
        let name = Path::new(name);
        // What a copy into the folder can make: no absolute path, no way up or through the link.
        let plain = name.components().all(|part| matches!(part, Component::Normal(_)));
        if !plain || name.starts_with("away") {
            return;
        }
        let path = jobs.join(name);
        let made = path.parent().map(fs::create_dir_all).transpose();
        if made.is_err() || fs::write(&path, manifest("x.mp4", audio)).is_err() {
            return;
        }
        let listing = scan(&jobs).expect("a folder that can be read");
        assert!(listing.manifests.len() <= 1);
        for (found, what) in listing.manifests {
            if matches!(what, ScanEntry::File(_)) {
                assert_eq!(jobs.join(&found), path, "the name leads back to the file");
                self.read(&found, "video: https://e.com/v.mp4\naudio: a.mp3\n");
            }
        }
    }

    fn ask_for(&self, output: &str, audio: &str) {
        self.read("m.yaml", &manifest(output, audio));
    }

    fn read(&self, path: &str, text: &str) {
        match read(text.as_bytes(), path) {
            Ok(manifest) => {
                for job in manifest.jobs {
                    assert!(!job.spec.key.is_empty() && !job.spec.key.contains(char::is_control));
                    self.write_output(&job.spec.output);
                }
            }
            Err(problems) => assert!(!problems.render(path, text, false).is_empty()),
        }
    }

    /// Writes every file that a job of that output writes.
    fn write_output(&self, output: &str) {
        let root = fs::canonicalize(self.path("output")).expect("the output folder");
        match OutputPaths::prepare(&root, output) {
            Ok(place) => {
                let files =
                    [place.video(VideoKind::Result), place.video(VideoKind::Watermark), place.metadata()];
                for file in files {
                    let parent = file.parent().and_then(|parent| fs::canonicalize(parent).ok());
                    assert!(parent.is_some_and(|parent| parent.starts_with(&root)), "{file:?}");
                    let plain = file.components().all(|part| part != Component::ParentDir);
                    assert!(file.starts_with(&root) && plain, "{file:?}");
                }
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }

    fn locate(&self, as_written: &str) {
        let (jobs_dir, media) = (self.path("jobs"), self.path("media"));
        let locator = Locator { jobs_dir: jobs_dir.clone(), media_dirs: vec![media.clone()] };
        match locator.locate(&jobs_dir, as_written) {
            Ok(located) => {
                let folders = [jobs_dir, media].map(|folder| fs::canonicalize(folder).ok());
                let inside = |folder: &Option<_>| {
                    folder.as_ref().is_some_and(|folder| located.path.starts_with(folder))
                };
                assert!(folders.iter().any(inside), "{:?}", located.path);
                assert_ne!(fs::read(&located.path).ok().as_deref(), Some(SECRET));
                let url = public_url("https://e.com/m/", &located.public_path);
                assert!(url.starts_with("https://e.com/m/") && url.is_ascii(), "{url}");
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

/// A manifest of one job; JSON's strings are YAML's, too.
fn manifest(output: &str, audio: &str) -> String {
    let quoted = |text: &str| serde_json::to_string(text).unwrap_or_default();
    let (output, audio) = (quoted(output), quoted(audio));
    format!("video: https://e.com/v.mp4\naudio: {audio}\noutput: {output}\n")
}
