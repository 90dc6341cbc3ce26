//! What a person thinks of a result, in its metadata.

use super::*;
use crate::{
    job::Verdict,
    output::{OutputError, VerdictFacts, publish, publish_watermark, write_verdict},
};

fn rejected() -> VerdictFacts {
    let note = Some("lips too late".to_owned());
    VerdictFacts { verdict: Verdict::Rejected, note, given_at_ms: 1_767_225_600_000 }
}

/// Writes the verdict on this take.
fn write(
    paths: &OutputPaths,
    of: &Metadata,
    verdict: Option<&VerdictFacts>,
) -> Result<(), OutputError> {
    let is_result = |found: &Metadata| found.is_task(&of.request_hash, of.take);
    write_verdict(paths, &of.result.sha256, is_result, verdict)
}

fn read(paths: &OutputPaths) -> Metadata {
    Metadata::read(&paths.metadata()).unwrap().unwrap()
}

#[test]
fn a_verdict_is_written_and_withdrawn() {
    let folder = folder();
    let paths = paths(&folder);
    let first = take(&paths, 1, VIDEO, None);
    publish(&paths, &first, &[], &[]).unwrap();
    write(&paths, &first, Some(&rejected())).unwrap();
    let text = fs::read_to_string(paths.metadata()).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let shown =
        json!({"verdict": "rejected", "note": "lips too late", "at": "2026-01-01T00:00:00.000Z"});
    assert_eq!(json["verdict"], shown);
    assert_eq!(read(&paths), Metadata { verdict: Some(rejected()), ..first.clone() });
    // Whatever somebody made of it, the file is lipsyncd's own.
    fs::write(paths.metadata(), text.replace("rejected", "so-so")).unwrap();
    assert_eq!(read(&paths), first);
    write(&paths, &first, Some(&rejected())).unwrap();
    write(&paths, &first, None).unwrap();
    assert_eq!(read(&paths), first);
    assert!(!fs::read_to_string(paths.metadata()).unwrap().contains("verdict"));
}

#[test]
fn a_verdict_follows_its_result() {
    let folder = folder();
    let paths = paths(&folder);
    let first = take(&paths, 1, VIDEO, None);
    publish(&paths, &first, &[], &[]).unwrap();
    write(&paths, &first, Some(&rejected())).unwrap();
    let second = take(&paths, 2, b"another video", None);
    publish(&paths, &second, &[], &[]).unwrap();
    assert_eq!(read(&paths).verdict, None);
    let aside = paths.aside(&digest(VIDEO, 8));
    assert_eq!(read(&aside).verdict, Some(rejected()));
    // It can be changed there, and the newer result keeps its own.
    write(&paths, &first, None).unwrap();
    assert_eq!((read(&aside).verdict, read(&paths)), (None, second));
}

#[test]
fn the_watermarked_copy_does_not_remove_it() {
    let folder = folder();
    let paths = paths(&folder);
    let first = take(&paths, 1, VIDEO, None);
    publish(&paths, &first, &[], &[]).unwrap();
    write(&paths, &first, Some(&rejected())).unwrap();
    let marked = download(&paths, &first.task_id, VideoKind::Watermark, b"marked");
    publish_watermark(&paths, &Metadata { watermark: Some(marked.clone()), ..first.clone() }, None)
        .unwrap();
    let found = read(&paths);
    assert_eq!((found.verdict, found.watermark), (Some(rejected()), Some(marked)));
}

#[test]
fn metadata_of_others_stay_as_they_are() {
    let folder = folder();
    let paths = paths(&folder);
    let first = take(&paths, 1, VIDEO, None);
    write(&paths, &first, Some(&rejected())).unwrap();
    assert_eq!(
        fs::read_dir(paths.folder())
            .unwrap()
            .filter(|it| it.as_ref().unwrap().path().ends_with("en.json"))
            .count(),
        0
    );
    let second = take(&paths, 2, b"another video", None);
    publish(&paths, &second, &[], &[]).unwrap();
    write(&paths, &first, Some(&rejected())).unwrap();
    assert_eq!(read(&paths), second);
    fs::write(paths.metadata(), "{\"mine\": 1}").unwrap();
    write(&paths, &second, Some(&rejected())).unwrap();
    assert_eq!(fs::read(paths.metadata()).unwrap(), b"{\"mine\": 1}");
}

#[test]
fn finding_a_place_creates_nothing_and_follows_no_links() {
    let folder = folder();
    let find = |relative: &str| OutputPaths::find(folder.path(), relative);
    assert_eq!(find("promo/en.mp4").unwrap(), None);
    assert!(!folder.path().join("promo").exists());
    let made = paths(&folder);
    assert_eq!(find("promo/en.mp4").unwrap(), Some(made));
    std::os::unix::fs::symlink(folder.path().join("promo"), folder.path().join("link")).unwrap();
    assert_eq!(find("link/en.mp4").unwrap(), None);
    assert!(matches!(find("../en.mp4"), Err(OutputError::Escapes(_))));
    assert!(matches!(find("/etc/passwd"), Err(OutputError::Escapes(_))));
}
