//! Final names: crashes between the steps, strangers' files, retries.

use std::os::unix::fs::symlink;

use super::*;
use crate::output::{OutputError, already_published, free_or_ours, publish};

#[test]
fn a_result_gets_its_names_and_leaves_nothing_else() {
    let folder = folder();
    let place = place(&folder);
    let watermark = download(&place, "t", Kind::Watermark, b"marked");
    let result = download(&place, "t", Kind::Result, VIDEO);
    assert_eq!(
        names(&folder.path().join("promo")).iter().filter(|name| !name.starts_with('.')).count(),
        0
    );
    let metadata = metadata("t", result.clone(), Some(watermark));
    publish(&place, &metadata, &[]).unwrap();
    assert_eq!(names(&folder.path().join("promo")), ["en.json", "en.mp4", "en.watermark.mp4"]);
    assert_eq!(fs::read(folder.path().join("promo/en.mp4")).unwrap(), VIDEO);
    assert_eq!(fs::read(place.video(Kind::Watermark)).unwrap(), b"marked");
    assert_eq!(already_published(&place, "t").unwrap(), Some(metadata));
    assert_eq!(already_published(&place, "t2").unwrap(), None);
}

#[test]
fn the_metadata_reads_well() {
    let facts = FileFacts { sha256: "ab".into(), bytes: 7 };
    let text = serde_json::to_value(metadata("t", facts.clone(), Some(facts))).unwrap();
    assert_eq!(text["units"], 0.500001);
    assert_eq!(text["created_at"], "2024-08-04T11:05:57.708Z");
    assert_eq!(text["finished_at"], "2024-08-04T11:07:37.000Z");
    assert_eq!(
        (&text["sha256"], &text["bytes"], &text["watermark"]["bytes"]),
        (&"ab".into(), &7.into(), &7.into())
    );
}

#[test]
fn a_crash_between_any_two_steps_is_made_good() {
    // What the disk looks like after each step: parts, metadata, watermark, result.
    for crashed_after in 0..4 {
        let folder = folder();
        let place = place(&folder);
        let watermark = download(&place, "t", Kind::Watermark, b"marked");
        let result = download(&place, "t", Kind::Result, VIDEO);
        let metadata = metadata("t", result, Some(watermark));
        if crashed_after >= 1 {
            fs::write(place.metadata(), serde_json::to_vec(&metadata).unwrap()).unwrap();
        }
        if crashed_after >= 2 {
            fs::rename(Place::part_of(&place.video(Kind::Watermark)), place.video(Kind::Watermark))
                .unwrap();
        }
        if crashed_after >= 3 {
            fs::rename(Place::part_of(&place.video(Kind::Result)), place.video(Kind::Result))
                .unwrap();
        }
        let done = already_published(&place, "t").unwrap();
        assert_eq!(done.is_some(), crashed_after == 3, "{crashed_after}");
        if done.is_some() {
            let files = names(&folder.path().join("promo"));
            assert_eq!(files, ["en.json", "en.mp4", "en.watermark.mp4"], "the notes are gone");
        }
        publish(&place, &metadata, &[]).unwrap();
        assert_eq!(already_published(&place, "t").unwrap(), Some(metadata), "{crashed_after}");
        assert_eq!(names(&folder.path().join("promo")), ["en.json", "en.mp4", "en.watermark.mp4"]);
    }
}

#[test]
fn a_watermark_made_anew_with_other_bytes_replaces_the_one_from_before_the_crash() {
    let folder = folder();
    let place = place(&folder);
    let before = download(&place, "t", Kind::Watermark, b"marked");
    let result = download(&place, "t", Kind::Result, VIDEO);
    let first = metadata("t", result.clone(), Some(before));
    fs::write(place.metadata(), serde_json::to_vec(&first).unwrap()).unwrap();
    fs::rename(Place::part_of(&place.video(Kind::Watermark)), place.video(Kind::Watermark))
        .unwrap();
    let anew = download(&place, "t", Kind::Watermark, b"marked anew");
    publish(&place, &metadata("t", result, Some(anew)), &[]).unwrap();
    assert_eq!(fs::read(place.video(Kind::Watermark)).unwrap(), b"marked anew");
}

#[test]
fn a_strangers_file_is_not_touched() {
    for name in ["en.mp4", "en.watermark.mp4", "en.json"] {
        let folder = folder();
        let place = place(&folder);
        let theirs = folder.path().join("promo").join(name);
        fs::write(&theirs, "{}").unwrap();
        let named = |error: OutputError| matches!(error, OutputError::Foreign(path) if path.ends_with(name));
        assert!(named(free_or_ours(&place, "promo/en", true, &[]).unwrap_err()), "{name}");
        let watermark = download(&place, "t", Kind::Watermark, b"marked");
        let result = download(&place, "t", Kind::Result, VIDEO);
        assert!(
            named(publish(&place, &metadata("t", result, Some(watermark)), &[]).unwrap_err()),
            "{name}"
        );
        assert_eq!(fs::read(&theirs).unwrap(), b"{}");
        let visible =
            names(&folder.path().join("promo")).into_iter().filter(|name| !name.starts_with('.'));
        assert_eq!(visible.collect::<Vec<_>>(), [name]);
    }
}

#[test]
fn a_link_in_the_place_of_a_result_is_a_strangers_too() {
    let folder = folder();
    let place = place(&folder);
    symlink("nowhere", place.video(Kind::Result)).unwrap();
    assert_eq!(free_or_ours(&place, "promo/en", false, &[]).unwrap_err().code(), "output_exists");
}

#[test]
fn a_retry_replaces_its_own_earlier_result_and_no_other() {
    let folder = folder();
    let place = place(&folder);
    let first = download(&place, "t1", Kind::Result, VIDEO);
    publish(&place, &metadata("t1", first.clone(), None), &[]).unwrap();
    assert_eq!(free_or_ours(&place, "promo/en", false, &[]).unwrap_err().code(), "output_exists");
    free_or_ours(&place, "promo/en", false, std::slice::from_ref(&first)).unwrap();
    // The database knows it for the job's, which goes by another key since.
    free_or_ours(&place, "promo/fr", false, std::slice::from_ref(&first)).unwrap();

    let second = download(&place, "t2", Kind::Result, b"another video");
    let metadata = metadata("t2", second, None);
    assert_eq!(publish(&place, &metadata, &[]).unwrap_err().code(), "output_exists");
    assert_eq!(fs::read(place.video(Kind::Result)).unwrap(), VIDEO);
    // A crash after the metadata was named leaves the earlier result under it.
    fs::write(place.metadata(), serde_json::to_vec(&metadata).unwrap()).unwrap();
    assert_eq!(already_published(&place, "t2").unwrap(), None);
    publish(&place, &metadata, &[first]).unwrap();
    assert_eq!(fs::read(place.video(Kind::Result)).unwrap(), b"another video");
}

#[test]
fn a_retry_replaces_its_own_earlier_watermark_though_a_crash_comes_in_between() {
    let folder = folder();
    let place = place(&folder);
    let make = |task_id: &str| {
        let result = download(&place, task_id, Kind::Result, task_id.as_bytes());
        let watermark = download(&place, task_id, Kind::Watermark, b"a watermark");
        metadata(task_id, result, Some(watermark))
    };
    let first = make("7");
    publish(&place, &first, &[]).unwrap();
    let earlier = [first.result];
    free_or_ours(&place, "promo/en", true, &earlier).unwrap();
    assert!(free_or_ours(&place, "promo/en", true, &[]).is_err());

    let mut second = make("8");
    second.watermark = Some(download(&place, "8", Kind::Watermark, b"another watermark"));
    // A crash: the metadata have their name, the videos do not.
    let parts = [Kind::Result, Kind::Watermark].map(|kind| Place::part_of(&place.video(kind)));
    let kept = parts.clone().map(|part| fs::read(part).unwrap());
    publish(&place, &second, &earlier).unwrap();
    parts.into_iter().zip(kept).for_each(|(part, bytes)| fs::write(part, bytes).unwrap());
    fs::write(place.video(Kind::Result), "7").unwrap();
    fs::remove_file(place.video(Kind::Watermark)).unwrap();

    publish(&place, &second, &earlier).unwrap();
    assert_eq!(fs::read(place.video(Kind::Result)).unwrap(), b"8");
    assert_eq!(fs::read(place.video(Kind::Watermark)).unwrap(), b"another watermark");
}

#[test]
fn a_result_that_was_edited_is_no_longer_ours() {
    let folder = folder();
    let place = place(&folder);
    let facts = download(&place, "t", Kind::Result, VIDEO);
    publish(&place, &metadata("t", facts.clone(), None), &[]).unwrap();
    fs::write(place.video(Kind::Result), b"A whole video").unwrap();
    assert_eq!(already_published(&place, "t").unwrap(), None);
    assert_eq!(
        free_or_ours(&place, "promo/en", false, &[facts]).unwrap_err().code(),
        "output_exists"
    );
}

#[test]
fn parts_that_are_not_what_was_checked_are_not_published() {
    let folder = folder();
    let place = place(&folder);
    let facts = download(&place, "t", Kind::Result, VIDEO);
    fs::write(Place::part_of(&place.video(Kind::Result)), b"A whole video").unwrap();
    assert_eq!(
        publish(&place, &metadata("t", facts, None), &[]).unwrap_err().code(),
        "broken_video"
    );
    assert!(!place.video(Kind::Result).exists() && !place.metadata().exists());
}

#[test]
fn metadata_without_its_result_are_no_obstacle_to_a_retry() {
    let folder = folder();
    let place = place(&folder);
    let gone = FileFacts { sha256: "ab".into(), bytes: 7 };
    let orphan = serde_json::to_vec(&metadata("t1", gone, None)).unwrap();
    fs::write(place.metadata(), orphan).unwrap();
    assert_eq!(free_or_ours(&place, "promo/fr", false, &[]).unwrap_err().code(), "output_exists");
    free_or_ours(&place, "promo/en", false, &[]).unwrap();
    let facts = download(&place, "t2", Kind::Result, VIDEO);
    publish(&place, &metadata("t2", facts, None), &[]).unwrap();
    assert!(already_published(&place, "t2").unwrap().is_some());
}
