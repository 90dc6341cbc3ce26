//! Copies for a second job of the same task.

use std::os::unix::fs::{MetadataExt as _, symlink};

use super::*;
use crate::output::{copy_result, publish, published_result};

fn published(folder: &TempDir) -> (OutputPaths, OutputPaths, Metadata) {
    let from = paths(folder);
    let metadata = take(&from, 1, VIDEO, Some(b"marked"));
    publish(&from, &metadata, &[], &[]).unwrap();
    let to = OutputPaths::prepare(folder.path(), "other/fr.mp4").unwrap();
    (from, to, metadata)
}

#[test]
fn a_copy_is_published_and_shares_no_file_with_its_source() {
    let folder = folder();
    let (from, to, metadata) = published(&folder);
    // What an earlier download left is not continued.
    download(&to, "task-9", VideoKind::Result, b"something else").bytes.to_string();
    copy_result(&from, &to, &metadata).unwrap();
    assert_eq!(published_result(&to).unwrap(), None);
    let mine = Metadata { job: "other/fr".into(), ..metadata.clone() };
    publish(&to, &mine, &[], &[]).unwrap();
    assert_eq!(names(to.folder()), ["fr.json", "fr.mp4", "fr.watermark.mp4"]);
    for kind in [VideoKind::Result, VideoKind::Watermark] {
        let (one, other) = (from.video(kind), to.video(kind));
        assert_ne!(fs::metadata(&one).unwrap().ino(), fs::metadata(&other).unwrap().ino());
        let before = fs::read(&one).unwrap();
        assert_eq!(fs::read(&other).unwrap(), before);
        fs::write(&other, "edited").unwrap();
        assert_eq!(fs::read(&one).unwrap(), before);
    }
}

#[test]
fn a_changed_source_is_not_copied() {
    let folder = folder();
    let (from, to, metadata) = published(&folder);
    let path = from.video(VideoKind::Result);
    let edited = |bytes: &'static [u8]| {
        let path = path.clone();
        move || fs::write(path, bytes).unwrap()
    };
    let changes: [Box<dyn FnOnce()>; 5] = [
        Box::new(edited(b"A whole video")),
        Box::new(edited(b"longer than a whole video")),
        Box::new(|| fs::remove_file(&path).unwrap()),
        Box::new(|| symlink("en.watermark.mp4", &path).unwrap()),
        Box::new(|| {
            fs::remove_file(&path).unwrap();
            fs::create_dir(&path).unwrap();
        }),
    ];
    for change in changes {
        change();
        let error = copy_result(&from, &to, &metadata).unwrap_err();
        assert_eq!(error.code(), "source_changed", "{error}");
        assert!(error.to_string().contains("en.mp4"), "{error}");
        assert!(copy_result(&from, &from, &metadata).is_err());
        assert_eq!(names(to.folder()), [""; 0], "no part is left");
    }
}

#[test]
fn a_missing_watermark_is_reported_with_its_path() {
    let folder = folder();
    let (from, to, metadata) = published(&folder);
    fs::remove_file(from.video(VideoKind::Watermark)).unwrap();
    let error = copy_result(&from, &to, &metadata).unwrap_err();
    assert!(error.to_string().contains("en.watermark.mp4"), "{error}");
    let result = Metadata { watermark: None, ..metadata };
    publish(&to, &result, &[], &[]).unwrap();
}

#[test]
fn a_job_with_the_same_output_copies_nothing() {
    let folder = folder();
    let (from, _, metadata) = published(&folder);
    copy_result(&from, &from, &metadata).unwrap();
    assert!(!OutputPaths::part_of(&from.video(VideoKind::Result)).exists());
    publish(&from, &metadata, &[], &[]).unwrap();
    assert_eq!(names(from.folder()), ["en.json", "en.mp4", "en.watermark.mp4"]);
}

#[test]
fn a_result_that_was_set_aside_can_be_copied() {
    let folder = folder();
    let (from, to, metadata) = published(&folder);
    publish(&from, &take(&from, 2, b"another video", None), &[], &[]).unwrap();
    assert_eq!(copy_result(&from, &to, &metadata).unwrap_err().code(), "source_changed");
    let aside = crate::output::find_set_aside(&from, &metadata.request_hash, 1).unwrap();
    copy_result(&aside.unwrap().0, &to, &metadata).unwrap();
    publish(&to, &metadata, &[], &[]).unwrap();
    assert_eq!(fs::read(to.video(VideoKind::Result)).unwrap(), VIDEO);
}
