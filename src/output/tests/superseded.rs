//! The result of a superseded task beside the newer result of the job.

use super::*;
use crate::output::{find_set_aside, publish, publish_superseded, published_result};

#[test]
fn a_superseded_result_is_kept_beside_the_newer_one() {
    let folder = folder();
    let place = place(&folder);
    let parts = place.superseded("task-1");
    // Both are downloaded at the same time: the parts do not collide.
    let old = take(&parts, 1, VIDEO, Some(b"marked"));
    let new = take(&place, 2, b"another video", Some(b"marked too"));
    publish(&place, &new, &[]).unwrap();
    let kept = publish_superseded(&place, &old).unwrap();
    let h = digest(VIDEO, 8);
    assert_eq!(kept.video(VideoKind::Result), place.folder().join(format!("en.{h}.mp4")));
    let expected = [
        format!("en.{h}.json"),
        format!("en.{h}.mp4"),
        format!("en.{h}.watermark.mp4"),
        "en.json".into(),
        "en.mp4".into(),
        "en.watermark.mp4".into(),
    ];
    assert_eq!(names(place.folder()), expected);
    assert_eq!(published_result(&place).unwrap(), Some(new));
    assert_eq!(published_result(&kept).unwrap(), Some(old.clone()));
    let found = find_set_aside(&place, &old.request_hash, 1).unwrap();
    assert_eq!(found, Some((kept, old)));
}

#[test]
fn its_watermarked_result_may_follow_later() {
    let folder = folder();
    let place = place(&folder);
    let parts = place.superseded("task-1");
    let result = take(&parts, 1, VIDEO, None);
    let kept = publish_superseded(&place, &result).unwrap();
    let both = take(&parts, 1, VIDEO, Some(b"marked"));
    assert_eq!(publish_superseded(&place, &both).unwrap(), kept);
    assert_eq!(published_result(&kept).unwrap(), Some(both.clone()));
    assert_eq!(publish_superseded(&place, &result).unwrap(), kept);
    assert_eq!(published_result(&kept).unwrap(), Some(both));
    assert_eq!(names(place.folder()).len(), 3);
}

#[test]
fn it_overwrites_no_file_of_somebody_else() {
    let folder = folder();
    let place = place(&folder);
    let theirs = place.folder().join(format!("en.{}.mp4", digest(VIDEO, 8)));
    fs::write(&theirs, "theirs").unwrap();
    let old = take(&place.superseded("task-1"), 1, VIDEO, None);
    let kept = publish_superseded(&place, &old).unwrap();
    assert_eq!(kept, place.aside(&digest(VIDEO, 16)));
    assert_eq!(fs::read(&theirs).unwrap(), b"theirs");
}

#[test]
fn parts_with_other_bytes_are_not_published() {
    let folder = folder();
    let place = place(&folder);
    let old = take(&place.superseded("task-1"), 1, VIDEO, None);
    // The parts of the job's own task are not those of the superseded one.
    let other = Metadata { task_id: "task-2".into(), ..old };
    assert_eq!(publish_superseded(&place, &other).unwrap_err().code(), "broken_video");
    assert_eq!(visible(&folder), [""; 0]);
}
