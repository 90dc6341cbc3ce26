//! Real folders with clips of the demo.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    thread::sleep,
};

use super::*;
use crate::{
    media::{VideoHost, sha256_of_bytes},
    testing::{jobs::spec, media::clip},
};

mod hints;

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

    fn checker(&self) -> MediaChecker {
        let mut checker = self.checker_that_settles(SETTLE);
        checker.trust_times(true);
        checker
    }

    fn checker_that_settles(&self, settle: Duration) -> MediaChecker {
        let locator = Locator { jobs_dir: self.0.path().to_owned(), media_dirs: Vec::new() };
        let base = url::Url::parse("https://cdn.example.com/").unwrap();
        MediaChecker::new(locator, VideoHost::Server(base), settle)
    }
}

fn local() -> JobSpec {
    JobSpec { video: Source::File("v.mp4".into()), audio: Source::File("s.mp3".into()), ..spec() }
}

fn check(checker: &mut MediaChecker, known: &Media) -> MediaCheck {
    checker.check(&local(), "", known, LATER_MS)
}

fn ready(checker: &mut MediaChecker, known: &Media) -> Media {
    match check(checker, known) {
        MediaCheck::Ready(media) => media,
        other => panic!("{other:?}"),
    }
}

fn missing(check: MediaCheck) -> (String, Option<Duration>) {
    match check {
        MediaCheck::Missing { what, again_in } => (what, again_in),
        other => panic!("{other:?}"),
    }
}

#[test]
fn local_files_are_ready_with_length_stamp_and_hash() {
    let folder = Folder::new();
    let media = ready(&mut folder.checker(), &Media::default());
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
    let mut checker = folder.checker();
    let first = ready(&mut checker, &Media::default());
    for _ in 0..3 {
        checker.forget_unseen();
        assert_eq!(ready(&mut checker, &Media::default()), first);
    }
    assert_eq!(checker.measured.reads, 2);

    folder.put("s.mp3", &clip("welcome-de.mp3"));
    let second = ready(&mut checker, &first);
    assert_eq!(checker.measured.reads, 3);
    assert_eq!(second.audio_sha256.unwrap(), sha256_of_bytes(&clip("welcome-de.mp3")));
    assert_eq!(second.video_sha256, first.video_sha256);
}

#[test]
fn a_file_that_the_database_knows_is_not_read_again_after_a_restart() {
    let folder = Folder::new();
    let known = ready(&mut folder.checker(), &Media::default());
    let mut restarted = folder.checker();
    assert_eq!(ready(&mut restarted, &known), known);
    assert_eq!(restarted.measured.reads, 0);
    // Other jobs use the facts of the same files.
    assert_eq!(ready(&mut restarted, &Media::default()), known);
    assert_eq!(restarted.measured.reads, 0);
}

#[test]
fn incomplete_or_outdated_facts_are_not_used() {
    let folder = Folder::new();
    let fresh = ready(&mut folder.checker(), &Media::default());
    let other = Some("0:0:0:0:0".to_owned());
    for known in [
        Media { audio_sha256: None, video_sha256: None, ..fresh.clone() },
        Media { audio_stamp: other.clone(), video_stamp: other, ..fresh.clone() },
        Media { audio_stamp: None, video_stamp: None, ..fresh.clone() },
    ] {
        let mut checker = folder.checker();
        assert_eq!(ready(&mut checker, &known), fresh);
        assert_eq!(checker.measured.reads, 2);
    }
}

#[test]
fn new_content_with_the_same_size_and_mtime_is_noticed() {
    let folder = Folder::new();
    let mut checker = folder.checker();
    let before = ready(&mut checker, &Media::default());
    let modified = fs::metadata(folder.path("s.mp3")).unwrap().modified().unwrap();
    let mut content = clip("welcome-en.mp3");
    *content.last_mut().unwrap() ^= 0xff;
    folder.put("s.mp3", &content);
    let file = File::options().write(true).open(folder.path("s.mp3")).unwrap();
    file.set_modified(modified).unwrap();
    let after = ready(&mut checker, &before);
    assert_eq!(after.audio_sha256.unwrap(), sha256_of_bytes(&content));
}

#[tokio::test(start_paused = true)]
async fn a_file_is_read_only_after_it_is_settled() {
    let folder = Folder::new();
    let mut checker = folder.checker();
    // The caller's wall time decides: by this one, both files were written just now.
    let mut check = || {
        checker.begin_pass();
        checker.check(&local(), "", &Media::default(), 0)
    };
    let (what, again) = missing(check());
    assert_eq!(what, "audio s.mp3 is still being written");
    assert_eq!(again, Some(SETTLE));
    tokio::time::advance(SETTLE).await;
    folder.put("v.mp4", &clip("bruno.mp4"));
    let (what, again) = missing(check());
    assert_eq!(what, "video v.mp4 is still being written");
    assert_eq!(again, Some(SETTLE));
    tokio::time::advance(SETTLE).await;
    assert!(matches!(check(), MediaCheck::Ready(_)));
    assert_eq!(checker.measured.reads, 2);
}

#[test]
fn a_file_that_changes_while_it_is_read_is_still_being_written() {
    let folder = Folder::new();
    let mut checker = folder.checker();
    let located = checker.locator.locate(&folder.path(""), "s.mp3").unwrap();
    // Complete and incomplete content alike: neither is what was located.
    for content in [clip("welcome-de.mp3"), clip("welcome-de.mp3")[..2_000].to_vec()] {
        folder.put("s.mp3", &content);
        let file = SettledMedia { kind: MediaKind::Audio, name: "s.mp3", located: located.clone() };
        let changed = checker.facts_of(&file, &Media::default(), 0).unwrap_err();
        let expected = ("audio s.mp3 is still being written".to_owned(), Some(SETTLE));
        assert_eq!(missing(*changed), expected);
    }
    folder.put("s.mp3", &clip("welcome-de.mp3"));
    ready(&mut checker, &Media::default());
}

#[test]
fn a_missing_file_is_named_with_the_folders_that_were_searched() {
    let folder = Folder::new();
    fs::remove_file(folder.path("s.mp3")).unwrap();
    let (what, again) = missing(check(&mut folder.checker(), &Media::default()));
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
    let mut checker = folder.checker();
    let (what, again) = missing(check(&mut checker, &Media::default()));
    assert!(what.starts_with("audio s.mp3 cannot be read: Permission denied"), "{what}");
    assert_eq!(again, None);
    fs::set_permissions(folder.path("s.mp3"), Permissions::from_mode(0o600)).unwrap();
    ready(&mut checker, &Media::default());
}

#[test]
fn an_unusable_file_is_read_once_and_not_hashed() {
    let folder = Folder::new();
    folder.put("s.mp3", b"no audio at all");
    let mut checker = folder.checker();
    for _ in 0..2 {
        let MediaCheck::Unusable { audio: true, outside: false, error } =
            check(&mut checker, &Media::default())
        else {
            panic!("the file was accepted");
        };
        assert_eq!(error.code, "audio_format");
    }
    assert_eq!(checker.measured.reads, 1);
}

#[test]
fn a_local_video_needs_a_public_url() {
    let folder = Folder::new();
    let mut checker = MediaChecker { video_host: VideoHost::Nowhere, ..folder.checker() };
    let (what, _) = missing(check(&mut checker, &Media::default()));
    assert!(what.starts_with("video v.mp4 is a local file"), "{what}");
    assert!(what.contains("set upload.s3") && what.contains("media.public_base_url"), "{what}");
    let bucket = VideoHost::Objects("https://s3.example.com/videos/lipsyncd/".into());
    let media =
        ready(&mut MediaChecker { video_host: bucket, ..folder.checker() }, &Media::default());
    let sha256 = media.video_sha256.unwrap();
    let object = format!("https://s3.example.com/videos/lipsyncd/{sha256}.mp4");
    assert_eq!(media.video_url, Some(object));
}

#[tokio::test(start_paused = true)]
async fn an_incomplete_file_is_waited_for_and_says_what_is_missing() {
    let folder = Folder::new();
    let mut checker = folder.checker_that_settles(Duration::ZERO);
    let what = |checker: &mut MediaChecker| {
        checker.begin_pass();
        missing(check(checker, &Media::default()))
    };
    let anna = clip("anna.mp4");
    folder.put("v.mp4", &anna[..anna.len() / 2]);
    let (text, again_in) = what(&mut checker);
    assert_eq!(text, "video v.mp4 is still being written (39.1 of 78.2 kB)");
    assert_eq!(again_in, None, "a change of the file or the next scan causes the next check");
    folder.put("v.mp4", b"");
    let (text, _) = what(&mut checker);
    assert_eq!(text, "video v.mp4 is still being written (it is empty)");
    // Nobody writes to it any more.
    folder.put("v.mp4", &anna[..anna.len() / 2]);
    what(&mut checker);
    tokio::time::advance(Duration::from_mins(10)).await;
    let (text, _) = what(&mut checker);
    let (before, after) = text.split_once(" and unchanged since ").unwrap();
    assert_eq!(before, "video v.mp4 is incomplete (39.1 of 78.2 kB)");
    assert!(after.ends_with(" UTC: it was probably cut short; copy it again"), "{after}");
    // The complete file is used by itself.
    folder.put("v.mp4", &anna);
    ready(&mut checker, &Media::default());
}

/// The wall time is one hour ahead of the times of files, or one day behind them.
#[tokio::test(start_paused = true)]
async fn a_cut_off_last_frame_is_waited_for_by_the_own_clock() {
    for difference_ms in [3_600_000, -86_400_000] {
        let folder = Folder::new();
        let mut checker = folder.checker_that_settles(Duration::ZERO);
        let now_ms = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
        let check = |checker: &mut MediaChecker| {
            checker.begin_pass();
            let checked = checker.check(&local(), "", &Media::default(), now_ms + difference_ms);
            checker.forget_unseen();
            checked
        };
        let audio = clip("welcome-en.mp3");
        let no_header = &audio[audio.len() / 3..audio.len() - 100];
        folder.put("s.mp3", no_header);
        let (text, again_in) = missing(check(&mut checker));
        assert_eq!(text, "audio s.mp3 is still being written (its last frame is cut off)");
        assert_eq!(again_in, Some(Duration::from_mins(2)));
        tokio::time::advance(Duration::from_secs(119)).await;
        assert_eq!(missing(check(&mut checker)).1, Some(Duration::from_secs(1)));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(matches!(check(&mut checker), MediaCheck::Ready(_)), "{difference_ms}");
    }
}
