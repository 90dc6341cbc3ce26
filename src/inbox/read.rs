//! One manifest read whole: its text, and a first look at the media of its jobs.
//!
//! Shared by the daemon and `lipsyncd check`, so that both see the same. Blocks.

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
};

use super::{
    media_check::{MediaCheck, MediaChecker},
    scan::ManifestStamp,
};
use crate::{
    job::{JobSpec, Media},
    manifest::{self, Location, ManifestPath, Problem, Problems},
    media::open_resolved,
};

/// A manifest without faults of its own.
#[derive(Debug)]
pub struct ReadManifest {
    /// Its jobs, in their order.
    pub jobs: Vec<ReadJob>,
    /// What goes by its name looked like when it had been read.
    pub stamp: ManifestStamp,
}

/// One job of a manifest, with what is known of its media.
#[derive(Debug)]
pub struct ReadJob {
    /// What it asks.
    pub spec: JobSpec,
    /// Digest of all its keys.
    pub spec_hash: String,
    /// What the look at its media found.
    pub look: MediaCheck,
    /// Where in the manifest the job stands.
    pub place: Location,
    /// Where in the manifest `video` and `audio` stand.
    pub media_places: (Location, Location),
}

/// A manifest that cannot be taken as it is.
#[derive(Debug)]
pub struct RejectedManifest {
    /// All its faults.
    pub problems: Problems,
    /// The text they are in.
    pub text: String,
    /// Why it could not be read at all, if so: that may pass without a change of the file.
    pub read_error: Option<io::Error>,
}

impl RejectedManifest {
    /// Whether it is this process that may open nothing more at the moment.
    #[must_use]
    pub fn is_for_want_of_files(&self) -> bool {
        let errno = self.read_error.as_ref().and_then(io::Error::raw_os_error);
        matches!(errno, Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM))
    }
}

impl From<Problem> for RejectedManifest {
    fn from(problem: Problem) -> Self {
        Self { problems: problem.into(), text: String::new(), read_error: None }
    }
}

impl From<io::Error> for RejectedManifest {
    fn from(error: io::Error) -> Self {
        let problem = Problem::of_file(format!("it cannot be read: {error}"));
        Self { problems: problem.into(), text: String::new(), read_error: Some(error) }
    }
}

/// Reads the manifest at `path`, relative to `jobs_dir`. `known` returns what the database has of the media of a job,
/// by its key; `now_ms` is the wall time (Unix ms).
///
/// # Errors
/// All faults of the manifest at once, with the text they are in. A name of a file that lies outside
/// of the allowed folders is one of them; a file that is missing or unfit is not.
pub fn read_manifest(
    jobs_dir: &Path,
    path: &str,
    media_checker: &mut MediaChecker,
    known: impl Fn(&str) -> Media,
    now_ms: i64,
) -> Result<ReadManifest, RejectedManifest> {
    let (bytes, stamp) = load(jobs_dir, path)?;
    let text = || String::from_utf8_lossy(&bytes).into_owned();
    let read = manifest::read(&bytes, &ManifestPath::new(path));
    let faulty = |problems| RejectedManifest { problems, text: text(), read_error: None };
    let manifest = read.map_err(faulty)?;
    let folder = path.rfind('/').map_or("", |end| &path[..end]);
    let mut outside: Option<Problems> = None;
    let mut jobs = Vec::with_capacity(manifest.jobs.len());
    for job in manifest.jobs {
        let look = media_checker.look(&job.spec, folder, &known(&job.spec.key), now_ms);
        if let MediaCheck::Unusable { outside: true, audio, error } = &look {
            let place = if *audio { job.audio_location } else { job.video_location };
            outside.get_or_insert_with(|| Problem::at(place, error.message.clone()).into());
        }
        jobs.push(ReadJob {
            spec: job.spec,
            spec_hash: job.spec_hash,
            look,
            place: job.location,
            media_places: (job.video_location, job.audio_location),
        });
    }
    match outside {
        Some(problems) => Err(faulty(problems)),
        None => Ok(ReadManifest { jobs, stamp }),
    }
}

/// The bytes of a manifest, a little more than are allowed at the most, and what it looks like now.
fn load(jobs_dir: &Path, path: &str) -> Result<(Vec<u8>, ManifestStamp), RejectedManifest> {
    // A link must not make a manifest, and its excerpts in messages, of any file of the machine.
    let named = jobs_dir.join(path);
    let truly = fs::canonicalize(&named)?;
    let root = fs::canonicalize(jobs_dir)?;
    if !truly.starts_with(&root) {
        let what = "it is a link that leads out of jobs_dir";
        return Err(Problem::of_file(what).help("put the manifest itself into the folder").into());
    }
    let (file, metadata) = open_resolved(&truly)?;
    let most = manifest::BYTES_MAX as u64;
    if metadata.len() > most {
        let what = format!("it is {} bytes large", metadata.len());
        let help = "at most 8 MiB are read: split it into several files";
        return Err(Problem::of_file(what).help(help).into());
    }
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    // By its name, as the walk looked at it: another file may go by it now.
    Ok((bytes, ManifestStamp::of(&fs::metadata(&named)?)))
}
