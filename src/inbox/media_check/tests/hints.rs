//! Names of files that do not exist: the reason why the job waits says what is probably meant.

use std::os::unix::fs::symlink;

use super::*;

/// `jobs/` with `media` as a folder of `media.dirs`, and `secret/` outside of both.
struct Folders(tempfile::TempDir);

impl Folders {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for path in [
            "jobs/audio/en.mp3",
            "jobs/audio/Sub/De.mp3",
            "jobs/my song.mp3",
            "jobs/it\u{2019}s.mp3",
            "jobs/Scr\u{202f}1.mp3",
            "jobs/fr.wav",
            "media/Clips/one.MP3",
            "secret/Key.mp3",
        ] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        symlink("nowhere", folder.path().join("jobs/dangling.mp3")).unwrap();
        symlink("../secret", folder.path().join("jobs/link")).unwrap();
        Self(folder)
    }

    fn checker(&self) -> MediaChecker {
        let locator = Locator {
            jobs_dir: self.0.path().join("jobs"),
            media_dirs: vec![self.0.path().join("media")],
        };
        MediaChecker::new(locator, VideoHost::Nowhere, Duration::ZERO)
    }
}

/// Returns what the reason says after the folders that were searched.
fn hint(checker: &mut MediaChecker, audio: &str) -> String {
    let spec = JobSpec { audio: Source::File(audio.into()), ..spec() };
    match checker.check(&spec, "", &Media::default(), 0) {
        MediaCheck::Missing { what, .. } => {
            let start = format!("there is no audio file `{audio}`");
            let rest = what.strip_prefix(&start).unwrap_or_else(|| panic!("{what}"));
            rest.split_once(')').map_or(rest, |(_, hint)| hint).trim_start_matches("; ").to_owned()
        }
        other => panic!("{audio}: {other:?}"),
    }
}

#[test]
fn a_name_that_differs_in_what_people_overlook_is_found() {
    let folders = Folders::new();
    let mut checker = folders.checker();
    let absolute = folders.0.path().join("jobs/Audio/en.mp3").display().to_string();
    for (audio, meant) in [
        ("Audio/EN.mp3", "audio/en.mp3"),
        ("audio/sub/de.mp3", "audio/Sub/De.mp3"),
        ("./audio/../audio/sub/de.mp3", "audio/../audio/Sub/De.mp3"),
        ("audio\\en.mp3", "audio/en.mp3"),
        ("C:\\Users\\me\\audio\\en.mp3", "audio/en.mp3"),
        ("/home/anna/my song.mp3", "my song.mp3"),
        ("audio/my song.mp3", "my song.mp3"),
        ("my%20song.mp3", "my song.mp3"),
        (" my song.mp3", "my song.mp3"),
        ("it's.mp3", "it\u{2019}s.mp3"),
        ("Scr 1.mp3", "Scr\\u{202f}1.mp3"),
        ("fr.mp3", "fr.wav"),
        ("clips/one.mp3", "Clips/one.MP3"),
    ] {
        assert_eq!(hint(&mut checker, audio), format!("did you mean `{meant}`?"), "{audio}");
    }
    // A file that has no name near it, in a folder of which a file is there.
    assert_eq!(hint(&mut checker, "audio/nl.mp3"), "");
    let found = hint(&mut checker, &absolute);
    assert!(found.ends_with("/jobs/audio/en.mp3`?"), "{found}");
    let invisible =
        "the name contains an invisible character (U+200B); did you mean `my song.mp3`?";
    assert_eq!(hint(&mut checker, "my\u{200b} song.mp3"), invisible);
}

#[test]
fn what_a_text_alone_shows_is_said_when_no_name_is_near() {
    let folders = Folders::new();
    let mut checker = folders.checker();
    let url = "if it is a URL, write `https://cdn.example.com/a.mp3`";
    assert_eq!(hint(&mut checker, "cdn.example.com/a.mp3"), url);
    let both =
        "did you mean `my song.mp3`? if it is a URL, write `https://cdn.example.com/my song.mp3`";
    assert_eq!(hint(&mut checker, "cdn.example.com/my song.mp3"), both);
    assert!(hint(&mut checker, "~/a.mp3").starts_with("`~` is not replaced"));
    assert_eq!(hint(&mut checker, "later.mp3"), "");
    assert_eq!(hint(&mut checker, "dangling.mp3"), "");
}

#[test]
fn names_outside_of_the_folders_are_not_shown() {
    let folders = Folders::new();
    let mut checker = folders.checker();
    let absolute = folders.0.path().join("secret/key.mp3").display().to_string();
    for audio in ["../secret/key.mp3", "link/key.mp3", &absolute] {
        assert_eq!(hint(&mut checker, audio), "", "{audio}");
    }
}

#[test]
fn a_hint_is_as_new_as_the_folder() {
    let folders = Folders::new();
    let mut checker = folders.checker();
    assert_eq!(hint(&mut checker, "new.mp3"), "");
    fs::write(folders.0.path().join("jobs/New.mp3"), "").unwrap();
    checker.forget_unseen();
    assert_eq!(hint(&mut checker, "new.mp3"), "did you mean `New.mp3`?");
}
