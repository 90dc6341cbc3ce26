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
    settling: Settling<PathBuf>,
    sounds: HashMap<(PathBuf, String), Result<SoundFacts, Fault>>,
    videos: HashMap<(PathBuf, String), Result<VideoFacts, Fault>>,
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
        let mut media = Media::default();
        if let Source::File(name) = &spec.audio {
            let located = match self.find(&folder, name, true) {
                Ok(located) => located,
                Err(look) => return *look,
            };
            match self.measure(&located) {
                Ok(facts) => media.sound_ms = Some(facts.length_ms),
                Err(fault) => return unfit(true, fault),
            }
            media.sound_print = Some(located.fingerprint.to_string());
        }
        if let Source::File(name) = &spec.video {
            let located = match self.find(&folder, name, false) {
                Ok(located) => located,
                Err(look) => return *look,
            };
            let Some(base) = &self.public_base_url else {
                let what = format!(
                    "media.public_base_url to be set: the video {name} is a local file, and Kling \
                     fetches videos by their address"
                );
                return Look::Missing { what, again: None };
            };
            media.video_url = Some(public_url(base.as_str(), &located.public_path));
            match self.probe(&located) {
                Ok(facts) => media.video_ms = facts.length_ms,
                Err(fault) => return unfit(false, fault),
            }
            media.video_print = Some(located.fingerprint.to_string());
        }
        Look::Ready(media)
    }

    /// Forgets files that no job waited for since the last call.
    pub fn forget_unseen(&mut self) {
        self.settling.forget_unseen();
        if self.sounds.len() + self.videos.len() > REMEMBERED_MAX {
            self.sounds.clear();
            self.videos.clear();
        }
    }

    fn find(&mut self, folder: &Path, name: &str, sound: bool) -> Result<Located, Box<Look>> {
        let kind = if sound { "sound" } else { "video" };
        let located = self.locator.locate(folder, name).map_err(|fault| match fault {
            LocateFault::Missing { .. } | LocateFault::Changed(_) => {
                Look::Missing { what: format!("its {kind}: {fault}"), again: None }
            }
            // Such as a permission that is not given yet: whoever dropped the file can mend it.
            LocateFault::Io { .. } => {
                Look::Missing { what: format!("its {kind}: {fault}"), again: None }
            }
            LocateFault::Outside { .. } => outside(sound, &fault),
            LocateFault::NotFile { .. } => unfit(sound, told(&fault.into())),
        })?;
        let print = located.fingerprint.to_string();
        let modified_ns = i128::from(located.modified_ns);
        match self.settling.wait(located.path.clone(), &print, modified_ns) {
            None => Ok(located),
            Some(again) => Err(Box::new(Look::Missing {
                what: format!("its {kind} {name} to be written whole"),
                again: Some(again),
            })),
        }
    }

    fn measure(&mut self, located: &Located) -> Result<SoundFacts, Fault> {
        let key = (located.path.clone(), located.fingerprint.to_string());
        let measured = || {
            let facts = sound::measure_file(&located.path)?;
            sound::check(&facts)?;
            Ok::<_, media::SoundFault>(facts)
        };
        let known = self.sounds.entry(key);
        known.or_insert_with(|| measured().map_err(|fault| told(&fault.into()))).clone()
    }

    fn probe(&mut self, located: &Located) -> Result<VideoFacts, Fault> {
        let key = (located.path.clone(), located.fingerprint.to_string());
        let probed = || {
            let facts = video::probe(&located.path)?;
            video::check(&facts)?;
            Ok::<_, media::VideoFault>(facts)
        };
        let known = self.videos.entry(key);
        known.or_insert_with(|| probed().map_err(|fault| told(&fault.into()))).clone()
    }
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
