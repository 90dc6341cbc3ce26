//! Results that are recognised on disk.

use std::os::unix::fs::symlink;

use super::*;
use crate::output::{
    Presence, check_names, presence, publish, published_result, recover_published,
};

#[test]
fn a_lost_database_recognises_results_by_their_metadata() {
    let folder = folder();
    let paths = paths(&folder);
    let first = take(&paths, 3, VIDEO, Some(b"marked"));
    publish(&paths, &first, &[], &[]).unwrap();
    assert_eq!(published_result(&paths).unwrap(), Some(first.clone()));
    assert_eq!(recover_published(&paths, &first.request_hash, 3).unwrap(), Some(first.clone()));
    assert_eq!(recover_published(&paths, &first.request_hash, 2).unwrap(), None);
    assert_eq!(recover_published(&paths, "other", 3).unwrap(), None);

    fs::write(paths.video(VideoKind::Watermark), "edited").unwrap();
    let without = Metadata { watermark: None, ..first };
    assert_eq!(published_result(&paths).unwrap(), Some(without));
    fs::write(paths.video(VideoKind::Result), b"A whole video").unwrap();
    assert_eq!(published_result(&paths).unwrap(), None);
}

#[test]
fn the_part_of_a_missing_watermark_is_not_removed() {
    let folder = folder();
    let paths = paths(&folder);
    let first = take(&paths, 1, VIDEO, None);
    publish(&paths, &first, &[], &[]).unwrap();
    download(&paths, "task-1", VideoKind::Watermark, b"marked");
    assert_eq!(recover_published(&paths, &first.request_hash, 1).unwrap(), Some(first));
    assert!(OutputPaths::part_of(&paths.video(VideoKind::Watermark)).exists());
}

#[test]
fn a_delivered_file_is_present_while_it_has_its_size() {
    let folder = folder();
    let path = folder.path().join("a.mp4");
    assert_eq!(presence(&path, 0).unwrap(), Presence::Absent);
    fs::write(&path, VIDEO).unwrap();
    assert_eq!(presence(&path, VIDEO.len() as u64).unwrap(), Presence::Delivered);
    assert_eq!(presence(&path, 5).unwrap(), Presence::Changed);
    assert_eq!(presence(&path.join("below"), 5).unwrap(), Presence::Absent);
    symlink("a.mp4", folder.path().join("b.mp4")).unwrap();
    let linked = presence(&folder.path().join("b.mp4"), VIDEO.len() as u64).unwrap();
    assert_eq!(linked, Presence::Delivered);
}

#[test]
fn names_too_long_for_an_earlier_result_are_found_before_anything_is_paid() {
    let folder = folder();
    let name = |length: usize| OutputPaths::in_folder(folder.path().to_owned(), "n".repeat(length));
    check_names(&name(220), true).unwrap();
    assert_eq!(check_names(&name(230), true).unwrap_err().code(), "bad_name");
    check_names(&name(230), false).unwrap();
    assert_eq!(check_names(&name(240), false).unwrap_err().code(), "bad_name");
}
