//! The result of a superseded task beside the newer result of the job.

use super::*;
use crate::output::{find_set_aside, publish, publish_superseded, published_result};

#[test]
fn a_superseded_result_is_kept_beside_the_newer_one() {
    let folder = folder();
    let paths = paths(&folder);
    let parts = paths.superseded("task-1");
    // Both are downloaded at the same time: the parts do not collide.
    let old = take(&parts, 1, VIDEO, Some(b"marked"));
    let new = take(&paths, 2, b"another video", Some(b"marked too"));
    publish(&paths, &new, &[], &[]).unwrap();
    let kept = publish_superseded(&paths, &old, &[]).unwrap();
    let h = digest(VIDEO, 8);
    assert_eq!(kept.video(VideoKind::Result), paths.folder().join(format!("en.{h}.mp4")));
    let expected = [
        format!("en.{h}.json"),
        format!("en.{h}.mp4"),
        format!("en.{h}.watermark.mp4"),
        "en.json".into(),
        "en.mp4".into(),
        "en.watermark.mp4".into(),
    ];
    assert_eq!(names(paths.folder()), expected);
    assert_eq!(published_result(&paths).unwrap(), Some(new));
    assert_eq!(published_result(&kept).unwrap(), Some(old.clone()));
    let found = find_set_aside(&paths, &old.request_hash, 1).unwrap();
    assert_eq!(found, Some((kept, old)));
}

#[test]
fn a_watermarked_result_may_follow_later() {
    let folder = folder();
    let paths = paths(&folder);
    let parts = paths.superseded("task-1");
    let result = take(&parts, 1, VIDEO, None);
    let kept = publish_superseded(&paths, &result, &[]).unwrap();
    let both = take(&parts, 1, VIDEO, Some(b"marked"));
    assert_eq!(publish_superseded(&paths, &both, &[]).unwrap(), kept);
    assert_eq!(published_result(&kept).unwrap(), Some(both.clone()));
    assert_eq!(publish_superseded(&paths, &result, &[]).unwrap(), kept);
    assert_eq!(published_result(&kept).unwrap(), Some(both));
    assert_eq!(names(paths.folder()).len(), 3);
}

#[test]
fn no_foreign_file_is_overwritten() {
    let folder = folder();
    let paths = paths(&folder);
    let theirs = paths.folder().join(format!("en.{}.mp4", digest(VIDEO, 8)));
    fs::write(&theirs, "theirs").unwrap();
    let old = take(&paths.superseded("task-1"), 1, VIDEO, None);
    let kept = publish_superseded(&paths, &old, &[]).unwrap();
    assert_eq!(kept, paths.aside(&digest(VIDEO, 16)));
    assert_eq!(fs::read(&theirs).unwrap(), b"theirs");
}

#[test]
fn parts_with_other_bytes_are_not_published() {
    let folder = folder();
    let paths = paths(&folder);
    let old = take(&paths.superseded("task-1"), 1, VIDEO, None);
    // The parts of the job's own task are not those of the superseded one.
    let other = Metadata { task_id: "task-2".into(), ..old };
    assert_eq!(publish_superseded(&paths, &other, &[]).unwrap_err().code(), "broken_video");
    assert_eq!(visible(&folder), [""; 0]);
}
