//! Manifests without errors: what their jobs ask for, and how the jobs are named.

use super::*;
use crate::job::{FaceChoice, Source};

/// A single job with one more key.
fn job(key: &str) -> ManifestJob {
    let mut manifest = good(&format!("video: v.mp4\naudio: a.mp3\n{key}\n"));
    assert_eq!(manifest.jobs.len(), 1);
    manifest.jobs.remove(0)
}

fn url(url: &str) -> Source {
    Source::Url(url.to_owned())
}

#[test]
fn a_single_job_is_named_by_its_file_and_has_defaults() {
    for path in ["promo/fr.yaml", "promo/fr.yml"] {
        let manifest = good_at(path, "video: ../v.MOV\naudio: audio/a.mp3\n");
        let [video, audio] = ["../v.MOV", "audio/a.mp3"].map(|path| Source::File(path.into()));
        let expected = JobSpec::new("promo/fr", video, audio);
        assert_eq!(manifest.jobs[0].spec, expected);
    }
}

#[test]
fn jobs_of_a_batch_use_defaults_and_override_them() {
    let manifest = good(
        "defaults:\n  video: https://e.com/v.mp4\n  priority: 5\n  watermark: true\njobs:\n  \
         - id: en\n    audio: a.mp3\n  - {id: fr, audio: b.mp3, priority: null, video: w.mp4}\n",
    );
    let [en, fr] = manifest.jobs.as_slice() else {
        panic!("{manifest:?}");
    };
    assert_eq!((en.spec.key.as_str(), en.spec.id.as_deref()), ("promo/m/en", Some("en")));
    assert_eq!(en.spec.video, url("https://e.com/v.mp4"));
    assert_eq!((en.spec.priority, fr.spec.priority), (5, 0));
    assert_eq!(fr.spec.video, Source::File("w.mp4".into()));
    assert_eq!(fr.spec.output, "promo/m/fr.mp4");
    assert!(fr.spec.watermark);
    let at = |location: Location| (location.line, location.column);
    assert_eq!(at(en.location), (6, 5));
    assert_eq!(at(en.id_location), (6, 9));
    assert_eq!(at(en.video_location), (2, 10));
    assert_eq!(at(en.audio_location), (7, 12));
    assert_eq!(at(fr.video_location), (8, 51));
    assert_eq!(at(fr.output_location), at(fr.id_location));
}

#[test]
fn sources_have_three_spellings() {
    for (video, expected) in [
        ("https://e.com/v.mp4", url("https://e.com/v.mp4")),
        ("HTTP://E.com/a b.mp4", url("http://e.com/a%20b.mp4")),
        ("{url: \"http://127.0.0.1:8080/v\"}", url("http://127.0.0.1:8080/v")),
        ("https://e.com/v.mp4?sig=a%2Fb&x=1", url("https://e.com/v.mp4?sig=a%2Fb&x=1")),
        ("/srv/v.mp4", Source::File("/srv/v.mp4".into())),
        ("{file: \"http:v.mp4\"}", Source::File("http:v.mp4".into())),
        ("2024.mp4", Source::File("2024.mp4".into())),
        ("{id: 0123}", Source::Id("0123".into())),
    ] {
        let manifest = good(&format!("video: {video}\naudio: a.AAC\n"));
        assert_eq!(manifest.jobs[0].spec.video, expected, "{video}");
    }
    let manifest = good("video: v.mp4\naudio: {id: x}\nsound_end_time: 2s\n");
    assert_eq!(manifest.jobs[0].spec.audio, Source::Id("x".into()));
}

#[test]
fn times_are_milliseconds_or_durations() {
    for (time, expected_ms) in [
        ("0", 0),
        ("1500", 1500),
        ("'1500'", 1500),
        ("1.5s", 1500),
        ("1500ms", 1500),
        ("1m 2s", 62_000),
        ("1 minute", 60_000),
        ("00:01:02", 62_000),
        ("PT1.5S", 1500),
    ] {
        let job = job(&format!("sound_insert_time: {time}"));
        assert_eq!(job.spec.sound_insert_ms, Some(expected_ms), "{time}");
    }
    let both = job("sound_start_time: 1s\nsound_end_time: 3000");
    assert_eq!((both.spec.sound_start_ms, both.spec.sound_end_ms), (1000, Some(3000)));
    assert_eq!(job("sound_end_time: null").spec.sound_end_ms, None);
}

#[test]
fn faces_numbers_and_times_are_read() {
    for (face, expected) in [
        ("longest", FaceChoice::Longest),
        ("first", FaceChoice::First),
        ("only", FaceChoice::Only),
        ("{index: 2}", FaceChoice::Index(2)),
        ("{id: 0}", FaceChoice::Id("0".into())),
    ] {
        assert_eq!(job(&format!("face: {face}")).spec.face, expected);
    }
    for (volume, expected) in [("0", 0.0), ("2", 2.0), ("0.25", 0.25), (".5", 0.5), ("5e-1", 0.5)] {
        assert_eq!(job(&format!("sound_volume: {volume}")).spec.sound_volume, expected);
    }
    assert_eq!(job("priority: -100").spec.priority, -100);
    assert_eq!(
        ["", "take: null", "take: 1", "take: 99"].map(|take| job(take).spec.take),
        [None, None, Some(1), Some(99)]
    );
    let takes = good(
        "defaults: {take: 3, video: v.mp4, audio: a.mp3}\njobs: [{id: a}, {id: b, take: 4}, {id: c, take: null}]\n",
    );
    let takes: Vec<_> = takes.jobs.iter().map(|job| job.spec.take).collect();
    assert_eq!(takes, [Some(3), Some(4), None]);
    let moments = ["2026-12-24T18:00:00+01:00", "'2026-12-24T17:00:00Z'"];
    for moment in moments {
        let job = job(&format!("not_before: {moment}"));
        assert_eq!(job.spec.not_before_at_ms, Some(1_798_131_600_000));
    }
}

#[test]
fn names_and_labels_are_the_text_as_written() {
    for id in ["007", "1.0", "on", "true", "1e3", "0x10", "'-'", "A.b_c-9"] {
        let manifest = good(&format!("jobs: [{{id: {id}, video: v.mp4, audio: a.mp3}}]"));
        assert_eq!(manifest.jobs[0].spec.key, format!("promo/m/{}", id.trim_matches('\'')));
    }
    let labels = job("labels: {a: 007, 1: yes, b: null, c: , d: \"x\\ny\"}").spec.labels;
    let labels: Vec<_> = labels.iter().map(|(name, text)| (&**name, &**text)).collect();
    let expected = [("1", "yes"), ("a", "007"), ("b", ""), ("c", ""), ("d", "x\ny")];
    assert_eq!(labels, expected);
}

#[test]
fn anchors_and_merges_work_as_users_of_yaml_expect() {
    let manifest = good(
        "defaults: &base\n  video: &v https://e.com/v.mp4\n  priority: 3\njobs:\n  \
         - {<<: *base, id: a, audio: a.mp3, priority: 4}\n  \
         - {id: b, audio: b.mp3, <<: [{priority: 7}, {priority: 8, watermark: true}]}\n  \
         - {id: c, audio: c.mp3, video: {url: *v}}\n",
    );
    let priorities: Vec<i32> = manifest.jobs.iter().map(|job| job.spec.priority).collect();
    assert_eq!(priorities, [4, 7, 3]);
    assert!(manifest.jobs[1].spec.watermark);
    assert_eq!(manifest.jobs[2].spec.video, url("https://e.com/v.mp4"));
}

#[test]
fn yaml_is_read_as_it_may_be_written() {
    for text in [
        "\u{feff}video: v.mp4\r\naudio: a.mp3\r\n",
        "---\nvideo: v.mp4\naudio: a.mp3\n...\n",
        "%YAML 1.2\n---\n{\"video\": \"v.mp4\", \"audio\": \"a.mp3\"}",
        "video: >-\n  v.mp4\naudio: !!str a.mp3\n",
        "video: v.mp4 # a tab before this\t\naudio:\t'a.mp3'",
        "? video\n: v.mp4\n? audio\n: a.mp3\n",
    ] {
        let spec = &good(text).jobs[0].spec;
        assert_eq!(spec.video, Source::File("v.mp4".into()), "{text:?}");
        assert_eq!(spec.audio, Source::File("a.mp3".into()), "{text:?}");
    }
}

#[test]
fn keys_for_notes_are_ignored_at_the_top() {
    assert_eq!(job("x-note: {any: thing}").spec, job("").spec);
    let batch = good("x-base: &base {video: v.mp4}\njobs: [{<<: *base, id: a, audio: a.mp3}]\n");
    assert_eq!(batch.jobs[0].spec.video, Source::File("v.mp4".into()));
    expect(
        "jobs: [{id: a, video: v.mp4, audio: a.mp3, x-note: 1}]",
        &["1:44: unknown key `x-note`"],
    );
}

#[test]
fn the_example_shows_every_key() {
    let text = include_str!("../../../jobs.example.yaml");
    let manifest = good_at("promo.yaml", text);
    assert_eq!(manifest.jobs[0].spec.output, "promo/en.mp4");
    assert_eq!(manifest.jobs.len(), 7);
    for key in KEYS {
        let given = text.lines().any(|line| {
            let line = line.trim_start().trim_start_matches("- ");
            line.starts_with(&format!("{key}:"))
        });
        assert!(given, "jobs.example.yaml does not show `{key}`");
    }
}
