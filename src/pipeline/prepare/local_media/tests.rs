//! Files that are renamed, touched or changed after they were measured.

use std::{
    fs::{self, File},
    path::PathBuf,
    thread::sleep,
    time::{Duration, SystemTime},
};

use super::*;
use crate::{
    job::JobSpec,
    media::Locator,
    testing::jobs::{spec, task},
};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file, at least one tick of the file system's clock after the last one.
    fn put(&self, name: &str, content: &str) -> Located {
        sleep(Duration::from_millis(20));
        fs::write(self.path(name), content).unwrap();
        self.locate(name)
    }

    fn touch(&self, name: &str) -> Located {
        let file = File::options().write(true).open(self.path(name)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        self.locate(name)
    }

    fn locate(&self, name: &str) -> Located {
        let locator = Locator { jobs_dir: self.0.path().to_owned(), media_dirs: Vec::new() };
        locator.locate(self.0.path(), name).unwrap()
    }
}

fn measured(located: &Located) -> MeasuredFile {
    MeasuredFile { stamp: Some(located.stamp.to_string()), sha256: sha256_of(located).unwrap() }
}

fn with_video(name: &str, located: &Located) -> Task {
    let video = Source::File(name.to_owned());
    let MeasuredFile { stamp, sha256 } = measured(located);
    let media = Media {
        video_stamp: stamp,
        video_sha256: Some(sha256),
        video_url: Some(format!("https://cdn.example.com/{name}")),
        ..Media::default()
    };
    Task { spec: JobSpec { video, ..spec() }, media, ..task() }
}

#[test]
fn a_video_key_is_of_one_content_at_one_address() {
    let folder = Folder::new();
    let one = with_video("one.mp4", &folder.put("one.mp4", "content"));
    let same = with_video("one.mp4", &folder.put("one.mp4", "content"));
    let mut copy = with_video("copy.mp4", &folder.put("copy.mp4", "content"));
    let changed = with_video("one.mp4", &folder.put("one.mp4", "new content"));
    assert_eq!(video_key(&one), video_key(&same));
    assert_ne!(video_key(&one), video_key(&changed));
    // Kling would show the address of the other one.
    assert_ne!(video_key(&one), video_key(&copy));
    // In a bucket, both are one object.
    copy.media.video_url.clone_from(&one.media.video_url);
    assert_eq!(video_key(&one), video_key(&copy));
}

#[test]
fn urls_ids_and_content_never_have_the_same_video_key() {
    let folder = Folder::new();
    let file = with_video("one.mp4", &folder.put("one.mp4", "content"));
    let sha256 = file.media.video_sha256.clone().unwrap();
    let with = |video| Task { spec: JobSpec { video, ..spec() }, ..file.clone() };
    let url = with(Source::Url(sha256.clone()));
    let id = with(Source::Id(sha256));
    assert_ne!(video_key(&url), video_key(&id));
    assert_ne!(video_key(&url), video_key(&file));
    assert_ne!(video_key(&id), video_key(&file));
}

#[test]
fn url_that_is_signed_again_has_the_same_video_key() {
    let signed = |name: &str, signature: &str| {
        let url = format!(
            "https://e.com/{name}.mp4?X-Amz-Credential=c&X-Amz-Date={signature}&X-Amz-Signature={signature}"
        );
        video_key(&Task { spec: JobSpec { video: Source::Url(url), ..spec() }, ..task() })
    };
    assert_eq!(signed("a", "1"), signed("a", "2"));
    assert_ne!(signed("a", "1"), signed("b", "1"));
}

#[test]
fn the_content_of_a_video_decides_not_its_stamp() {
    let folder = Folder::new();
    let before = measured(&folder.put("v.mp4", "content"));
    assert_eq!(before.check_video("v.mp4", &folder.locate("v.mp4")), Ok(()));
    assert_eq!(before.check_video("v.mp4", &folder.touch("v.mp4")), Ok(()));
    assert_eq!(before.check_video("v.mp4", &folder.put("v.mp4", "content")), Ok(()));
    let changed = Err("video v.mp4 changed after it was measured; it is checked again".to_owned());
    assert_eq!(before.check_video("v.mp4", &folder.put("v.mp4", "CONTENT")), changed);
}

#[test]
fn a_video_with_the_same_stamp_is_not_read() {
    let folder = Folder::new();
    let located = folder.put("v.mp4", "content");
    let unread = MeasuredFile { sha256: "of other content".to_owned(), ..measured(&located) };
    assert_eq!(unread.check_video("v.mp4", &located), Ok(()));
}

#[test]
fn the_content_of_audio_decides_not_its_stamp() {
    let folder = Folder::new();
    let before = measured(&folder.put("s.mp3", "content"));
    let expected = Ok(b"content".to_vec());
    assert_eq!(before.read_audio("s.mp3", &folder.locate("s.mp3")), expected);
    assert_eq!(before.read_audio("s.mp3", &folder.touch("s.mp3")), expected);
    assert_eq!(before.read_audio("s.mp3", &folder.put("s.mp3", "content")), expected);
    let changed = Err("audio s.mp3 changed after it was measured; it is checked again".to_owned());
    assert_eq!(before.read_audio("s.mp3", &folder.put("s.mp3", "CONTENT")), changed);
    let located = folder.put("s.mp3", "content");
    folder.put("s.mp3", "longer content");
    assert_eq!(before.read_audio("s.mp3", &located), changed);
}
