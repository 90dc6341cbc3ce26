//! Names, and links that lead out of the folder.

use std::os::unix::fs::symlink;

use super::*;

#[test]
fn no_path_leaves_the_output_folder() {
    let folder = folder();
    let outside = tempfile::tempdir().unwrap();
    symlink(outside.path(), folder.path().join("away")).unwrap();
    fs::create_dir(folder.path().join("real")).unwrap();
    symlink("real", folder.path().join("within")).unwrap();
    for relative in ["../a.mp4", "a/../../b.mp4", "/etc/a.mp4", "away/a.mp4", "away/deep/a.mp4"] {
        assert_eq!(
            OutputPaths::prepare(folder.path(), relative).unwrap_err().code(),
            "output_escapes",
            "{relative}"
        );
    }
    assert_eq!(names(outside.path()), [""; 0]);
    for relative in ["", ".", "a/"] {
        assert_eq!(
            OutputPaths::prepare(folder.path(), relative).unwrap_err().code(),
            "bad_name",
            "{relative:?}"
        );
    }
    let within = OutputPaths::prepare(folder.path(), "within/a.mp4").unwrap();
    assert!(within.video(VideoKind::Result).ends_with("real/a.mp4"));
    let elsewhere = outside.path().join("other");
    fs::write(&elsewhere, "theirs").unwrap();
    symlink(&elsewhere, OutputPaths::part_of(&within.video(VideoKind::Result))).unwrap();
    assert_eq!(Part::open(&within, source("t"), 10).unwrap_err().code(), "output_exists");
    assert_eq!(fs::read(&elsewhere).unwrap(), b"theirs");
}

#[test]
fn names_are_derived_from_the_output_and_too_long_names_are_reported() {
    let folder = folder();
    for (relative, metadata, watermark) in [
        ("a.mp4", "a.json", "a.watermark.mp4"),
        ("a.b.MP4", "a.b.json", "a.b.watermark.mp4"),
        ("a.mov", "a.mov.json", "a.mov.watermark.mp4"),
        ("x/y/a", "a.json", "a.watermark.mp4"),
    ] {
        let paths = OutputPaths::prepare(folder.path(), relative).unwrap();
        assert!(paths.metadata().ends_with(metadata), "{relative}");
        assert!(paths.video(VideoKind::Watermark).ends_with(watermark), "{relative}");
    }
    let long = OutputPaths::prepare(folder.path(), &format!("{}.mp4", "n".repeat(300))).unwrap();
    assert_eq!(Part::open(&long, source("t"), 10).unwrap_err().code(), "bad_name");
    assert_eq!(
        OutputPaths::prepare(folder.path(), &format!("{}/a", "n".repeat(300))).unwrap_err().code(),
        "bad_name"
    );
}
