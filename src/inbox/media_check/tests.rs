//! Real folders with clips of the demo.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    thread::sleep,
};

use super::*;
use crate::{
    media::sha256_of_bytes,
    testing::{jobs::spec, media::clip},
};

/// Long after every file was written: all of them are settled.
const LATER_MS: i64 = 4_000_000_000_000;

const SETTLE: Duration = Duration::from_secs(5);

struct Folder(tempfile::TempDir);

impl Folder {
    /// A folder of manifests with `s.mp3` and `v.mp4`.
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.put("s.mp3", &clip("welcome-en.mp3"));
        folder.put("v.mp4", &clip("anna.mp4"));
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file, at least one tick of the file system's clock after the last one.
    fn put(&self, name: &str, content: &[u8]) {
        sleep(Duration::from_millis(20));
        fs::write(self.path(name), content).unwrap();
    }

    fn media_checker(&self) -> MediaChecker {
        let locator = Locator { jobs_dir: self.0.path().to_owned(), media_dirs: Vec::new() };
        let base = Url::parse("https://cdn.example.com/").unwrap();
        MediaChecker::new(locator, Some(base), SETTLE)
    }
}

fn local() -> JobSpec {
    JobSpec { video: Source::File("v.mp4".into()), audio: Source::File("s.mp3".into()), ..spec() }
}

fn look(media_checker: &mut MediaChecker, known: &Media) -> MediaCheck {
    media_checker.look(&local(), "", known, LATER_MS)
}

fn ready(media_checker: &mut MediaChecker, known: &Media) -> Media {
    match look(media_checker, known) {
        MediaCheck::Ready(media) => media,
        other => panic!("{other:?}"),
    }
}

fn missing(look: MediaCheck) -> (String, Option<Duration>) {
    match look {
        MediaCheck::Missing { what, again } => (what, again),
        other => panic!("{other:?}"),
    }
}

#[test]
fn local_files_are_ready_with_length_stamp_and_hash() {
    let folder = Folder::new();
    let media = ready(&mut folder.media_checker(), &Media::default());
    assert_eq!(media.audio_sha256.unwrap(), sha256_of_bytes(&clip("welcome-en.mp3")));
    assert_eq!(media.video_sha256.unwrap(), sha256_of_bytes(&clip("anna.mp4")));
    assert!(media.audio_ms.unwrap() > 2_000 && media.video_ms.unwrap() > 2_000);
    assert_eq!(media.audio_stamp.unwrap().split(':').count(), 5);
    assert_eq!(media.video_stamp.unwrap().split(':').count(), 5);
    assert_eq!(media.video_url.unwrap(), "https://cdn.example.com/v.mp4");
    assert_eq!(media.wait_reason, None);
}

#[test]
fn a_file_is_read_once_per_stamp() {
    let folder = Folder::new();
    let mut media_checker = folder.media_checker();
    let first = ready(&mut media_checker, &Media::default());
    for _ in 0..3 {
        media_checker.forget_unseen();
        assert_eq!(ready(&mut media_checker, &Media::default()), first);
    }
    assert_eq!(media_checker.facts.reads, 2);

    folder.put("s.mp3", &clip("welcome-de.mp3"));
    let second = ready(&mut media_checker, &first);
    assert_eq!(media_checker.facts.reads, 3);
    assert_eq!(second.audio_sha256.unwrap(), sha256_of_bytes(&clip("welcome-de.mp3")));
    assert_eq!(second.video_sha256, first.video_sha256);
}

#[test]
fn what_the_database_knows_is_not_read_again_after_a_restart() {
    let folder = Folder::new();
    let known = ready(&mut folder.media_checker(), &Media::default());
    let mut restarted = folder.media_checker();
    assert_eq!(ready(&mut restarted, &known), known);
    assert_eq!(restarted.facts.reads, 0);
    // Other jobs with the same files have the benefit.
    assert_eq!(ready(&mut restarted, &Media::default()), known);
    assert_eq!(restarted.facts.reads, 0);
}

#[test]
fn incomplete_or_outdated_knowledge_is_not_used() {
    let folder = Folder::new();
    let fresh = ready(&mut folder.media_checker(), &Media::default());
    let other = Some("0:0:0:0:0".to_owned());
    for known in [
        Media { audio_sha256: None, video_sha256: None, ..fresh.clone() },
        Media { audio_stamp: other.clone(), video_stamp: other, ..fresh.clone() },
        Media { audio_stamp: None, video_stamp: None, ..fresh.clone() },
    ] {
        let mut media_checker = folder.media_checker();
        assert_eq!(ready(&mut media_checker, &known), fresh);
        assert_eq!(media_checker.facts.reads, 2);
    }
}

#[test]
fn new_content_with_the_same_size_and_mtime_is_noticed() {
    let folder = Folder::new();
    let mut media_checker = folder.media_checker();
    let before = ready(&mut media_checker, &Media::default());
    let modified = fs::metadata(folder.path("s.mp3")).unwrap().modified().unwrap();
    let mut content = clip("welcome-en.mp3");
    *content.last_mut().unwrap() ^= 0xff;
    folder.put("s.mp3", &content);
    let file = File::options().write(true).open(folder.path("s.mp3")).unwrap();
    file.set_modified(modified).unwrap();
    let after = ready(&mut media_checker, &before);
    assert_eq!(after.audio_sha256.unwrap(), sha256_of_bytes(&content));
}

#[tokio::test(start_paused = true)]
async fn a_file_is_read_only_after_it_is_settled() {
    let folder = Folder::new();
    let mut media_checker = folder.media_checker();
    // The caller's wall time decides: by this one, both files were written just now.
    let mut look = || media_checker.look(&local(), "", &Media::default(), 0);
    let (what, again) = missing(look());
    assert_eq!(what, "audio s.mp3 is still being written");
    assert_eq!(again, Some(SETTLE));
    tokio::time::advance(SETTLE).await;
    folder.put("v.mp4", &clip("bruno.mp4"));
    let (what, again) = missing(look());
    assert_eq!(what, "video v.mp4 is still being written");
    assert_eq!(again, Some(SETTLE));
    tokio::time::advance(SETTLE).await;
    assert!(matches!(look(), MediaCheck::Ready(_)));
    assert_eq!(media_checker.facts.reads, 2);
}

#[test]
fn a_file_that_changes_while_it_is_read_is_still_being_written() {
    let folder = Folder::new();
    let mut media_checker = folder.media_checker();
    let located = media_checker.locator.locate(&folder.path(""), "s.mp3").unwrap();
    // Complete and incomplete content alike: neither is what was located.
    for content in [clip("welcome-de.mp3"), clip("welcome-de.mp3")[..2_000].to_vec()] {
        folder.put("s.mp3", &content);
        let file = Settled { kind: Kind::Audio, name: "s.mp3", located: located.clone() };
        let changed = media_checker.facts_of(&file, &Media::default()).unwrap_err();
        let expected = ("audio s.mp3 is still being written".to_owned(), Some(SETTLE));
        assert_eq!(missing(*changed), expected);
    }
    folder.put("s.mp3", &clip("welcome-de.mp3"));
    ready(&mut media_checker, &Media::default());
}

#[test]
fn a_missing_file_is_named_with_the_folders_that_were_searched() {
    let folder = Folder::new();
    fs::remove_file(folder.path("s.mp3")).unwrap();
    let (what, again) = missing(look(&mut folder.media_checker(), &Media::default()));
    assert_eq!(
        what,
        format!("there is no audio file `s.mp3` (looked in {})", folder.path("").display())
    );
    assert_eq!(again, None);
}

#[test]
fn a_file_that_cannot_be_read_is_tried_again() {
    let folder = Folder::new();
    fs::set_permissions(folder.path("s.mp3"), Permissions::from_mode(0o000)).unwrap();
    if File::open(folder.path("s.mp3")).is_ok() {
        return; // Root reads every file.
    }
    let mut media_checker = folder.media_checker();
    let (what, again) = missing(look(&mut media_checker, &Media::default()));
    assert!(what.starts_with("audio s.mp3 cannot be read: Permission denied"), "{what}");
    assert_eq!(again, None);
    fs::set_permissions(folder.path("s.mp3"), Permissions::from_mode(0o600)).unwrap();
    ready(&mut media_checker, &Media::default());
}

#[test]
fn an_unfit_file_is_read_once_and_not_hashed() {
    let folder = Folder::new();
    folder.put("s.mp3", b"no audio at all");
    let mut media_checker = folder.media_checker();
    for _ in 0..2 {
        let MediaCheck::Unusable { audio: true, outside: false, error } =
            look(&mut media_checker, &Media::default())
        else {
            panic!("the file was accepted");
        };
        assert_eq!(error.code, "audio_format");
    }
    assert_eq!(media_checker.facts.reads, 1);
}

#[test]
fn a_local_video_needs_a_public_url() {
    let folder = Folder::new();
    let mut media_checker = MediaChecker { public_base_url: None, ..folder.media_checker() };
    let (what, _) = missing(look(&mut media_checker, &Media::default()));
    assert!(what.starts_with("video v.mp4 is a local file"), "{what}");
    assert!(what.ends_with("set media.public_base_url"), "{what}");
}
