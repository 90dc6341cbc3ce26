//! Final names, and files of somebody else.

use std::{os::unix::fs::symlink, path::PathBuf};

use super::*;
use crate::{
    failpoint::crash,
    output::{OutputError, check_available, publish, published_result, recover_published},
};

#[test]
fn a_result_gets_its_names_and_leaves_nothing_else() {
    let folder = folder();
    let paths = paths(&folder);
    let watermark = download(&paths, "t", VideoKind::Watermark, b"marked");
    let result = download(&paths, "t", VideoKind::Result, VIDEO);
    assert_eq!(
        names(&folder.path().join("promo")).iter().filter(|name| !name.starts_with('.')).count(),
        0
    );
    let metadata = metadata("t", result.clone(), Some(watermark));
    publish(&paths, &metadata, &[], &[]).unwrap();
    assert_eq!(names(&folder.path().join("promo")), ["en.json", "en.mp4", "en.watermark.mp4"]);
    assert_eq!(fs::read(folder.path().join("promo/en.mp4")).unwrap(), VIDEO);
    assert_eq!(fs::read(paths.video(VideoKind::Watermark)).unwrap(), b"marked");
    assert_eq!(recover_published(&paths, &"5a".repeat(32), 1).unwrap(), Some(metadata));
    assert_eq!(recover_published(&paths, &"5a".repeat(32), 2).unwrap(), None);
}

#[test]
fn the_metadata_file_is_readable() {
    let facts = facts(b"seven b");
    let metadata = metadata("t", facts.clone(), Some(facts.clone()));
    let text = metadata.to_json().unwrap();
    assert_eq!(Metadata::from_json(&text), Some(metadata));
    let text: serde_json::Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(text["format"], "lipsyncd-result");
    assert_eq!((&text["request_hash"], &text["take"]), (&"5a".repeat(32).into(), &1.into()));
    assert_eq!(text["units"], 0.500001);
    assert_eq!(text["created_at"], "2024-08-04T11:05:57.708Z");
    assert_eq!(text["finished_at"], "2024-08-04T11:07:37.000Z");
    assert_eq!(
        (&text["sha256"], &text["bytes"], &text["watermark"]["bytes"]),
        (&facts.sha256.into(), &7.into(), &7.into())
    );
}

#[test]
fn metadata_with_unknown_keys_are_read_and_metadata_of_others_are_not() {
    let written = metadata("t", facts(VIDEO), None);
    let text = String::from_utf8(written.to_json().unwrap()).unwrap();
    let newer = text.replacen('{', r#"{ "added_later": [1], "#, 1);
    assert_eq!(Metadata::from_json(newer.as_bytes()), Some(written));
    for (from, to) in [
        ("lipsyncd-result", "other"),
        (r#""format""#, r#""x-format""#),
        (r#""take""#, r#""attempt""#),
        (&facts(VIDEO).sha256, "../../elsewhere"),
    ] {
        let other = text.replace(from, to);
        assert!(other != text && Metadata::from_json(other.as_bytes()).is_none(), "{to}");
    }
}

#[test]
fn another_job_with_the_same_output_and_task_changes_nothing() {
    let folder = folder();
    let paths = paths(&folder);
    let first = take(&paths, 1, VIDEO, Some(b"marked"));
    publish(&paths, &first, &[], &[]).unwrap();
    let second = Metadata { job: "promo/other".into(), ..take(&paths, 1, VIDEO, Some(b"marked")) };
    assert_eq!(publish(&paths, &second, &[], &[]).unwrap(), [""; 0].map(PathBuf::from));
    // Without parts, too: the files are there.
    publish(&paths, &second, &[], &[]).unwrap();
    assert_eq!(names(&folder.path().join("promo")), ["en.json", "en.mp4", "en.watermark.mp4"]);
    assert_eq!(published_result(&paths).unwrap(), Some(first));
}

#[test]
fn a_watermarked_result_may_be_published_later_than_the_result() {
    let folder = folder();
    let paths = paths(&folder);
    let result = take(&paths, 1, VIDEO, None);
    publish(&paths, &result, &[], &[]).unwrap();
    let both = take(&paths, 1, VIDEO, Some(b"marked"));
    assert_eq!(publish(&paths, &both, &[], &[]).unwrap().len(), 0);
    assert_eq!(published_result(&paths).unwrap(), Some(both.clone()));
    // The result alone, published again, does not take the watermarked one away.
    publish(&paths, &result, &[], &[]).unwrap();
    assert_eq!(published_result(&paths).unwrap(), Some(both));
    assert_eq!(names(&folder.path().join("promo")), ["en.json", "en.mp4", "en.watermark.mp4"]);
}

#[test]
fn a_foreign_file_is_not_touched() {
    for name in ["en.mp4", "en.watermark.mp4", "en.json"] {
        let folder = folder();
        let paths = paths(&folder);
        let theirs = folder.path().join("promo").join(name);
        fs::write(&theirs, "{}").unwrap();
        let named = |error: OutputError| matches!(error, OutputError::Foreign(path) if path.ends_with(name));
        assert!(named(check_available(&paths, true, &[]).unwrap_err()), "{name}");
        let watermark = download(&paths, "t", VideoKind::Watermark, b"marked");
        let result = download(&paths, "t", VideoKind::Result, VIDEO);
        assert!(
            named(publish(&paths, &metadata("t", result, Some(watermark)), &[], &[]).unwrap_err()),
            "{name}"
        );
        assert_eq!(fs::read(&theirs).unwrap(), b"{}");
        let visible =
            names(&folder.path().join("promo")).into_iter().filter(|name| !name.starts_with('.'));
        assert_eq!(visible.collect::<Vec<_>>(), [name]);
    }
}

#[test]
fn a_link_with_the_name_of_a_result_is_not_lipsyncds_own() {
    let folder = folder();
    let paths = paths(&folder);
    symlink("nowhere", paths.video(VideoKind::Result)).unwrap();
    assert_eq!(check_available(&paths, false, &[]).unwrap_err().code(), "output_exists");
}

#[test]
fn an_edited_result_is_not_lipsyncds_own() {
    let folder = folder();
    let paths = paths(&folder);
    let facts = download(&paths, "t", VideoKind::Result, VIDEO);
    publish(&paths, &metadata("t", facts.clone(), None), &[], &[]).unwrap();
    fs::write(paths.video(VideoKind::Result), b"A whole video").unwrap();
    assert_eq!(recover_published(&paths, &"5a".repeat(32), 1).unwrap(), None);
    assert_eq!(check_available(&paths, false, &[facts]).unwrap_err().code(), "output_exists");
}

#[test]
fn parts_that_are_not_what_was_checked_are_not_published() {
    let folder = folder();
    let paths = paths(&folder);
    let facts = download(&paths, "t", VideoKind::Result, VIDEO);
    fs::write(OutputPaths::part_of(&paths.video(VideoKind::Result)), b"A whole video").unwrap();
    assert_eq!(
        publish(&paths, &metadata("t", facts, None), &[], &[]).unwrap_err().code(),
        "broken_video"
    );
    assert!(!paths.video(VideoKind::Result).exists() && !paths.metadata().exists());
}

#[test]
fn metadata_of_another_take_without_their_result_are_kept() {
    let folder = folder();
    let paths = paths(&folder);
    let orphan = metadata("t1", facts(b"gone"), None);
    fs::write(paths.metadata(), orphan.to_json().unwrap()).unwrap();
    check_available(&paths, false, &[]).unwrap();
    assert_eq!(published_result(&paths).unwrap(), None);
    let second = take(&paths, 2, VIDEO, None);
    assert_eq!(publish(&paths, &second, &[], &[]).unwrap().len(), 0);
    assert_eq!(published_result(&paths).unwrap(), Some(second));
    let kept = format!("en.{}.json", digest(b"gone", 8));
    assert_eq!(visible(&folder), [kept.as_str(), "en.json", "en.mp4"]);
    let kept = Metadata::read(&folder.path().join("promo").join(kept)).unwrap();
    assert_eq!(kept, Some(orphan));
}

#[test]
fn a_finished_part_is_published_unless_its_file_was_replaced() {
    let folder = folder();
    let paths = paths(&folder);
    let finished = || {
        let mut part = Part::open(&paths, source("t"), 1000).unwrap();
        part.begin(0, Some("\"a\"")).unwrap();
        part.append(VIDEO).unwrap();
        let facts = part.finish(whole, None).unwrap();
        (metadata("t", facts, None), [part])
    };
    let (metadata, part) = finished();
    let path = OutputPaths::part_of(&paths.video(VideoKind::Result));
    fs::remove_file(&path).unwrap();
    fs::write(&path, b"A whole video").unwrap();
    assert_eq!(publish(&paths, &metadata, &[], &part).unwrap_err().code(), "broken_video");
    assert_eq!(visible(&folder), [""; 0]);

    let (metadata, part) = finished();
    publish(&paths, &metadata, &[], &part).unwrap();
    assert_eq!(names(paths.folder()), ["en.json", "en.mp4"]);
    assert_eq!(published_result(&paths).unwrap(), Some(metadata));
}

/// Before the power fails, only synced bytes are on disk.
#[test]
fn no_file_gets_a_name_before_the_result_and_its_metadata_are_synced() {
    let folder = folder();
    let paths = paths(&folder);
    for (task_id, video) in [("1", VIDEO), ("2", b"another video")] {
        let mut part = Part::open(&paths, source(task_id), 1000).unwrap();
        part.begin(0, None).unwrap();
        part.append(video).unwrap();
        let facts = part.finish(whole, None).unwrap();
        let metadata = metadata(task_id, facts, None);
        let passed = crash::passed(|| drop(publish(&paths, &metadata, &[], &[part]).unwrap()));
        let first = |what: &str| passed.iter().position(|point| point.starts_with(what)).unwrap();
        let last = |what: &str| passed.iter().rposition(|point| point.starts_with(what)).unwrap();
        assert!(first("part.sync.after") < first("name."), "{passed:?}");
        assert!(first("metadata.write.after") < last("part.sync.before"), "{passed:?}");
        let named = passed.iter().rposition(|point| {
            ["name.into_free.before", "name.over_ours.before"].contains(&point.as_str())
        });
        assert!(last("metadata.sync.after") < named.unwrap(), "{passed:?}");
        assert_eq!(passed.last().unwrap(), "folder.sync.after");
    }
}

/// Another task that writes to the same place may not have synced its part yet.
#[test]
fn a_part_that_is_not_open_here_is_synced_before_its_name() {
    let folder = folder();
    let paths = paths(&folder);
    let metadata = take(&paths, 1, VIDEO, None);
    let passed = crash::passed(|| drop(publish(&paths, &metadata, &[], &[]).unwrap()));
    let synced = passed.iter().position(|point| point == "part.sync.after");
    let named = passed.iter().position(|point| point.starts_with("name."));
    assert!(synced.is_some() && synced < named, "{passed:?}");
}

/// What a crash left under the name of the metadata's part is replaced; through a link, another file would be written.
#[test]
fn metadata_are_not_written_through_a_link() {
    let folder = folder();
    let paths = paths(&folder);
    let other = folder.path().join("other");
    fs::write(&other, "somebody's own").unwrap();
    let metadata = take(&paths, 1, VIDEO, None);
    symlink(&other, OutputPaths::part_of(&paths.metadata())).unwrap();
    publish(&paths, &metadata, &[], &[]).unwrap();
    assert_eq!(fs::read(&other).unwrap(), b"somebody's own");
    assert_eq!(names(paths.folder()), ["en.json", "en.mp4"]);
    assert_eq!(published_result(&paths).unwrap(), Some(metadata));
}

/// The power can fail between the names of both files, and the file system can keep the later one.
#[test]
fn a_result_without_its_metadata_gets_them_when_it_is_downloaded_again() {
    let folder = folder();
    let paths = paths(&folder);
    let metadata = take(&paths, 1, VIDEO, None);
    publish(&paths, &metadata, &[], &[]).unwrap();
    fs::remove_file(paths.metadata()).unwrap();
    assert_eq!(recover_published(&paths, &"5a".repeat(32), 1).unwrap(), None);
    let again = take(&paths, 1, VIDEO, None);
    publish(&paths, &again, &[], &[]).unwrap();
    assert_eq!(names(paths.folder()), ["en.json", "en.mp4"]);
    assert_eq!(recover_published(&paths, &"5a".repeat(32), 1).unwrap(), Some(metadata));
}

#[test]
fn a_result_with_the_metadata_of_an_earlier_result_gets_its_own_when_it_is_downloaded_again() {
    let folder = folder();
    let paths = paths(&folder);
    let first = take(&paths, 1, VIDEO, None);
    publish(&paths, &first, &[], &[]).unwrap();
    let earlier_metadata = fs::read(paths.metadata()).unwrap();
    publish(&paths, &take(&paths, 2, b"another video", None), &[], &[]).unwrap();
    fs::write(paths.metadata(), earlier_metadata).unwrap();
    assert_eq!(recover_published(&paths, &"5a".repeat(32), 2).unwrap(), None);
    let again = take(&paths, 2, b"another video", None);
    publish(&paths, &again, &[], &[]).unwrap();
    assert_eq!(published_result(&paths).unwrap(), Some(again));
    assert_eq!(published_result(&paths.aside(&digest(VIDEO, 8))).unwrap(), Some(first));
    assert_eq!(names(paths.folder()).len(), 4);
}
