//! Results on real files: crashes between the steps, strangers' files, parts that go on, links that lead out.

use std::{fs, os::unix::fs::symlink, path::Path};

use tempfile::TempDir;

use super::{
    FaceUsed, FileFacts, Kind, Metadata, OutputError, Part, Place, Source, TimingUsed,
    already_published, free_or_ours, publish,
};

const VIDEO: &[u8] = b"a whole video";

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn place(folder: &TempDir) -> Place {
    Place::prepare(folder.path(), "promo/en.mp4").unwrap()
}

fn source(task_id: &str) -> Source<'_> {
    Source {
        task_id,
        kind: Kind::Result,
    }
}

fn whole(_: &mut fs::File, _: u64) -> Result<(), String> {
    Ok(())
}

/// Downloads `bytes` as the given video of the task.
fn download(place: &Place, task_id: &str, kind: Kind, bytes: &[u8]) -> FileFacts {
    let mut part = Part::open(place, Source { task_id, kind }, 1000).unwrap();
    part.begin(0, Some("\"a\"")).unwrap();
    part.append(bytes).unwrap();
    part.finish(whole, Some(bytes.len() as u64)).unwrap()
}

fn metadata(task_id: &str, result: FileFacts, watermark: Option<FileFacts>) -> Metadata {
    Metadata {
        job: "promo/en".into(),
        attempt: 1,
        task_id: task_id.into(),
        external_task_id: "mine".into(),
        video: "welcome.mp4".into(),
        audio: "en.mp3".into(),
        face: FaceUsed {
            id: "0".into(),
            start_ms: 0,
            end_ms: 5000,
        },
        timing: TimingUsed {
            sound_start_ms: 0,
            sound_end_ms: 3000,
            sound_insert_ms: 100,
            sound_volume: 1.0,
            original_audio_volume: 0.0,
        },
        units_micro: Some(500_001),
        duration_ms: Some(5041),
        result,
        watermark,
        labels: [("team".to_owned(), "web".to_owned())].into(),
        created_at_ms: 1_722_769_557_708,
        finished_at_ms: 1_722_769_657_000,
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_result_gets_its_names_and_leaves_nothing_else() {
    let folder = folder();
    let place = place(&folder);
    let watermark = download(&place, "t", Kind::Watermark, b"marked");
    let result = download(&place, "t", Kind::Result, VIDEO);
    assert_eq!(
        names(&folder.path().join("promo"))
            .iter()
            .filter(|name| !name.starts_with('.'))
            .count(),
        0
    );
    let metadata = metadata("t", result.clone(), Some(watermark));
    publish(&place, &metadata, &[]).unwrap();
    assert_eq!(
        names(&folder.path().join("promo")),
        ["en.json", "en.mp4", "en.watermark.mp4"]
    );
    assert_eq!(fs::read(folder.path().join("promo/en.mp4")).unwrap(), VIDEO);
    assert_eq!(fs::read(place.video(Kind::Watermark)).unwrap(), b"marked");
    assert_eq!(
        already_published(&place, "promo/en", "t").unwrap(),
        Some(metadata)
    );
    assert_eq!(already_published(&place, "promo/en", "t2").unwrap(), None);
    assert_eq!(already_published(&place, "promo/fr", "t").unwrap(), None);
}

#[test]
fn the_metadata_reads_well() {
    let facts = FileFacts {
        sha256: "ab".into(),
        bytes: 7,
    };
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
            fs::rename(
                Place::part_of(&place.video(Kind::Watermark)),
                place.video(Kind::Watermark),
            )
            .unwrap();
        }
        if crashed_after >= 3 {
            fs::rename(
                Place::part_of(&place.video(Kind::Result)),
                place.video(Kind::Result),
            )
            .unwrap();
        }
        let done = already_published(&place, "promo/en", "t").unwrap();
        assert_eq!(done.is_some(), crashed_after == 3, "{crashed_after}");
        publish(&place, &metadata, &[]).unwrap();
        assert_eq!(
            already_published(&place, "promo/en", "t").unwrap(),
            Some(metadata),
            "{crashed_after}"
        );
        assert_eq!(
            names(&folder.path().join("promo")),
            ["en.json", "en.mp4", "en.watermark.mp4"]
        );
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
    fs::rename(
        Place::part_of(&place.video(Kind::Watermark)),
        place.video(Kind::Watermark),
    )
    .unwrap();
    let anew = download(&place, "t", Kind::Watermark, b"marked anew");
    publish(&place, &metadata("t", result, Some(anew)), &[]).unwrap();
    assert_eq!(
        fs::read(place.video(Kind::Watermark)).unwrap(),
        b"marked anew"
    );
}

#[test]
fn a_strangers_file_is_not_touched() {
    for name in ["en.mp4", "en.watermark.mp4", "en.json"] {
        let folder = folder();
        let place = place(&folder);
        let theirs = folder.path().join("promo").join(name);
        fs::write(&theirs, "{}").unwrap();
        let named = |error: OutputError| matches!(error, OutputError::Foreign(path) if path.ends_with(name));
        assert!(
            named(free_or_ours(&place, "promo/en", true, &[]).unwrap_err()),
            "{name}"
        );
        let watermark = download(&place, "t", Kind::Watermark, b"marked");
        let result = download(&place, "t", Kind::Result, VIDEO);
        assert!(
            named(publish(&place, &metadata("t", result, Some(watermark)), &[]).unwrap_err()),
            "{name}"
        );
        assert_eq!(fs::read(&theirs).unwrap(), b"{}");
        let visible = names(&folder.path().join("promo"))
            .into_iter()
            .filter(|name| !name.starts_with('.'));
        assert_eq!(visible.collect::<Vec<_>>(), [name]);
    }
}

#[test]
fn a_link_in_the_place_of_a_result_is_a_strangers_too() {
    let folder = folder();
    let place = place(&folder);
    symlink("nowhere", place.video(Kind::Result)).unwrap();
    assert_eq!(
        free_or_ours(&place, "promo/en", false, &[])
            .unwrap_err()
            .code(),
        "output_exists"
    );
}

#[test]
fn a_retry_replaces_its_own_earlier_result_and_no_other() {
    let folder = folder();
    let place = place(&folder);
    let first = download(&place, "t1", Kind::Result, VIDEO);
    publish(&place, &metadata("t1", first.clone(), None), &[]).unwrap();
    assert_eq!(
        free_or_ours(&place, "promo/en", false, &[])
            .unwrap_err()
            .code(),
        "output_exists"
    );
    assert_eq!(
        free_or_ours(&place, "promo/fr", false, std::slice::from_ref(&first))
            .unwrap_err()
            .code(),
        "output_exists"
    );
    free_or_ours(&place, "promo/en", false, std::slice::from_ref(&first)).unwrap();

    let second = download(&place, "t2", Kind::Result, b"another video");
    let metadata = metadata("t2", second, None);
    assert_eq!(
        publish(&place, &metadata, &[]).unwrap_err().code(),
        "output_exists"
    );
    assert_eq!(fs::read(place.video(Kind::Result)).unwrap(), VIDEO);
    // A crash after the metadata was named leaves the earlier result under it.
    fs::write(place.metadata(), serde_json::to_vec(&metadata).unwrap()).unwrap();
    assert_eq!(already_published(&place, "promo/en", "t2").unwrap(), None);
    publish(&place, &metadata, &[first]).unwrap();
    assert_eq!(
        fs::read(place.video(Kind::Result)).unwrap(),
        b"another video"
    );
}

#[test]
fn a_result_that_was_edited_is_no_longer_ours() {
    let folder = folder();
    let place = place(&folder);
    let facts = download(&place, "t", Kind::Result, VIDEO);
    publish(&place, &metadata("t", facts.clone(), None), &[]).unwrap();
    fs::write(place.video(Kind::Result), b"A whole video").unwrap();
    assert_eq!(already_published(&place, "promo/en", "t").unwrap(), None);
    assert_eq!(
        free_or_ours(&place, "promo/en", false, &[facts])
            .unwrap_err()
            .code(),
        "output_exists"
    );
}

#[test]
fn a_part_that_was_kept_goes_on_and_one_that_was_not_starts_anew() {
    let folder = folder();
    let place = place(&folder);
    let mut part = Part::open(&place, source("t"), 1000).unwrap();
    assert_eq!((part.bytes(), part.etag()), (0, None));
    part.begin(0, Some("\"a\"")).unwrap();
    part.append(&VIDEO[..4]).unwrap();
    part.keep().unwrap();
    part.append(b"lost in the crash").unwrap();
    drop(part);

    let mut part = Part::open(&place, source("t"), 1000).unwrap();
    assert_eq!((part.bytes(), part.etag()), (4, Some("\"a\"")));
    assert!(matches!(
        part.begin(5, Some("\"a\"")),
        Err(OutputError::Misfit {
            bytes: 4,
            from_byte: 5,
            ..
        })
    ));
    part.begin(4, Some("\"a\"")).unwrap();
    part.append(&VIDEO[4..]).unwrap();
    let facts = part.finish(whole, Some(VIDEO.len() as u64)).unwrap();
    assert_eq!(facts, download(&place, "other", Kind::Watermark, VIDEO));

    let whole_part = Part::open(&place, source("t"), 1000).unwrap();
    assert_eq!(whole_part.bytes(), VIDEO.len() as u64);
    let other_task = Part::open(&place, source("t2"), 1000).unwrap();
    assert_eq!((other_task.bytes(), other_task.etag()), (0, None));
}

#[test]
fn a_part_without_an_etag_or_shorter_than_its_note_starts_anew() {
    let folder = folder();
    let place = place(&folder);
    let mut part = Part::open(&place, source("t"), 1000).unwrap();
    part.begin(0, None).unwrap();
    part.append(VIDEO).unwrap();
    part.keep().unwrap();
    assert_eq!(Part::open(&place, source("t"), 1000).unwrap().bytes(), 0);

    let path = Place::part_of(&place.video(Kind::Result));
    download(&place, "t", Kind::Result, VIDEO);
    fs::write(&path, &VIDEO[..3]).unwrap();
    assert_eq!(Part::open(&place, source("t"), 1000).unwrap().bytes(), 0);
}

#[test]
fn a_server_that_starts_over_is_followed() {
    let folder = folder();
    let place = place(&folder);
    let mut part = Part::open(&place, source("t"), 1000).unwrap();
    part.begin(0, Some("\"a\"")).unwrap();
    part.append(b"old old old old old").unwrap();
    part.begin(0, Some("\"b\"")).unwrap();
    part.append(VIDEO).unwrap();
    let facts = part.finish(whole, None).unwrap();
    assert_eq!(facts, download(&place, "other", Kind::Watermark, VIDEO));
}

#[test]
fn a_video_of_the_wrong_length_or_shape_is_refused() {
    let folder = folder();
    let place = place(&folder);
    let path = Place::part_of(&place.video(Kind::Result));
    let begin = || {
        let mut part = Part::open(&place, source("t"), 1000).unwrap();
        part.begin(0, Some("\"a\"")).unwrap();
        part
    };
    let mut short = begin();
    short.append(&VIDEO[..5]).unwrap();
    let error = short.finish(whole, Some(13)).unwrap_err();
    assert!(matches!(
        error,
        OutputError::WrongLength {
            bytes: 5,
            expected_bytes: 13,
            ..
        }
    ));
    assert_eq!(
        Part::open(&place, source("t"), 1000).unwrap().bytes(),
        5,
        "it can go on"
    );

    let mut long = begin();
    long.append(VIDEO).unwrap();
    assert_eq!(
        long.finish(whole, Some(5)).unwrap_err().code(),
        "wrong_length"
    );
    assert!(!path.exists());

    let mut broken = begin();
    broken.append(VIDEO).unwrap();
    let error = broken
        .finish(|_, bytes| Err(format!("cut at {bytes}")), None)
        .unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("is not a whole video: cut at 13"),
        "{error}"
    );
    assert!(!path.exists());
    assert_eq!(
        begin().finish(whole, None).unwrap_err().code(),
        "broken_video"
    );
}

#[test]
fn no_more_than_the_bound_is_written() {
    let folder = folder();
    let place = place(&folder);
    let mut part = Part::open(&place, source("t"), 10).unwrap();
    part.begin(0, None).unwrap();
    part.append(&[0; 10]).unwrap();
    assert!(matches!(
        part.append(&[0]),
        Err(OutputError::TooLarge { max_bytes: 10, .. })
    ));
    assert_eq!(
        fs::metadata(Place::part_of(&place.video(Kind::Result)))
            .unwrap()
            .len(),
        10
    );
}

#[test]
fn parts_that_are_not_what_was_checked_are_not_published() {
    let folder = folder();
    let place = place(&folder);
    let facts = download(&place, "t", Kind::Result, VIDEO);
    fs::write(Place::part_of(&place.video(Kind::Result)), b"A whole video").unwrap();
    assert_eq!(
        publish(&place, &metadata("t", facts, None), &[])
            .unwrap_err()
            .code(),
        "broken_video"
    );
    assert!(!place.video(Kind::Result).exists() && !place.metadata().exists());
}

#[test]
fn no_path_leads_out_of_the_folder() {
    let folder = folder();
    let outside = tempfile::tempdir().unwrap();
    symlink(outside.path(), folder.path().join("away")).unwrap();
    fs::create_dir(folder.path().join("real")).unwrap();
    symlink("real", folder.path().join("within")).unwrap();
    for relative in [
        "../a.mp4",
        "a/../../b.mp4",
        "/etc/a.mp4",
        "away/a.mp4",
        "away/deep/a.mp4",
    ] {
        assert_eq!(
            Place::prepare(folder.path(), relative).unwrap_err().code(),
            "output_escapes",
            "{relative}"
        );
    }
    assert_eq!(names(outside.path()), [""; 0]);
    for relative in ["", ".", "a/"] {
        assert_eq!(
            Place::prepare(folder.path(), relative).unwrap_err().code(),
            "bad_name",
            "{relative:?}"
        );
    }
    let within = Place::prepare(folder.path(), "within/a.mp4").unwrap();
    assert!(within.video(Kind::Result).ends_with("real/a.mp4"));
    let elsewhere = outside.path().join("other");
    fs::write(&elsewhere, "theirs").unwrap();
    symlink(&elsewhere, Place::part_of(&within.video(Kind::Result))).unwrap();
    assert_eq!(
        Part::open(&within, source("t"), 10).unwrap_err().code(),
        "output_exists"
    );
    assert_eq!(fs::read(&elsewhere).unwrap(), b"theirs");
}

#[test]
fn names_follow_the_output_and_too_long_ones_say_so() {
    let folder = folder();
    for (relative, metadata, watermark) in [
        ("a.mp4", "a.json", "a.watermark.mp4"),
        ("a.b.MP4", "a.b.json", "a.b.watermark.mp4"),
        ("a.mov", "a.mov.json", "a.mov.watermark.mp4"),
        ("x/y/a", "a.json", "a.watermark.mp4"),
    ] {
        let place = Place::prepare(folder.path(), relative).unwrap();
        assert!(place.metadata().ends_with(metadata), "{relative}");
        assert!(
            place.video(Kind::Watermark).ends_with(watermark),
            "{relative}"
        );
    }
    let long = Place::prepare(folder.path(), &format!("{}.mp4", "n".repeat(300))).unwrap();
    assert_eq!(
        Part::open(&long, source("t"), 10).unwrap_err().code(),
        "bad_name"
    );
    assert_eq!(
        Place::prepare(folder.path(), &format!("{}/a", "n".repeat(300)))
            .unwrap_err()
            .code(),
        "bad_name"
    );
}
