//! An earlier result is set aside before another one is published.

use super::*;
use crate::output::{check_available, find_set_aside, publish, published_result};

#[test]
fn an_earlier_result_is_kept_with_its_watermark_and_metadata() {
    let folder = folder();
    let paths = paths(&folder);
    let first = take(&paths, 1, VIDEO, Some(b"marked"));
    publish(&paths, &first, &[], &[]).unwrap();
    // The database does not know the result: its metadata are enough.
    check_available(&paths, true, &[]).unwrap();
    let second = take(&paths, 2, b"another video", None);
    let h = digest(VIDEO, 8);
    let kept = paths.folder().join(format!("en.{h}.mp4"));
    assert_eq!(publish(&paths, &second, &[], &[]).unwrap(), std::slice::from_ref(&kept));
    let expected = [
        format!("en.{h}.json"),
        format!("en.{h}.mp4"),
        format!("en.{h}.watermark.mp4"),
        "en.json".into(),
        "en.mp4".into(),
    ];
    assert_eq!(names(paths.folder()), expected);
    assert_eq!(fs::read(kept).unwrap(), VIDEO);
    assert_eq!(fs::read(paths.video(VideoKind::Result)).unwrap(), b"another video");
    assert_eq!(published_result(&paths).unwrap(), Some(second.clone()));
    let (aside, found) = find_set_aside(&paths, &first.request_hash, 1).unwrap().unwrap();
    assert_eq!(
        (found, fs::read(aside.video(VideoKind::Watermark)).unwrap()),
        (first, b"marked".into())
    );
    assert_eq!(find_set_aside(&paths, &second.request_hash, 2).unwrap(), None);
}

#[test]
fn the_same_take_with_other_bytes_is_kept_too() {
    let folder = folder();
    let paths = paths(&folder);
    publish(&paths, &take(&paths, 1, VIDEO, Some(b"marked")), &[], &[]).unwrap();
    publish(&paths, &take(&paths, 1, VIDEO, Some(b"marked again")), &[], &[]).unwrap();
    publish(&paths, &take(&paths, 1, b"another video", Some(b"marked")), &[], &[]).unwrap();
    let all = visible(&folder);
    let videos: Vec<_> = all
        .iter()
        .filter(|name| name.ends_with(".mp4"))
        .map(|name| fs::read(paths.folder().join(name)).unwrap())
        .collect();
    for bytes in [VIDEO, b"marked", b"marked again", b"another video"] {
        assert!(videos.iter().any(|video| video == bytes), "{all:?}");
    }
}

#[test]
fn the_name_gets_more_digits_while_it_is_taken_by_other_bytes() {
    for taken in [
        vec![(8, "mp4")],
        vec![(8, "watermark.mp4")],
        vec![(8, "json")],
        vec![(8, "mp4"), (16, "json")],
    ] {
        let folder = folder();
        let paths = paths(&folder);
        publish(&paths, &take(&paths, 1, VIDEO, Some(b"marked")), &[], &[]).unwrap();
        let name = |digits: usize, ending: &str| format!("en.{}.{ending}", digest(VIDEO, digits));
        for (digits, ending) in &taken {
            fs::write(paths.folder().join(name(*digits, ending)), "theirs").unwrap();
        }
        publish(&paths, &take(&paths, 2, b"another video", None), &[], &[]).unwrap();
        let digits = if taken.len() == 1 { 16 } else { 64 };
        for ending in ["json", "mp4", "watermark.mp4"] {
            assert!(visible(&folder).contains(&name(digits, ending)), "{taken:?} {ending}");
        }
        for (digits, ending) in taken {
            assert_eq!(fs::read(paths.folder().join(name(digits, ending))).unwrap(), b"theirs");
        }
    }
}

#[test]
fn a_job_that_cannot_keep_its_earlier_result_changes_nothing() {
    let folder = folder();
    let paths = paths(&folder);
    let first = take(&paths, 1, VIDEO, None);
    publish(&paths, &first, &[], &[]).unwrap();
    for digits in [8, 16, 64] {
        let name = format!("en.{}.mp4", digest(VIDEO, digits));
        fs::write(paths.folder().join(name), "theirs").unwrap();
    }
    let second = take(&paths, 2, b"another video", None);
    assert_eq!(publish(&paths, &second, &[], &[]).unwrap_err().code(), "output_exists");
    assert_eq!(published_result(&paths).unwrap(), Some(first));
}

#[test]
fn a_result_that_is_kept_already_is_not_kept_twice() {
    let folder = folder();
    let paths = paths(&folder);
    for _ in 0..2 {
        publish(&paths, &take(&paths, 1, VIDEO, Some(b"marked")), &[], &[]).unwrap();
        publish(&paths, &take(&paths, 2, b"another video", None), &[], &[]).unwrap();
    }
    let (one, two) = (digest(VIDEO, 8), digest(b"another video", 8));
    let mut expected = vec![
        format!("en.{one}.json"),
        format!("en.{one}.mp4"),
        format!("en.{one}.watermark.mp4"),
        format!("en.{two}.json"),
        format!("en.{two}.mp4"),
        "en.json".into(),
        "en.mp4".into(),
    ];
    expected.sort();
    assert_eq!(names(paths.folder()), expected);
}

#[test]
fn takes_with_the_same_bytes_keep_their_own_metadata() {
    let folder = folder();
    let paths = paths(&folder);
    for number in 1..=6 {
        publish(&paths, &take(&paths, number, VIDEO, None), &[], &[]).unwrap();
    }
    assert_eq!(published_result(&paths).unwrap().unwrap().take, 6);
    for number in 1..=3 {
        let hash = "5a".repeat(32);
        assert!(find_set_aside(&paths, &hash, number).unwrap().is_some(), "{number}");
    }
}

#[test]
fn a_result_that_only_the_database_knows_is_kept() {
    let folder = folder();
    let paths = paths(&folder);
    fs::write(paths.video(VideoKind::Result), VIDEO).unwrap();
    fs::write(paths.video(VideoKind::Watermark), "marked").unwrap();
    let second = take(&paths, 2, b"another video", Some(b"marked too"));
    assert_eq!(check_available(&paths, true, &[]).unwrap_err().code(), "output_exists");
    assert_eq!(publish(&paths, &second, &[], &[]).unwrap_err().code(), "output_exists");
    let earlier = [facts(VIDEO), facts(b"marked")];
    check_available(&paths, true, &earlier).unwrap();
    publish(&paths, &second, &earlier, &[]).unwrap();
    let kept = paths.aside(&digest(VIDEO, 8));
    assert_eq!(fs::read(kept.video(VideoKind::Result)).unwrap(), VIDEO);
    assert_eq!(fs::read(kept.video(VideoKind::Watermark)).unwrap(), b"marked");
    assert_eq!(published_result(&paths).unwrap(), Some(second));
}

#[test]
fn an_edited_watermark_stays_while_its_name_is_not_needed() {
    let folder = folder();
    let paths = paths(&folder);
    publish(&paths, &take(&paths, 1, VIDEO, Some(b"marked")), &[], &[]).unwrap();
    fs::write(paths.video(VideoKind::Watermark), "edited").unwrap();
    let marked = take(&paths, 2, b"another video", Some(b"marked too"));
    assert_eq!(publish(&paths, &marked, &[], &[]).unwrap_err().code(), "output_exists");
    publish(&paths, &take(&paths, 2, b"another video", None), &[], &[]).unwrap();
    assert_eq!(fs::read(paths.video(VideoKind::Watermark)).unwrap(), b"edited");
    assert_eq!(fs::read(paths.aside(&digest(VIDEO, 8)).video(VideoKind::Result)).unwrap(), VIDEO);
}
