//! Parts that are continued, start again, or are refused.

use super::*;
use crate::output::OutputError;

#[test]
fn a_part_that_was_kept_is_continued_and_another_starts_again() {
    let folder = folder();
    let paths = paths(&folder);
    let mut part = Part::open(&paths, source("t"), 1000).unwrap();
    assert_eq!((part.bytes(), part.etag()), (0, None));
    part.begin(0, Some("\"a\"")).unwrap();
    part.append(&VIDEO[..4]).unwrap();
    part.keep().unwrap();
    part.append(b"lost in the crash").unwrap();
    drop(part);

    let mut part = Part::open(&paths, source("t"), 1000).unwrap();
    assert_eq!((part.bytes(), part.etag()), (4, Some("\"a\"")));
    assert!(matches!(
        part.begin(5, Some("\"a\"")),
        Err(OutputError::Misfit { bytes: 4, from_byte: 5, .. })
    ));
    assert_eq!(part.begin(4, Some("\"b\"")).unwrap_err().code(), "misfit");
    part.begin(4, Some("\"a\"")).unwrap();
    part.append(&VIDEO[4..]).unwrap();
    let facts = part.finish(whole, Some(VIDEO.len() as u64)).unwrap();
    assert_eq!(facts, download(&paths, "other", VideoKind::Watermark, VIDEO));

    // A small part is fetched again after a crash, unless it is kept.
    part.keep().unwrap();
    let whole_part = Part::open(&paths, source("t"), 1000).unwrap();
    assert_eq!(whole_part.bytes(), VIDEO.len() as u64);
    let other_task = Part::open(&paths, source("t2"), 1000).unwrap();
    assert_eq!((other_task.bytes(), other_task.etag()), (0, None));
}

#[test]
fn a_part_without_an_etag_or_shorter_than_its_note_starts_again() {
    let folder = folder();
    let paths = paths(&folder);
    let mut part = Part::open(&paths, source("t"), 1000).unwrap();
    part.begin(0, None).unwrap();
    part.append(VIDEO).unwrap();
    part.keep().unwrap();
    assert_eq!(Part::open(&paths, source("t"), 1000).unwrap().bytes(), 0);

    let path = OutputPaths::part_of(&paths.video(VideoKind::Result));
    download(&paths, "t", VideoKind::Result, VIDEO);
    fs::write(&path, &VIDEO[..3]).unwrap();
    assert_eq!(Part::open(&paths, source("t"), 1000).unwrap().bytes(), 0);
}

#[test]
fn a_server_may_restart_from_the_first_byte() {
    let folder = folder();
    let paths = paths(&folder);
    let mut part = Part::open(&paths, source("t"), 1000).unwrap();
    part.begin(0, Some("\"a\"")).unwrap();
    part.append(b"old old old old old").unwrap();
    part.begin(0, Some("\"b\"")).unwrap();
    part.append(VIDEO).unwrap();
    let facts = part.finish(whole, None).unwrap();
    assert_eq!(facts, download(&paths, "other", VideoKind::Watermark, VIDEO));
}

#[test]
fn a_video_of_the_wrong_length_or_shape_is_refused() {
    let folder = folder();
    let paths = paths(&folder);
    let path = OutputPaths::part_of(&paths.video(VideoKind::Result));
    let begin = || {
        let mut part = Part::open(&paths, source("t"), 1000).unwrap();
        part.begin(0, Some("\"a\"")).unwrap();
        part
    };
    let mut short = begin();
    short.append(&VIDEO[..5]).unwrap();
    let error = short.finish(whole, Some(13)).unwrap_err();
    assert!(matches!(error, OutputError::WrongLength { bytes: 5, expected_bytes: 13, .. }));
    assert_eq!(Part::open(&paths, source("t"), 1000).unwrap().bytes(), 5, "it can be continued");

    let mut long = begin();
    long.append(VIDEO).unwrap();
    assert_eq!(long.finish(whole, Some(5)).unwrap_err().code(), "wrong_length");
    assert!(!path.exists());

    let mut broken = begin();
    broken.append(VIDEO).unwrap();
    let error = broken.finish(|_, bytes| Err(format!("cut at {bytes}")), None).unwrap_err();
    assert!(error.to_string().ends_with("is not a complete video: cut at 13"), "{error}");
    assert!(matches!(error, OutputError::Incomplete { .. }) && path.exists());
    broken.discard().unwrap();
    assert!(!path.exists());
    assert_eq!(begin().finish(whole, None).unwrap_err().code(), "broken_video");
}

#[test]
fn no_more_than_the_limit_is_written() {
    let folder = folder();
    let paths = paths(&folder);
    let mut part = Part::open(&paths, source("t"), 10).unwrap();
    part.begin(0, None).unwrap();
    part.append(&[0; 10]).unwrap();
    assert!(matches!(part.append(&[0]), Err(OutputError::TooLarge { max_bytes: 10, .. })));
    assert_eq!(
        fs::metadata(OutputPaths::part_of(&paths.video(VideoKind::Result))).unwrap().len(),
        10
    );
}

/// A download of an earlier task is still running when the newer result is published.
#[test]
fn part_of_another_task_does_not_write_to_the_newer_result() {
    let folder = folder();
    let paths = paths(&folder);
    let mut old = Part::open(&paths, source("old"), 1000).unwrap();
    old.begin(0, None).unwrap();
    old.append(b"old").unwrap();
    let facts = download(&paths, "new", VideoKind::Result, VIDEO);
    let path = OutputPaths::part_of(&paths.video(VideoKind::Result));
    old.append(b" and more of it").unwrap();
    assert_eq!(fs::read(&path).unwrap(), VIDEO);
    assert_eq!(facts.bytes, VIDEO.len() as u64);
}
