//! Finds conflicts between the jobs that `check` reads: in keys, outputs and names. Jobs with the same request share
//! their task, and may share output and name.

use std::collections::BTreeMap;

use crate::{
    job::{JobSpec, Media},
    manifest::{ContentHashes, request_hash},
};

/// A request and a take; without a request hash the media were not read.
type Request = (Option<String>, u32);

#[derive(Debug, Default)]
pub(super) struct Conflicts {
    /// The manifest of each key.
    keys: BTreeMap<String, String>,
    /// The job of each output, and what it asks for.
    outputs: BTreeMap<String, (JobSpec, Request)>,
    /// The job of each `external_task_id`, and its request hash.
    names: BTreeMap<String, (String, Option<String>)>,
    /// The jobs of each request and take.
    tasks: BTreeMap<(String, u32), Vec<String>>,
}

impl Conflicts {
    /// Adds a job of the manifest `shown`. Returns the job whose task it shares, if any.
    pub(super) fn add(
        &mut self,
        spec: &JobSpec,
        media: Option<&Media>,
        shown: &str,
    ) -> Result<Option<String>, String> {
        if let Some(other) = self.keys.insert(spec.key.clone(), shown.to_owned()) {
            return Err(format!("the key {} is already used in {other}", spec.key));
        }
        let hash = media.and_then(|media| {
            let (video_sha256, audio_sha256) =
                (media.video_sha256.as_deref(), media.audio_sha256.as_deref());
            request_hash(spec, ContentHashes { video_sha256, audio_sha256 })
        });
        let take = spec.take.unwrap_or_else(|| self.take_to_join(hash.as_deref()));
        self.require_output(spec, (hash.clone(), spec.take.unwrap_or(1)))?;
        self.require_name(spec, hash.as_deref())?;
        let Some(hash) = hash else { return Ok(None) };
        let jobs = self.tasks.entry((hash, take)).or_default();
        jobs.push(spec.key.clone());
        Ok(jobs.first().filter(|first| **first != spec.key).cloned())
    }

    /// Returns how many tasks the jobs need, and how many of these are shared.
    pub(super) fn tasks(&self) -> (usize, usize) {
        (self.tasks.len(), self.tasks.values().filter(|jobs| jobs.len() > 1).count())
    }

    /// A job without `take:` joins the highest take, as in an empty database.
    fn take_to_join(&self, hash: Option<&str>) -> u32 {
        let Some(hash) = hash else { return 1 };
        let takes = (hash.to_owned(), 0)..=(hash.to_owned(), u32::MAX);
        self.tasks.range(takes).next_back().map_or(1, |((_, take), _)| *take)
    }

    fn require_output(&mut self, spec: &JobSpec, request: Request) -> Result<(), String> {
        let claim = (spec.clone(), request.clone());
        let Some((other, made)) = self.outputs.insert(spec.output.clone(), claim) else {
            return Ok(());
        };
        let is_same = match (&made.0, &request.0) {
            (Some(other), Some(hash)) => other == hash,
            _ => other.has_same_request_text(spec),
        };
        if is_same && made.1 == request.1 {
            return Ok(());
        }
        Err(format!(
            "the output {} belongs to job {}, which makes another request",
            spec.output, other.key
        ))
    }

    fn require_name(&mut self, spec: &JobSpec, hash: Option<&str>) -> Result<(), String> {
        let Some(name) = &spec.external_task_id else { return Ok(()) };
        let claim = (spec.key.clone(), hash.map(str::to_owned));
        let Some((other, asked)) = self.names.insert(name.clone(), claim) else { return Ok(()) };
        match (asked.as_deref(), hash) {
            (Some(asked), Some(hash)) if asked != hash => Err(format!(
                "the external_task_id {name} belongs to job {other}, which makes another request"
            )),
            _ => Ok(()),
        }
    }
}
