//! Looking at the media of a job: there, still, and such as the API takes.
//!
//! One measurement a file: many jobs of one video share it. Blocks; call it on a thread that may.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::Duration,
};

use url::Url;

use super::settle::Settling;
use crate::{
    job::{JobSpec, Media, Source, outcome::Fault},
    media::{
        self, LocateFault, Located, Locator, SoundFacts, VideoFacts, public_url, sound, video,
    },
};

/// So many measurements are remembered.
const REMEMBERED_MAX: usize = 10_000;

/// What a look at the media of a job found.
#[derive(Debug)]
pub enum Look {
    /// All are there and still.
    Ready(Media),
    /// Some are not there, or not still; in words, with how soon another look is worth it.
    Missing {
        /// What is waited for.
        what: String,
        /// None: at the next rescan.
        again: Option<Duration>,
    },
    /// One of them cannot be used.
    Unfit {
        /// Whether it is the sound, not the video.
        sound: bool,
        /// A name outside the folders is the manifest's fault, not the file's.
        outside: bool,
        /// Why not.
        fault: Fault,
    },
}

/// Looks at media, and remembers what it measured.
#[derive(Debug)]
pub struct Looker {
    locator: Locator,
    public_base_url: Option<Url>,
    settling: Settling<PathBuf, String>,
    sounds: Known<SoundFacts>,
    videos: Known<VideoFacts>,
}

impl Looker {
    /// `settle`: how long a file must stay as it is.
    #[must_use]
    pub fn new(locator: Locator, public_base_url: Option<Url>, settle: Duration) -> Self {
        Self {
            locator,
            public_base_url,
            settling: Settling::new(settle),
            sounds: HashMap::new(),
            videos: HashMap::new(),
        }
    }

    /// Looks at the media of a job whose manifest lies in `manifest_dir`, relative to `jobs_dir`.
    pub fn look(&mut self, spec: &JobSpec, manifest_dir: &str) -> Look {
        let folder = self.locator.jobs_dir.join(manifest_dir);
        // Both are looked for before either is measured, so that they settle side by side.
        let sound = self.find(&folder, &spec.audio, true);
        let video = self.find(&folder, &spec.video, false);
        let mut media = Media::default();
        match sound {
            Ok(None) => {}
            Ok(Some(located)) => {
                match self.measure(&located) {
                    Ok(facts) => media.sound_ms = Some(facts.length_ms),
                    Err(unusable) => return unusable.into_look(true),
                }
                media.sound_print = Some(located.fingerprint.to_string());
            }
            Err(look) => return *look,
        }
        match video {
            Ok(None) => Look::Ready(media),
            Ok(Some(located)) => self.with_video(media, spec, &located),
            Err(look) => *look,
        }
    }

    /// Adds what is known of a local video.
    fn with_video(&mut self, mut media: Media, spec: &JobSpec, located: &Located) -> Look {
        let Some(base) = &self.public_base_url else {
            let what = format!(
                "media.public_base_url to be set: the video {} is a local file, and Kling fetches \
                 videos by their address",
                spec.video.as_written()
            );
            return Look::Missing { what, again: None };
        };
        media.video_url = Some(public_url(base.as_str(), &located.public_path));
        media.video_print = Some(located.fingerprint.to_string());
        match self.probe(located) {
            Ok(facts) => Look::Ready(Media { video_ms: facts.length_ms, ..media }),
            Err(unusable) => unusable.into_look(false),
        }
    }

    /// Forgets files that no job waited for since the last call.
    pub fn forget_unseen(&mut self) {
        self.settling.forget_unseen();
        if self.sounds.len() + self.videos.len() > REMEMBERED_MAX {
            self.sounds.clear();
            self.videos.clear();
        }
    }

    /// Returns where a local file lies, once it is still; none for what is no local file.
    fn find(
        &mut self,
        folder: &Path,
        source: &Source,
        sound: bool,
    ) -> Result<Option<Located>, Box<Look>> {
        let Source::File(name) = source else { return Ok(None) };
        let kind = if sound { "sound" } else { "video" };
        let located = self.locator.locate(folder, name).map_err(|fault| match fault {
            // A permission may be given yet: whoever dropped the file can mend it.
            LocateFault::Missing { .. } | LocateFault::Changed(_) | LocateFault::Io { .. } => {
                Look::Missing { what: format!("its {kind}: {fault}"), again: None }
            }
            LocateFault::Outside { .. } => outside(sound, &fault),
            LocateFault::NotFile { .. } => unfit(sound, told(&fault.into())),
        })?;
        let print = located.fingerprint.to_string();
        let modified_ns = i128::from(located.modified_ns);
        match self.settling.wait(located.path.clone(), &print, modified_ns) {
            None => Ok(Some(located)),
            Some(again) => Err(Box::new(Look::Missing {
                what: format!("its {kind} {name} to be written whole"),
                again: Some(again),
            })),
        }
    }

    fn measure(&mut self, located: &Located) -> Result<SoundFacts, Unusable> {
        remembered(&mut self.sounds, located, || {
            let facts = sound::measure_file(&located.path)?;
            sound::check(&facts)?;
            Ok::<_, media::SoundFault>(facts)
        })
    }

    fn probe(&mut self, located: &Located) -> Result<VideoFacts, Unusable> {
        remembered(&mut self.videos, located, || {
            let facts = video::probe(&located.path)?;
            video::check(&facts)?;
            Ok::<_, media::VideoFault>(facts)
        })
    }
}

/// What was found out of files, by path and fingerprint.
type Known<T> = HashMap<(PathBuf, String), Result<T, Fault>>;

/// Why a file that is there cannot be used.
enum Unusable {
    /// It must be another file.
    Unfit(Fault),
    /// The system keeps it from being read; in words.
    Unreadable(String),
}

impl Unusable {
    fn into_look(self, sound: bool) -> Look {
        match self {
            Self::Unfit(fault) => unfit(sound, fault),
            Self::Unreadable(what) => Look::Missing { what, again: None },
        }
    }
}

/// Looks at a file once; a failure that may pass is not remembered.
fn remembered<T: Clone, E: Into<media::Fault>>(
    known: &mut Known<T>,
    located: &Located,
    look: impl FnOnce() -> Result<T, E>,
) -> Result<T, Unusable> {
    let key = (located.path.clone(), located.fingerprint.to_string());
    if let Some(known) = known.get(&key) {
        return known.clone().map_err(Unusable::Unfit);
    }
    let found = match look().map_err(Into::into) {
        Err(fault) if fault.may_pass() => {
            let what = format!("{} to be readable: {fault}", located.public_path.display());
            return Err(Unusable::Unreadable(what));
        }
        found => found.map_err(|fault| told(&fault)),
    };
    known.insert(key, found.clone());
    found.map_err(Unusable::Unfit)
}

fn told(fault: &media::Fault) -> Fault {
    Fault { code: fault.code().to_owned(), message: fault.to_string() }
}

fn unfit(sound: bool, fault: Fault) -> Look {
    Look::Unfit { sound, outside: false, fault }
}

fn outside(sound: bool, fault: &LocateFault) -> Look {
    let fault = Fault { code: fault.code().to_owned(), message: fault.to_string() };
    Look::Unfit { sound, outside: true, fault }
}
