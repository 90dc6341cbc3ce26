//! From a draft and its defaults to a job: what is missing, and what does not fit together.

use super::{
    digest::spec_hash,
    draft::{Draft, FieldValue, Fields},
    name::output_error,
    problem::{Location, Problem, ProblemCollector, quoted},
};
use crate::job::{
    JobSpec, Source,
    timing::{LONGEST_MS, SHORTEST_MS},
};

/// One job of a manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct ManifestJob {
    /// What is wanted.
    pub spec: JobSpec,
    /// The digest of everything that the manifest says about the job: see [`spec_hash`](super::spec_hash()). It does not
    /// depend on the manifest's path, comments, order of keys or spelling of times.
    pub spec_hash: String,
    /// Where the job's mapping is.
    pub location: Location,
    /// Where the job's id is; for a single job its mapping.
    pub id_location: Location,
    /// Where the value of `video` is; it may be in `defaults`.
    pub video_location: Location,
    /// Where the value of `audio` is.
    pub audio_location: Location,
    /// Where the value of `output` is, else the id or job that names the output.
    pub output_location: Location,
    /// Where the value of `external_task_id` is, if there is one.
    pub external_task_id_location: Option<Location>,
}

pub(super) struct JobName<'a> {
    pub(super) stem: &'a str,
    pub(super) id: Option<String>,
    pub(super) location: Location,
    /// Its id in a batch: a default output is named by it.
    pub(super) id_location: Option<Location>,
}

/// Returns the job, or none when something is wrong with it; the collector has the problem then.
pub(super) fn finish(
    draft: &Draft,
    defaults: &Draft,
    name: &JobName<'_>,
    problems: &mut ProblemCollector,
) -> Option<ManifestJob> {
    let fields = draft.with_defaults(defaults);
    let key = match &name.id {
        Some(id) => format!("{}/{id}", name.stem),
        None => name.stem.to_owned(),
    };
    // Both sources are required: a job that keeps these is not returned.
    let nothing = || Source::File(String::new());
    let mut spec = JobSpec::new(key, nothing(), nothing());
    let mut is_valid = true;
    for field in fields.values() {
        match &field.value {
            FieldValue::Set(set) => set(&mut spec),
            FieldValue::Reset => {}
            FieldValue::Invalid => is_valid = false,
        }
    }
    // All checks are made before the first `?`, so that all problems are reported.
    let [video, audio] =
        ["video", "audio"].map(|key| required(&fields, key, name.location, problems));
    let output = output_location(&fields, &spec, name, problems);
    is_valid &= times_fit(&fields, &spec, problems);
    let (video_location, audio_location) = (video?, audio?);
    let output_location = output?;
    let output_field = fields.get("output").map(|field| &field.value);
    let is_output_explicit = matches!(output_field, Some(FieldValue::Set(_)));
    is_valid.then(|| ManifestJob {
        spec_hash: spec_hash(&spec, is_output_explicit),
        spec,
        location: name.location,
        id_location: name.id_location.unwrap_or(name.location),
        video_location,
        audio_location,
        output_location,
        external_task_id_location: fields.get("external_task_id").map(|field| field.location),
    })
}

fn required(
    fields: &Fields<'_>,
    key: &str,
    job: Location,
    problems: &mut ProblemCollector,
) -> Option<Location> {
    let location = fields.get(key).map(|field| field.location);
    if location.is_none() {
        let problem = Problem::at(job, format!("this job has no `{key}`"));
        problems.add(problem.help("set it here, or for all jobs of a batch under `defaults`"));
    }
    location
}

/// Returns where the output comes from: its own key, or what a default output is named by.
fn output_location(
    fields: &Fields<'_>,
    spec: &JobSpec,
    name: &JobName<'_>,
    problems: &mut ProblemCollector,
) -> Option<Location> {
    if let Some(field) = fields.get("output")
        && !matches!(field.value, FieldValue::Reset)
    {
        return Some(field.location);
    }
    if let Some(error) = output_error(&spec.output) {
        let what = format!("the output would be {}: {error}", quoted(&spec.output));
        let problem = Problem::of_file(what).help("rename the job, or set an `output`");
        problems.add(Problem { location: name.id_location, ..problem });
        return None;
    }
    Some(name.id_location.unwrap_or(name.location))
}

/// Checks start and end of the crop, as far as that is possible without the audio.
fn times_fit(fields: &Fields<'_>, spec: &JobSpec, problems: &mut ProblemCollector) -> bool {
    let times = ["sound_start_time", "sound_end_time"].map(|key| fields.get(key));
    if times.iter().flatten().any(|time| matches!(time.value, FieldValue::Invalid)) {
        return true;
    }
    let (key, what, help) = match (spec.sound_end_ms, &spec.audio) {
        (None, Source::Id(_)) => (
            "audio",
            "audio given by `id` needs a `sound_end_time`".to_owned(),
            "the API does not report the length of such audio",
        ),
        (None, _) => return true,
        (Some(end_ms), _) => {
            let start_ms = spec.sound_start_ms;
            let limit = match end_ms - start_ms {
                length_ms if length_ms < SHORTEST_MS => "less than 2 s",
                length_ms if length_ms > LONGEST_MS => "more than 60 s",
                _ => return true,
            };
            let what = format!(
                "{limit} between `sound_start_time` ({start_ms} ms) and `sound_end_time` ({end_ms} ms)"
            );
            ("sound_end_time", what, "the API takes 2 to 60 seconds of audio")
        }
    };
    if let Some(field) = fields.get(key) {
        problems.add(Problem::at(field.location, what).help(help));
    }
    false
}
