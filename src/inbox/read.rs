//! Reads one manifest completely: its text, and the media of its jobs.
//!
//! Used by the daemon and by `lipsyncd check`, so that both find the same. Blocks.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read as _},
    path::Path,
};

use super::{
    manifest_stamp::ManifestStamp,
    media_check::{MediaCheck, MediaChecker},
};
use crate::{
    job::{JobSpec, Media},
    manifest::{self, Location, Problem, Problems},
    media::{open_beneath, open_resolved},
};

/// Why a JSON file is ignored.
pub const NO_JSON_MANIFEST: &str =
    "a .json file is a manifest only with `jobs`, or `video` and `audio`, at its top";

/// A manifest without errors of its own.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ReadManifest {
    pub jobs: Vec<ReadJob>,
    /// What is probably not as meant, with the text to show it in.
    pub warnings: Option<(Problems, String)>,
    pub(super) stamp: ManifestStamp,
}

/// One job of a manifest, with the check of its media.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ReadJob {
    pub spec: JobSpec,
    pub spec_hash: String,
    pub media_check: MediaCheck,
    /// About media that were read for this job first, and that the API may refuse.
    pub media_warnings: Vec<String>,
    pub place: Location,
    pub media_places: (Location, Location),
}

/// A manifest that cannot be accepted.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct RejectedManifest {
    pub problems: Problems,
    pub text: String,
    /// Whether it is a JSON file that is no manifest.
    pub is_foreign: bool,
    /// Why the file could not be read. That may end without a change of the file.
    pub(super) read_error: Option<io::Error>,
}

impl RejectedManifest {
    const fn new(problems: Problems) -> Self {
        Self { problems, text: String::new(), is_foreign: false, read_error: None }
    }

    /// Returns true if this process can open no more files at the moment.
    pub(super) fn is_exhaustion(&self) -> bool {
        let errno = self.read_error.as_ref().and_then(io::Error::raw_os_error);
        matches!(errno, Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM))
    }
}

impl From<Problem> for RejectedManifest {
    fn from(problem: Problem) -> Self {
        Self::new(problem.into())
    }
}

impl From<io::Error> for RejectedManifest {
    fn from(error: io::Error) -> Self {
        let problem = Problem::of_file(format!("it cannot be read: {error}"));
        Self { read_error: Some(error), ..Self::new(problem.into()) }
    }
}

/// Reads the manifest at `path`, relative to `jobs_dir`. `known` returns what the database has of the media of a job,
/// by its key; `now_ms` is the wall time (Unix ms).
/// The name of a file outside the allowed folders is an error; a file that is missing or unusable is not.
pub fn read_manifest(
    jobs_dir: &Path,
    path: &str,
    checker: &mut MediaChecker,
    known: impl Fn(&str) -> Media,
    now_ms: i64,
) -> Result<ReadManifest, RejectedManifest> {
    let (bytes, stamp) = load(jobs_dir, path)?;
    if manifest::is_json(path) && !manifest::is_json_manifest(&bytes) {
        let problem = Problem::of_file(NO_JSON_MANIFEST);
        return Err(RejectedManifest { is_foreign: true, ..problem.into() });
    }
    let text = || String::from_utf8_lossy(&bytes).into_owned();
    let manifest = manifest::read(&bytes, path);
    let rejected = |problems| RejectedManifest { text: text(), ..RejectedManifest::new(problems) };
    let manifest = manifest.map_err(rejected)?;
    let warnings = manifest.warnings.map(|warnings| (warnings, text()));
    let folder = path.rfind('/').map_or("", |end| &path[..end]);
    let mut outside: Option<Problems> = None;
    let mut jobs = Vec::with_capacity(manifest.jobs.len());
    for job in manifest.jobs {
        let media_check = checker.check(&job.spec, folder, &known(&job.spec.key), now_ms);
        if let MediaCheck::Unusable { outside: true, audio, error } = &media_check {
            let place = if *audio { job.audio_location } else { job.video_location };
            outside.get_or_insert_with(|| Problem::at(place, error.message.clone()).into());
        }
        jobs.push(ReadJob {
            spec: job.spec,
            spec_hash: job.spec_hash,
            media_check,
            media_warnings: checker.take_warnings(),
            place: job.location,
            media_places: (job.video_location, job.audio_location),
        });
    }
    match outside {
        Some(problems) => Err(rejected(problems)),
        None => Ok(ReadManifest { jobs, warnings, stamp }),
    }
}

/// Returns false for a JSON file that is no manifest. True for all other files with the name of a manifest, also for one
/// that cannot be read. Blocks.
pub fn is_manifest(jobs_dir: &Path, path: &str) -> bool {
    !manifest::is_json(path)
        || load(jobs_dir, path).map_or(true, |(bytes, _)| manifest::is_json_manifest(&bytes))
}

/// Reads the bytes of a manifest, at most one more than is allowed. Returns them with the stamp of the file.
fn load(jobs_dir: &Path, path: &str) -> Result<(Vec<u8>, ManifestStamp), RejectedManifest> {
    let (file, metadata) = match open_beneath(jobs_dir, path) {
        Some(opened) => opened,
        None => open_link(jobs_dir, path)?,
    };
    let most = manifest::BYTES_MAX as u64;
    if metadata.len() > most {
        let what = format!("it has {} bytes", metadata.len());
        let help = "at most 8 MiB are allowed: split the manifest into several files";
        return Err(Problem::of_file(what).help(help).into());
    }
    let mut bytes = Vec::new();
    (&file).take(most + 1).read_to_end(&mut bytes)?;
    // Of the file that was read. The next scan finds another file that has the name now.
    Ok((bytes, ManifestStamp::of(&file.metadata()?)))
}

/// Opens a manifest that may be a link.
fn open_link(jobs_dir: &Path, path: &str) -> Result<(File, Metadata), RejectedManifest> {
    // Messages quote manifests: a link must not show any other file of the machine.
    let real = fs::canonicalize(jobs_dir.join(path))?;
    let root = fs::canonicalize(jobs_dir)?;
    if !real.starts_with(&root) {
        let what = "it is a link to a file outside jobs_dir";
        return Err(Problem::of_file(what).help("put the file itself into jobs_dir").into());
    }
    Ok(open_resolved(&real)?)
}
