//! Videos that ffmpeg wrote, with the facts that ffprobe 5.1 reports; other files; and thousands of damaged files.

use std::io::Cursor;

use super::*;
use crate::testing::media::{Breaker, clip, clip_path};

fn facts(name: &str) -> (Option<i64>, u32, u32) {
    let facts = probe(&clip_path(name)).unwrap();
    assert_eq!(facts.bytes, clip(name).len() as u64);
    (facts.length_ms, facts.width, facts.height)
}

fn complete(bytes: &[u8]) -> Result<VideoFacts, String> {
    check_complete(Cursor::new(bytes), bytes.len() as u64).map_err(|error| error.to_string())
}

fn probed(bytes: &[u8]) -> Result<VideoFacts, String> {
    probe_reader(Cursor::new(bytes), bytes.len() as u64).map_err(|error| error.to_string())
}

/// A box with a 32-bit size.
fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    [&(content.len() as u32 + 8).to_be_bytes(), kind.as_slice(), content].concat()
}

/// The boxes of a file, as kind and content.
fn split(mut bytes: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut boxes = Vec::new();
    while let [a, b, c, d, ..] = bytes {
        let (this, rest) = bytes.split_at(u32::from_be_bytes([*a, *b, *c, *d]) as usize);
        boxes.push(this[4..].split_at(4));
        bytes = rest;
    }
    boxes
}

#[test]
fn facts_of_clips_equal_those_of_ffprobe() {
    assert_eq!(facts("anna.mp4"), (Some(6_000), 1280, 720));
    assert_eq!(facts("bruno.mp4"), (Some(9_000), 720, 1280));
    assert_eq!(facts("moov-last.mov"), (Some(2_600), 1280, 720));
    // 5 s of pictures, of which the edit list shows 4.
    assert_eq!(facts("edit-list.mp4"), (Some(4_000), 1280, 720));
    // 1280x720, to be shown turned by 90 degrees.
    assert_eq!(facts("rotated.mp4"), (Some(2_400), 720, 1280));
    // No length in `moov`: the sum of the fragments.
    assert_eq!(facts("fragmented.mp4"), (Some(3_000), 1280, 720));
}

#[test]
fn complete_videos_are_accepted() {
    for name in ["anna.mp4", "moov-last.mov", "edit-list.mp4", "rotated.mp4", "fragmented.mp4"] {
        let bytes = clip(name);
        assert_eq!(complete(&bytes), probed(&bytes), "{name}");
        assert!(complete(&bytes).is_ok(), "{name}");
    }
}

#[test]
fn sizes_of_64_bits_and_to_the_end_are_read() {
    let bytes = clip("moov-last.mov");
    let mut wide = Vec::new();
    for (kind, content) in split(&bytes) {
        wide.extend(
            [&[0, 0, 0, 1], kind, &(content.len() as u64 + 16).to_be_bytes(), content].concat(),
        );
    }
    assert_eq!(complete(&wide).unwrap().length_ms, Some(2_600));

    let bytes = clip("anna.mp4");
    let (last, _) = split(&bytes).pop().unwrap();
    assert_eq!(last, b"mdat");
    let mut open = bytes.clone();
    let at = open.windows(4).position(|window| window == b"mdat").unwrap() - 4;
    open[at..at + 4].fill(0);
    assert_eq!(complete(&open), complete(&bytes));
}

#[test]
fn every_cut_of_a_video_is_refused() {
    for name in ["moov-last.mov", "rotated.mp4"] {
        let bytes = clip(name);
        for len in 0..bytes.len() {
            assert!(complete(&bytes[..len]).is_err(), "{name} cut to {len}");
        }
    }
    let anna = clip("anna.mp4");
    let half = probed(&anna[..anna.len() / 2]).unwrap_err();
    assert_eq!(half, "the video is incomplete (39.1 of 78.2 kB)");
    let unfinished = without(&anna, b"moov");
    assert_eq!(probed(&unfinished).unwrap_err(), "the video is incomplete (it has no `moov` box)");
    // Its samples are behind the end of the file.
    assert!(complete(&without(&anna, b"mdat")).unwrap_err().starts_with("the video is incomplete"));
}

/// The file without its boxes of one kind.
fn without(bytes: &[u8], left_out: &[u8; 4]) -> Vec<u8> {
    let boxes = split(bytes).into_iter().filter(|(kind, _)| kind != left_out);
    boxes.flat_map(|(kind, content)| boxed(kind.try_into().unwrap(), content)).collect()
}

#[test]
fn other_content_is_refused_and_named() {
    let message = |bytes: &[u8]| complete(bytes).unwrap_err();
    let foreign = |what| format!("the file is not an MP4 or QuickTime video: it contains {what}");
    assert_eq!(message(b""), "the video is incomplete (it is empty)");
    assert_eq!(message(b"\n<!DOCTYPE html><html>"), foreign("a web page or XML"));
    assert_eq!(message(br#"{"code":1203}"#), foreign("JSON"));
    assert_eq!(message(b"Access denied, sorry"), foreign("plain text"));
    assert_eq!(message(b"\x1aE\xdf\xa3\x01\0\0\0\0\0\0\x1f"), foreign("WebM or Matroska"));
    assert_eq!(
        message(b"\x01\x02\x03\x04\x05\x06\x07\x08\x0e\x0f\x10\x11"),
        foreign("something else")
    );
    assert_eq!(message(&clip("welcome-pt.m4a")), "the file has no video track with pictures");
}

#[test]
fn whatever_follows_a_complete_video_is_ignored() {
    let anna = clip("anna.mp4");
    let cut_box: Vec<u8> = [&[0, 1, 0, 0], b"free".as_slice(), b"..."].concat();
    for extra in [b"\r\n".as_slice(), &[0; 64], b"</body></html>", &cut_box] {
        let bytes = [&anna, extra].concat();
        assert_eq!(complete(&bytes).unwrap().length_ms, Some(6_000));
    }
    // Somebody is still writing the last box.
    let growing = probed(&[anna, cut_box].concat()).unwrap_err();
    assert!(growing.starts_with("the video is incomplete ("), "{growing}");
    for name in ["result-two-newlines.mp4", "result-zeros-1000.mp4", "result-random-100.mp4"] {
        assert_eq!(complete(&clip(name)).unwrap().length_ms, Some(3_000), "{name}");
    }
}

#[test]
fn space_that_is_reserved_and_not_filled_is_incomplete() {
    let zeros = "the video is incomplete (its end is only zeros)";
    for name in ["anna.mp4", "rotated.mp4", "fragmented.mp4"] {
        let mut bytes = clip(name);
        let from = bytes.len() - bytes.len() / 4;
        bytes[from..].fill(0);
        assert!(probed(&bytes).unwrap_err().starts_with("the video is incomplete"), "{name}");
    }
    let mut reserved = clip("anna.mp4");
    let from = reserved.len() - 5_000;
    reserved[from..].fill(0);
    assert_eq!(probed(&reserved).unwrap_err(), zeros);
    assert_eq!(probed(&[0; 4_096]).unwrap_err(), zeros);
    // The description comes last, and is not written yet.
    let mut bytes = clip("moov-last.mov");
    let from = bytes.len() - 600;
    bytes[from..].fill(0);
    assert!(probed(&bytes).unwrap_err().contains("incomplete"));
}

#[test]
fn nominal_sample_sizes_are_not_sizes_in_the_file() {
    // ADPCM: by its tables, the audio would end behind the file.
    assert_eq!(complete(&clip("nominal-sizes.mov")).unwrap().length_ms, Some(400));
    assert_eq!(probed(&clip("nominal-sizes.mov")).unwrap().length_ms, Some(400));
}

#[test]
fn tracks_that_players_ignore_do_not_count() {
    // Its second track has 480x360 and 5 s, and is disabled.
    assert_eq!(facts("preview-track-longer.mp4"), (Some(3_000), 1280, 720));
    let mut bytes = clip("preview-track-longer.mp4");
    let flags: Vec<usize> = bytes
        .windows(4)
        .enumerate()
        .filter(|(_, it)| it == b"tkhd")
        .map(|(at, _)| at + 7)
        .collect();
    let [first, second] = flags[..] else { panic!("{flags:?}") };
    // The larger of two, and of tracks that are all disabled.
    bytes[second] |= 1;
    assert_eq!(probed(&bytes).unwrap().height, 720);
    bytes[first] &= !1;
    assert_eq!(probed(&bytes).unwrap().height, 360);
    bytes[second] &= !1;
    assert_eq!(probed(&bytes).unwrap().height, 720);
}

#[test]
fn errors_contain_limit_and_value() {
    let message = |length_ms, width, height, bytes| {
        check(&VideoFacts { length_ms, width, height, bytes }).map_err(|error| error.to_string())
    };
    let warns = |width, height| {
        assert_eq!(message(Some(2_000), width, height, 100_000_000), Ok(()));
        VideoFacts { length_ms: None, width, height, bytes: 1 }.warning().is_some()
    };
    for (width, height) in
        [(1280, 720), (720, 1280), (1920, 1080), (1920, 1088), (960, 720), (960, 960), (1440, 1440)]
    {
        assert!(!warns(width, height), "{width}x{height}");
    }
    // The API page forbids these shapes not clearly.
    for (width, height) in
        [(1920, 800), (1024, 1024), (886, 1920), (1600, 900), (2048, 858), (512, 512), (2160, 2160)]
    {
        assert!(warns(width, height), "{width}x{height}");
    }
    assert_eq!(message(None, 1280, 720, 1), Ok(()));
    for (width, height) in [(640, 480), (511, 720), (2161, 1080), (480, 852), (3840, 2160), (0, 0)]
    {
        let error = message(Some(3_000), width, height, 1).unwrap_err();
        assert!(error.starts_with(&format!("the video is {width}x{height}; 720p or")), "{error}");
    }
    let warning = probe(&clip_path("shape-1600x900.mp4")).unwrap().warning().unwrap();
    assert_eq!(
        warning,
        "it is 1600x900; the API page allows 720p or 1080p, so Kling may refuse this shape"
    );
    let error = message(Some(60_001), 1280, 720, 1).unwrap_err();
    assert_eq!(error, "the video lasts 60.001 s; 2 to 60 s are allowed");
    assert_eq!(
        message(Some(3_000), 1280, 720, 100_000_001).unwrap_err(),
        "the video has 100000001 bytes; at most 100 MB (100000000 bytes) are allowed"
    );
}

#[test]
fn other_endings_are_refused() {
    let error = probe(&clip_path("welcome-es.wav")).unwrap_err();
    assert_eq!(error.to_string(), "the video's name ends in `.wav`; .mp4 and .mov are allowed");
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("folder.mp4")).unwrap();
    assert!(matches!(probe(&folder.path().join("folder.mp4")), Err(VideoError::Io(_))));
}

#[test]
fn impossible_sizes_are_refused_early() {
    // A table of 2^32-1 entries, boxes in plenty, a run of 2^32-1 samples that take no bytes.
    let table = boxed(b"stts", &[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
    let file = [b"moov", b"trak", b"mdia", b"minf", b"stbl"]
        .iter()
        .rev()
        .fold(table, |inner, kind| boxed(kind, &inner));
    assert_eq!(probed(&file).unwrap_err(), "the video is damaged: a table is larger than its box");

    let plenty = boxed(b"free", b"").repeat(250_000);
    assert_eq!(
        probed(&plenty).unwrap_err(),
        "the video is damaged: it has more boxes than a video can have"
    );

    let mut fragment = clip("fragmented.mp4");
    let run = fragment.windows(4).position(|window| window == b"trun").unwrap() + 4;
    fragment[run..run + 4].fill(0);
    fragment[run + 4..run + 8].fill(0xff);
    assert_eq!(
        probed(&fragment).unwrap_err(),
        "the video is damaged: its tables are longer than those of a video can be"
    );
}

#[test]
fn damaged_videos_do_not_panic_or_hang() {
    let mut breaker = Breaker::new();
    let clips = ["moov-last.mov", "fragmented.mp4", "edit-list.mp4", "rotated.mp4"].map(clip);
    let mut read = 0;
    for _ in 0..1_500 {
        for clip in &clips {
            let broken = breaker.broken(clip);
            let _ = complete(&broken);
            read += u32::from(probed(&broken).is_ok_and(|facts| check(&facts).is_ok()));
        }
    }
    // Changes in the pictures leave a video.
    assert!(read > 500, "{read}");
}
