//! From a draft and its defaults to a job: what is missing, and what does not fit together.

use super::{
    ManifestJob,
    digest::spec_hash,
    draft::{Draft, Field, Value},
    name::output_fault,
    problem::{Location, Problem, ProblemCollector, quoted},
};
use crate::job::{JobSpec, Source};

/// The API takes no less of a audio.
const MIN_AUDIO_MS: i64 = 2_000;
/// Nor more.
const MAX_AUDIO_MS: i64 = 60_000;

/// Who the job is.
pub(super) struct Name<'a> {
    /// The manifest's path without its ending.
    pub(super) stem: &'a str,
    /// In a batch.
    pub(super) id: Option<String>,
    /// The whole job.
    pub(super) location: Location,
    /// Its id in a batch: what a default output is named by.
    pub(super) id_location: Option<Location>,
}

/// The job, or none when something of it is wrong; that is in the report then.
pub(super) fn finish(
    draft: &Draft,
    defaults: &Draft,
    name: Name<'_>,
    problems: &mut ProblemCollector,
) -> Option<ManifestJob> {
    macro_rules! given {
        ($key:ident) => {
            draft.$key.as_ref().or(defaults.$key.as_ref())
        };
    }
    let key = match &name.id {
        Some(id) => format!("{}/{id}", name.stem),
        None => name.stem.to_owned(),
    };
    // Every reading below is made before the first `?`, so that all faults are told.
    let video = needed(given!(video), "video", name.location, problems);
    let audio = needed(given!(audio), "audio", name.location, problems);
    let output = output(given!(output), &key, &name, problems);
    let timing = timing(given!(sound_start_ms), given!(sound_end_ms), given!(audio), problems);
    let (video, video_location) = video?;
    let (audio, audio_location) = audio?;
    let (output, explicit, output_location) = output?;
    let (sound_start_ms, sound_end_ms) = timing?;
    let spec = JobSpec {
        key,
        id: name.id,
        video,
        audio,
        face: chosen(given!(face))?.unwrap_or_default(),
        sound_start_ms,
        sound_end_ms,
        sound_insert_ms: chosen(given!(sound_insert_ms))?,
        sound_volume: chosen(given!(sound_volume))?.unwrap_or(1.0),
        original_audio_volume: chosen(given!(original_audio_volume))?.unwrap_or(1.0),
        watermark: chosen(given!(watermark))?.unwrap_or(false),
        callback_url: chosen(given!(callback_url))?,
        external_task_id: chosen(given!(external_task_id))?,
        take: chosen(given!(take))?,
        output,
        priority: chosen(given!(priority))?.unwrap_or(0),
        not_before_at_ms: chosen(given!(not_before_at_ms))?,
        labels: chosen(given!(labels))?.unwrap_or_default(),
    };
    Some(ManifestJob {
        spec_hash: spec_hash(&spec, explicit),
        spec,
        location: name.location,
        id_location: name.id_location.unwrap_or(name.location),
        video_location,
        audio_location,
        output_location,
        external_task_id_location: given!(external_task_id).map(|field| field.location),
    })
}

/// The outer none is a fault that was told, the inner one is the key's own default.
fn chosen<T: Clone>(field: Option<&Field<T>>) -> Option<Option<T>> {
    match field.map(|field| &field.value) {
        Some(Value::Set(value)) => Some(Some(value.clone())),
        None | Some(Value::Reset) => Some(None),
        Some(Value::Faulty) => None,
    }
}

fn needed(
    field: Option<&Field<Source>>,
    key: &str,
    location: Location,
    problems: &mut ProblemCollector,
) -> Option<(Source, Location)> {
    let Some(field) = field else {
        let problem = Problem::at(location, format!("this job has no `{key}`"));
        problems.add(problem.help("give it one here, or to all jobs of a batch under `defaults`"));
        return None;
    };
    match &field.value {
        Value::Set(source) => Some((source.clone(), field.location)),
        Value::Reset | Value::Faulty => None,
    }
}

/// The path, whether it was given, and where it comes from.
fn output(
    field: Option<&Field<String>>,
    key: &str,
    name: &Name<'_>,
    problems: &mut ProblemCollector,
) -> Option<(String, bool, Location)> {
    if let (Some(output), Some(field)) = (chosen(field)?, field) {
        return Some((output, true, field.location));
    }
    let output = format!("{key}.mp4");
    if let Some(fault) = output_fault(&output) {
        let what = format!("the output would be {}: {fault}", quoted(&output));
        let mut problem = Problem::whole(what).help("rename the job, or give it an `output`");
        problem.location = name.id_location;
        problems.add(problem);
        return None;
    }
    Some((output, false, name.id_location.unwrap_or(name.location)))
}

/// Start and end of the crop, as far as they can be judged without the audio.
fn timing(
    start: Option<&Field<i64>>,
    end: Option<&Field<i64>>,
    audio: Option<&Field<Source>>,
    problems: &mut ProblemCollector,
) -> Option<(i64, Option<i64>)> {
    let start_ms = chosen(start)?.unwrap_or(0);
    let Some((end_ms, end)) = chosen(end)?.zip(end) else {
        if let Some(Field { location, value: Value::Set(Source::Id(_)) }) = audio {
            let what = "an audio file given by `id` needs a `sound_end_time`";
            let help = "the API does not tell how long such an audio file is";
            problems.add(Problem::at(*location, what).help(help));
            return None;
        }
        return Some((start_ms, None));
    };
    let length_ms = end_ms - start_ms;
    let fault = if length_ms < MIN_AUDIO_MS {
        format!(
            "less than 2 s lie between `sound_start_time` ({start_ms} ms) and `sound_end_time` ({end_ms} ms)"
        )
    } else if length_ms > MAX_AUDIO_MS {
        format!(
            "more than 60 s lie between `sound_start_time` ({start_ms} ms) and `sound_end_time` ({end_ms} ms)"
        )
    } else {
        return Some((start_ms, Some(end_ms)));
    };
    let help = "the API takes 2 to 60 seconds of audio";
    problems.add(Problem::at(end.location, fault).help(help));
    None
}
