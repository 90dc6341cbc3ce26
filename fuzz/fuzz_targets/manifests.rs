//! Any bytes as a manifest: problems with locations in the text, or jobs that keep the manifest's rules.

#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use lipsyncd::{
    job::{FaceSpan, JobSpec, timing},
    manifest::{Manifest, read},
};
use lipsyncd_fuzz::{lies_in, lines_of, problems_fit};

fuzz_target!(|bytes: &[u8]| {
    let path = "promo/fr.yaml";
    match read(bytes, &path) {
        Err(problems) => problems_fit(&problems, bytes),
        Ok(manifest) => {
            assert_eq!(read(bytes, &path).as_ref(), Ok(&manifest));
            is_audio(&manifest, bytes);
        }
    }
});

fn is_audio(manifest: &Manifest, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let lines = lines_of(&text);
    let (mut keys, mut outputs) = (BTreeSet::new(), BTreeSet::new());
    assert!(!manifest.jobs.is_empty());
    for job in &manifest.jobs {
        let locations = [
            job.location,
            job.id_location,
            job.video_location,
            job.audio_location,
            job.output_location,
        ];
        for location in locations.into_iter().chain(job.external_task_id_location) {
            is_in_text(location, &lines);
        }
        assert!(keys.insert(job.spec.key.clone()) && outputs.insert(job.spec.output.clone()));
        assert_eq!(job.spec_hash.len(), 32);
        keeps_the_rules(&job.spec);
        is_planned(&job.spec);
    }
}

fn keeps_the_rules(spec: &JobSpec) {
    assert!(spec.key.starts_with("promo/fr"));
    assert!((0.0..=2.0).contains(&spec.sound_volume));
    assert!((0.0..=2.0).contains(&spec.original_audio_volume));
    assert!((-100..=100).contains(&spec.priority));
    assert!(spec.sound_start_ms >= 0 && spec.sound_insert_ms.is_none_or(|ms| ms >= 0));
    assert!(spec.sound_end_ms.is_none_or(|end_ms| end_ms - spec.sound_start_ms >= 2_000));
    assert!(spec.output.ends_with(".mp4") && !spec.output.starts_with('/'));
    assert!(spec.output.split('/').all(|part| !part.is_empty() && !part.starts_with('.')));
}

/// A plan is found or refused in words, whatever the manifest's times are.
fn is_planned(spec: &JobSpec) {
    let face = |id: &str, start_ms, end_ms| FaceSpan { face_id: id.to_owned(), start_ms, end_ms };
    let faces = [face("0", 0, 6_000), face("1", 1_500, i64::MAX)];
    for (audio_ms, video_ms) in [(None, None), (Some(4_000), Some(9_000)), (Some(i64::MAX), None)] {
        match timing::plan(spec, &faces, audio_ms, video_ms) {
            Ok(plan) => assert!(plan.sound_end_ms - plan.sound_start_ms >= 2_000),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}
