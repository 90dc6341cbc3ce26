//! Request hashes and spec hashes: what changes them, and that stored ones stay valid.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::{
    super::{
        canonical::DigestInput,
        digest::canonical,
        keys::{KeyClass, TABLE},
    },
    *,
};
use crate::job::{FaceChoice, Source};

const CONTENT: ContentHashes<'_> =
    ContentHashes { video_sha256: Some("11112222"), audio_sha256: Some("33334444") };

/// A single job with more keys.
fn job(keys: &str) -> ManifestJob {
    good(&format!("video: v.mp4\naudio: a.mp3\n{keys}\n")).jobs.remove(0)
}

fn spec() -> JobSpec {
    job("").spec
}

fn request(spec: &JobSpec) -> String {
    request_hash(spec, CONTENT).expect("the content is given")
}

/// A job without and with a key's example value.
fn before_and_after(key: &ManifestKey) -> (ManifestJob, ManifestJob) {
    let base = [("id", "a"), ("video", "v.mp4"), ("audio", "a.mp3")];
    let with = |changed: Option<(&'static str, &'static str)>| {
        let keys: BTreeMap<_, _> = base.into_iter().chain(changed).collect();
        let keys: Vec<_> =
            keys.iter().map(|(name, value)| format!("    {name}: {value}\n")).collect();
        good(&format!("jobs:\n  -\n{}", keys.concat())).jobs.remove(0)
    };
    (with(None), with(Some((key.name, key.example))))
}

#[test]
fn every_field_of_a_job_belongs_to_one_key_of_the_table() {
    let fields = |spec: &JobSpec| json!(spec).as_object().cloned().expect("fields");
    let mut changed = BTreeSet::new();
    for key in &TABLE {
        let (before, after) = before_and_after(key);
        let (before, after) = (fields(&before.spec), fields(&after.spec));
        // The id is also part of the job's key, and so of its output.
        let differs = |field: &&String| key.name != "id" || field.as_str() == "id";
        let names = before.keys().filter(|field| before[*field] != after[*field]).filter(differs);
        let names: Vec<_> = names.cloned().collect();
        assert_eq!(names.len(), 1, "`{}` changes {names:?}", key.name);
        assert!(changed.insert(names[0].clone()), "`{}` changes {names:?}, too", key.name);
    }
    changed.insert("key".to_owned());
    assert_eq!(changed, fields(&spec()).keys().cloned().collect());
    assert_eq!(KEYS.iter().collect::<BTreeSet<_>>().len(), KEYS.len());
}

#[test]
fn only_what_decides_the_result_is_in_the_request_hash() {
    let request_keys = TABLE.iter().filter(|key| key.class == KeyClass::Request);
    let request_keys: Vec<_> = request_keys.map(|key| key.name).collect();
    let expected = [
        "video",
        "audio",
        "face",
        "sound_start_time",
        "sound_end_time",
        "sound_insert_time",
        "sound_volume",
        "original_audio_volume",
        "watermark",
        "external_task_id",
    ];
    assert_eq!(request_keys, expected);
    for key in &TABLE {
        let (before, after) = before_and_after(key);
        let decides = request(&before.spec) != request(&after.spec);
        assert_eq!(decides, key.class == KeyClass::Request, "{}", key.name);
        assert_eq!(before.spec.has_same_request_text(&after.spec), !decides, "{}", key.name);
    }
    let moved = JobSpec { key: "other/place".into(), ..spec() };
    assert_eq!(request(&moved), request(&spec()));
}

#[test]
fn every_key_but_the_path_of_the_manifest_is_in_the_spec_hash() {
    for key in &TABLE {
        let (before, after) = before_and_after(key);
        assert_ne!(before.spec_hash, after.spec_hash, "{}", key.name);
    }
    let moved = JobSpec { key: "other".into(), output: "other.mp4".into(), ..spec() };
    assert_eq!(spec_hash(&moved, false), spec_hash(&spec(), false));
}

#[test]
fn a_new_key_with_its_default_changes_no_digest() {
    let spec = job("face: {index: 1}\ntake: 2\nlabels: {a: b}\nwatermark: true").spec;
    let input = DigestInput {
        spec: &spec,
        video_sha256: Some("1"),
        audio_sha256: Some("2"),
        output_is_explicit: true,
    };
    let before = canonical(&TABLE, &input);
    let with = |name, value| {
        let added = ManifestKey { name, class: KeyClass::Request, canonical: value, ..TABLE[0] };
        canonical([added].iter().chain(&TABLE), &input)
    };
    for name in ["aaa", "resolution", "zzz"] {
        assert_eq!(with(name, |_| None), before);
        assert_ne!(with(name, |_| Some(json!(1))), before);
    }
}

#[test]
fn local_media_count_by_content_in_the_request_hash_and_by_path_in_the_spec_hash() {
    let moved = good("video: b/w.mp4\naudio: b/b.mp3\n").jobs.remove(0).spec;
    assert_eq!(request(&moved), request(&spec()));
    assert_ne!(spec_hash(&moved, false), spec_hash(&spec(), false));
    for content in [
        ContentHashes { video_sha256: Some("5"), ..CONTENT },
        ContentHashes { audio_sha256: Some("5"), ..CONTENT },
        ContentHashes { video_sha256: CONTENT.audio_sha256, audio_sha256: CONTENT.video_sha256 },
    ] {
        assert_ne!(request_hash(&spec(), content), request_hash(&spec(), CONTENT));
    }
    let (no_video, no_audio) = (
        ContentHashes { video_sha256: None, ..CONTENT },
        ContentHashes { audio_sha256: None, ..CONTENT },
    );
    assert_eq!(request_hash(&spec(), no_video), None);
    assert_eq!(request_hash(&spec(), no_audio), None);
    let remote = good("video: https://e.com/v.mp4\naudio: {id: a}\nsound_end_time: 2s\n");
    let remote = &remote.jobs[0].spec;
    // The content of media that are not local is not read.
    assert_eq!(request_hash(remote, ContentHashes::default()), request_hash(remote, CONTENT));
}

#[test]
fn a_url_a_path_a_content_and_an_id_are_never_the_same() {
    let text = || "https://e.com/v.mp4".to_owned();
    let content = ContentHashes { video_sha256: Some(&text()), audio_sha256: Some(&text()) };
    let sources = [Source::Url(text()), Source::File(text()), Source::Id(text())];
    let (mut requests, mut specs) = (BTreeSet::new(), BTreeSet::new());
    for video in &sources {
        for audio in &sources {
            let spec = JobSpec { video: video.clone(), audio: audio.clone(), ..spec() };
            assert!(requests.insert(request_hash(&spec, content)));
            assert!(specs.insert(spec_hash(&spec, false)));
        }
    }
    let faces = [FaceChoice::First, FaceChoice::Index(1), FaceChoice::Id("1".into())];
    let faces = faces.into_iter().chain([FaceChoice::Id("first".into()), FaceChoice::Longest]);
    let faces: BTreeSet<_> = faces.map(|face| request(&JobSpec { face, ..spec() })).collect();
    assert_eq!(faces.len(), 5);
}

#[test]
fn a_new_signature_of_the_same_object_changes_nothing() {
    let with = |query: &str| {
        let url = |name| Source::Url(format!("https://e.com/{name}?{query}"));
        let spec = JobSpec { video: url("v.mp4"), audio: url("a.mp3"), ..spec() };
        (request(&spec), spec_hash(&spec, false))
    };
    let first = with("versionId=1&X-Amz-Credential=c&X-Amz-Date=1&X-Amz-Signature=a");
    assert_eq!(with("X-Amz-Credential=d&versionId=1&X-Amz-Date=2&X-Amz-Signature=b"), first);
    assert_eq!(with("versionId=1"), first);
    let other = with("versionId=2&X-Amz-Credential=c&X-Amz-Date=1&X-Amz-Signature=a");
    assert!(other.0 != first.0 && other.1 != first.1);
}

#[test]
fn the_spelling_of_a_manifest_changes_no_digest() {
    let plain = "jobs:\n  - {id: a, video: v.mp4, audio: a.mp3, sound_insert_time: 1500, labels: {a: 1, b: 2}}\n  \
                 - {id: b, video: v.mp4, audio: b.mp3, sound_volume: 1}\n";
    let hashes = |manifest: Manifest| -> BTreeSet<_> {
        manifest.jobs.into_iter().map(|job| (request(&job.spec), job.spec_hash)).collect()
    };
    let expected = hashes(good(plain));
    for other in [
        "# why\njobs:\n  - {sound_insert_time: 1.5s, audio: a.mp3, labels: {b: '2', a: '1'}, id: a, video: v.mp4}\n  \
         - {id: b, video: v.mp4, audio: b.mp3, sound_volume: 1.0, priority: 0, face: null, take: null}\n",
        "jobs:\n  - {id: b, audio: b.mp3}\n  - {id: a, audio: a.mp3, sound_insert_time: 1500ms, labels: {a: 1, b: 2}}\n\
         defaults: {video: v.mp4, face: longest}\n",
    ] {
        assert_eq!(hashes(good(other)), expected);
    }
    assert_eq!(hashes(good_at("other/location.yml", plain)), expected);
    // An output counts where it is written, also if it is the default one.
    assert_ne!(job("output: promo/m.mp4").spec_hash, job("").spec_hash);
    let volumes = ["0.5", ".5", "5e-1", "0.50"];
    let volumes = volumes.map(|volume| job(&format!("sound_volume: {volume}")).spec_hash);
    assert!(volumes.iter().all(|hash| *hash == volumes[0]));
    let silent = |sound_volume| request(&JobSpec { sound_volume, ..spec() });
    assert_eq!(silent(-0.0), silent(0.0));
}

#[test]
fn stored_digests_stay_valid() {
    let local = job("");
    let canonical_of = |spec: &JobSpec| {
        let ContentHashes { video_sha256, audio_sha256 } = CONTENT;
        canonical(
            &TABLE,
            &DigestInput { spec, video_sha256, audio_sha256, output_is_explicit: true },
        )
    };
    let full = good(
        "jobs: [{id: a, video: 'https://e.com/v.mp4?v=1&sv=1&sig=2', audio: {id: 9}, face: {index: 2}, \
         sound_start_time: 1s, sound_end_time: 9s, sound_insert_time: 0, sound_volume: 0.1, \
         original_audio_volume: 0, watermark: true, callback_url: 'https://e.com/hook', external_task_id: t, \
         take: 2, output: o.mp4, priority: -3, not_before: '2026-12-24T17:00:00Z', labels: {b: \"ü\\n\", a: '1'}}]",
    )
    .jobs
    .remove(0);
    let by_id = good("video: {id: 7}\naudio: https://e.com/a.mp3\nface: {id: x}\n").jobs.remove(0);
    insta::assert_snapshot!(canonical_of(&full.spec), @r#"{"audio":["id","9"],"callback_url":"https://e.com/hook","external_task_id":"t","face":["index",2],"id":"a","labels":[["a","1"],["b","ü\n"]],"not_before":1798131600000,"original_audio_volume":"0","output":"o.mp4","priority":-3,"sound_end_time":9000,"sound_insert_time":0,"sound_start_time":1000,"sound_volume":"0.1","take":2,"video":["url","https://e.com/v.mp4?v=1"],"watermark":true}"#);
    insta::assert_snapshot!(request(&local.spec), @"ccc2476905ab41667456a5d6ff3a7790");
    insta::assert_snapshot!(request(&full.spec), @"804c0701805de1ae3322a40d2047fa9d");
    insta::assert_snapshot!(request(&by_id.spec), @"4c5b8022a4115c0d92e641428f6e8989");
    insta::assert_snapshot!(local.spec_hash, @"ea6b98bacfda7a14c19e245f378ffb82");
    insta::assert_snapshot!(full.spec_hash, @"ccef31109d0b2ab3de327eb270f82282");
    insta::assert_snapshot!(by_id.spec_hash, @"4c5b8022a4115c0d92e641428f6e8989");
}
