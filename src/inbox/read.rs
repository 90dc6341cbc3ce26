//! One manifest read whole: its text, and a first look at the media of its jobs.
//!
//! Shared by the daemon and `lipsyncd check`, so that both see the same. Blocks.

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
};

use super::look::{Look, Looker};
use crate::{
    job::JobSpec,
    manifest::{self, ManifestPath, Place, Problem, Problems},
    media::open_regular,
};

/// A manifest without faults of its own.
#[derive(Debug)]
pub struct Reading {
    /// Its jobs, in their order.
    pub jobs: Vec<ReadJob>,
}

/// One job of a manifest, with what is known of its media.
#[derive(Debug)]
pub struct ReadJob {
    /// What it asks.
    pub spec: JobSpec,
    /// Checksum of what it asks.
    pub meaning: String,
    /// What the look at its media found.
    pub look: Look,
    /// Where in the manifest the job stands.
    pub place: Place,
    /// Where in the manifest `video` and `audio` stand.
    pub media_places: (Place, Place),
}

/// A manifest that cannot be taken in.
#[derive(Debug)]
pub struct Unfit {
    /// All its faults at once.
    pub problems: Problems,
    /// The text they are in; empty where it could not be read.
    pub text: String,
    /// Whether the file could not be read, which may pass without a change of it.
    pub may_pass: bool,
}

/// Reads the manifest at `path`, relative to `jobs_dir`.
///
/// # Errors
/// All faults of the manifest at once. A name of a file that lies outside of the allowed folders is
/// one of them; a file that is missing or unfit is not.
pub fn read_manifest(jobs_dir: &Path, path: &str, looker: &mut Looker) -> Result<Reading, Unfit> {
    let bytes = load(jobs_dir, path)?;
    let unfit = |problems| {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Unfit { problems, text, may_pass: false }
    };
    let manifest = manifest::read(&bytes, &ManifestPath::new(path)).map_err(unfit)?;
    let folder = path.rfind('/').map_or("", |end| &path[..end]);
    let mut outside: Option<Problems> = None;
    let mut jobs = Vec::with_capacity(manifest.jobs.len());
    for job in manifest.jobs {
        let look = looker.look(&job.spec, folder);
        if let Look::Unfit { outside: true, sound, fault } = &look {
            let place = if *sound { job.audio_place } else { job.video_place };
            outside.get_or_insert_with(|| Problem::at(place, fault.message.clone()).into());
        }
        jobs.push(ReadJob {
            spec: job.spec,
            meaning: job.meaning,
            look,
            place: job.place,
            media_places: (job.video_place, job.audio_place),
        });
    }
    match outside {
        Some(problems) => Err(unfit(problems)),
        None => Ok(Reading { jobs }),
    }
}

/// The bytes of a manifest, a little more than are allowed at the most.
fn load(jobs_dir: &Path, path: &str) -> Result<Vec<u8>, Unfit> {
    let unfit = |problem: Problem, may_pass| Unfit {
        problems: problem.into(),
        text: String::new(),
        may_pass,
    };
    let unreadable =
        |error: io::Error| unfit(Problem::whole(format!("it cannot be read: {error}")), true);
    // A link must not make a manifest, and its excerpts in messages, of any file of the machine.
    let named = jobs_dir.join(path);
    let truly = fs::canonicalize(&named).map_err(unreadable)?;
    let root = fs::canonicalize(jobs_dir).map_err(unreadable)?;
    if !truly.starts_with(&root) {
        let what = "it is a link that leads out of jobs_dir";
        let problem = Problem::whole(what).help("put the manifest itself into the folder");
        return Err(unfit(problem, false));
    }
    let (file, metadata) = open_regular(&truly).map_err(unreadable)?;
    let most = manifest::BYTES_MAX as u64;
    if metadata.len() > most {
        let what = format!("it is {} bytes large", metadata.len());
        let problem =
            Problem::whole(what).help("at most 8 MiB are read: split it into several files");
        return Err(unfit(problem, false));
    }
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}
