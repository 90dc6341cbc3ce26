//! A crash at every write, sync, rename and removal. Nothing is lost, and a repeat completes the work.

use super::*;
use crate::{
    failpoint::crash,
    output::{
        OutputError, publish, publish_superseded, publish_watermark, published_watermark,
        recover_published,
    },
};

/// One take's videos.
type Take = (u32, &'static [u8], Option<&'static [u8]>);

const FIRST: Take = (1, VIDEO, Some(b"marked"));
const SECOND: Take = (2, b"another video", Some(b"marked too"));
/// More fail points than any case has.
const POINTS_MAX: u32 = 200;

fn fetched(paths: &OutputPaths, (number, result, watermark): Take) -> Metadata {
    take(paths, number, result, watermark)
}

/// Repeats `work` in a new folder that `prepare` filled, with a crash at the first, the second, … fail point. After
/// the crash, `check` sees the folder; then the work is repeated, with another crash, and completed.
fn crash_everywhere(
    prepare: impl Fn(&OutputPaths),
    work: impl Fn(&OutputPaths) -> Result<(), OutputError>,
    check: impl Fn(&OutputPaths, &str),
    expected: &[String],
) {
    for nth in 1..POINTS_MAX {
        let folder = folder();
        let paths = paths(&folder);
        prepare(&paths);
        if let Some(done) = crash::at(nth, || work(&paths)) {
            done.unwrap();
            assert!(nth > 10, "the fail points were not passed");
            return;
        }
        check(&paths, &format!("after fail point {nth}"));
        let again = crash::at(nth.div_ceil(2), || work(&paths));
        check(&paths, &format!("after fail point {nth}, then {}", nth.div_ceil(2)));
        again.unwrap_or_else(|| work(&paths)).unwrap();
        work(&paths).unwrap();
        check(&paths, "at the end");
        assert_eq!(names(paths.folder()), expected, "fail point {nth}");
    }
    panic!("the work has too many fail points");
}

/// Checks that each visible video is complete and named by the metadata beside it, and that no `kept` video is lost.
fn check(paths: &OutputPaths, kept: &[Take], new: &[Take], when: &str) {
    let mut found = Vec::new();
    for name in names(paths.folder()).into_iter().filter(|name| !name.starts_with('.')) {
        let path = paths.folder().join(&name);
        if !name.ends_with(".mp4") {
            assert!(Metadata::read(&path).unwrap().is_some(), "{name} {when}");
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let whole = kept.iter().chain(new).any(|(_, result, watermark)| {
            bytes == *result || watermark.is_some_and(|watermark| bytes == watermark)
        });
        assert!(whole, "half of {name} {when}");
        let (stem, kind) = match name.strip_suffix(".watermark.mp4") {
            Some(stem) => (stem, VideoKind::Watermark),
            None => (name.trim_end_matches(".mp4"), VideoKind::Result),
        };
        let beside = Metadata::read(&paths.folder().join(format!("{stem}.json"))).unwrap();
        let beside = beside.unwrap_or_else(|| panic!("no metadata beside {name} {when}"));
        assert_eq!(beside.facts(kind), Some(&facts(&bytes)), "{name} {when}");
        found.push((bytes, beside.take));
    }
    for (number, result, watermark) in kept {
        for bytes in [Some(*result), *watermark].into_iter().flatten() {
            assert!(found.contains(&(bytes.to_vec(), *number)), "take {number} is lost {when}");
        }
    }
}

fn publish_take(paths: &OutputPaths, take: Take) -> Result<(), OutputError> {
    let (number, ..) = take;
    // As a start after a crash does. The database is lost: it knows no earlier result.
    let hash = "5a".repeat(32);
    let done = recover_published(paths, &hash, number)?;
    if done.is_some_and(|found| found.watermark.is_some() == take.2.is_some()) {
        return Ok(());
    }
    publish(paths, &fetched(paths, take), &[], &[]).map(drop)
}

fn sorted(names: &[&str]) -> Vec<String> {
    let mut names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    names.sort();
    names
}

#[test]
fn the_first_result_survives_a_crash_at_every_point() {
    crash_everywhere(
        |_| {},
        |paths| publish_take(paths, FIRST),
        |paths, when| check(paths, &[], &[FIRST], when),
        &sorted(&["en.json", "en.mp4", "en.watermark.mp4"]),
    );
}

#[test]
fn an_earlier_result_survives_a_crash_at_every_point() {
    let h = digest(VIDEO, 8);
    let aside = [format!("en.{h}.json"), format!("en.{h}.mp4"), format!("en.{h}.watermark.mp4")];
    let mut all = vec!["en.json", "en.mp4", "en.watermark.mp4"];
    all.extend(aside.iter().map(String::as_str));
    crash_everywhere(
        |paths| publish_take(paths, FIRST).unwrap(),
        |paths| publish_take(paths, SECOND),
        |paths, when| check(paths, &[FIRST], &[SECOND], when),
        &sorted(&all),
    );
    // The earlier result was kept before: the second copy of it is removed.
    crash_everywhere(
        |paths| {
            for take in [FIRST, SECOND, FIRST] {
                publish_take(paths, take).unwrap();
            }
        },
        |paths| publish_take(paths, (3, b"a third video", None)),
        |paths, when| check(paths, &[FIRST, SECOND], &[(3, b"a third video", None)], when),
        &{
            let h2 = digest(SECOND.1, 8);
            let second = ["json", "mp4", "watermark.mp4"].map(|end| format!("en.{h2}.{end}"));
            let mut all = vec!["en.json", "en.mp4"];
            all.extend(aside.iter().chain(&second).map(String::as_str));
            sorted(&all)
        },
    );
}

#[test]
fn another_take_with_the_same_bytes_survives_a_crash_at_every_point() {
    let h = digest(VIDEO, 8);
    let aside = [format!("en.{h}.json"), format!("en.{h}.mp4")];
    let mut all = vec!["en.json", "en.mp4"];
    all.extend(aside.iter().map(String::as_str));
    crash_everywhere(
        |paths| publish_take(paths, (1, VIDEO, None)).unwrap(),
        |paths| publish_take(paths, (2, VIDEO, None)),
        |paths, when| check(paths, &[(1, VIDEO, None)], &[(2, VIDEO, None)], when),
        &sorted(&all),
    );
}

#[test]
fn a_superseded_result_survives_a_crash_at_every_point() {
    let h = digest(VIDEO, 8);
    let aside = [format!("en.{h}.json"), format!("en.{h}.mp4"), format!("en.{h}.watermark.mp4")];
    let mut all = vec!["en.json", "en.mp4", "en.watermark.mp4"];
    all.extend(aside.iter().map(String::as_str));
    crash_everywhere(
        |paths| publish_take(paths, SECOND).unwrap(),
        |paths| {
            let metadata = fetched(&paths.superseded("task-1"), FIRST);
            publish_superseded(paths, &metadata, &[]).map(drop)
        },
        |paths, when| check(paths, &[SECOND], &[FIRST], when),
        &sorted(&all),
    );
}

/// The watermarked copy comes after the result, as a start after a crash brings it.
#[test]
fn the_watermarked_copy_survives_a_crash_at_every_point() {
    const RESULT: Take = (1, VIDEO, None);
    let hash = "5a".repeat(32);
    crash_everywhere(
        |paths| publish_take(paths, RESULT).unwrap(),
        |paths| {
            if published_watermark(paths, &hash, 1)?.is_some() {
                return Ok(());
            }
            let copy = download(paths, "task-1", VideoKind::Watermark, b"marked");
            publish_watermark(paths, &metadata("task-1", facts(VIDEO), Some(copy)), None)
        },
        |paths, when| {
            let visible = |name: &str| paths.folder().join(name);
            assert_eq!(fs::read(visible("en.mp4")).unwrap(), VIDEO, "{when}");
            let beside = Metadata::read(&visible("en.json")).unwrap().unwrap();
            assert_eq!(beside.result, facts(VIDEO), "{when}");
            if let Ok(copy) = fs::read(visible("en.watermark.mp4")) {
                assert_eq!(copy, b"marked", "{when}");
                assert_eq!(beside.watermark, Some(facts(b"marked")), "{when}");
            }
        },
        &sorted(&["en.json", "en.mp4", "en.watermark.mp4"]),
    );
}
