//! What can happen to a store, at random.

use proptest::{prelude::*, sample::Index};

use super::super::{
    Media, NOW_MS, PermanentError, Source, WantedJob, changed, hashed, permanent_error,
    wanted as wanted_as_it_is,
};

pub(super) const PATHS: [&str; 3] = ["a.yaml", "b.yaml", "c.yaml"];

/// One thing that happens.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// A manifest is read; each of its jobs has an id, a request and perhaps a take.
    Read {
        path: Index,
        jobs: Vec<(u8, Request)>,
        run: bool,
    },
    Miss(Index),
    Errors(Index),
    Hold(Index),
    Leave,
    /// The media of a job are looked at again.
    OtherChanges {
        job: Index,
        content: Content,
        run: bool,
    },
    /// An outcome for a task; none: what comes next when all goes well.
    Outcome {
        task: Index,
        outcome: Option<Index>,
        stale: bool,
    },
    /// A create request never arrived.
    NeverArrived {
        task: Index,
        media_changed: bool,
    },
    /// The lead of a task cannot go on with it.
    LoseLead {
        task: Index,
        failed: bool,
    },
    /// The result of a later take is there already.
    LaterTake {
        task: Index,
        take: u32,
    },
    Deliver {
        refused: bool,
    },
    Cancel(Index),
    Retry(Index),
    Fetch(Index),
    Dismiss(Index, bool),
    Resolve {
        job: Index,
        unsent: bool,
    },
}

/// One of few requests, so that jobs share.
#[derive(Debug, Clone)]
pub(super) struct Request {
    audio: u8,
    take: Option<u32>,
    own_name: bool,
    elsewhere: bool,
    priority: i32,
    later: bool,
    content: Content,
}

/// What is found of the media of a job; only a local file differs by its content.
#[derive(Debug, Clone, Copy)]
pub(super) enum Content {
    Unfit,
    Missing,
    There(u8),
}

impl Content {
    pub(super) fn media(self, audio: &Source) -> Result<Media, PermanentError> {
        let lengths = Media { audio_ms: Some(5_000), video_ms: Some(10_000), ..Media::default() };
        match (self, audio) {
            (Self::Unfit, _) => Err(permanent_error("too short")),
            (Self::Missing, _) => {
                Ok(Media { wait_reason: Some("a.mp3".to_owned()), ..Media::default() })
            }
            (Self::There(content), Source::File(_)) => Ok(Media {
                audio_stamp: Some(format!("stamp of {content}")),
                audio_sha256: Some(format!("content {content}")),
                ..lengths
            }),
            (Self::There(_), _) => Ok(lengths),
        }
    }
}

fn content() -> impl Strategy<Value = Content> {
    prop_oneof![
        1 => Just(Content::Unfit),
        1 => Just(Content::Missing),
        8 => Just(Content::There(0)),
        2 => Just(Content::There(1)),
    ]
}

fn request() -> impl Strategy<Value = Request> {
    let rarely = || prop::bool::weighted(0.1);
    let take = prop::option::weighted(0.2, 1..4_u32);
    (0..3_u8, take, prop::bool::weighted(0.05), rarely(), 0..3_i32, rarely(), content()).prop_map(
        |(audio, take, own_name, elsewhere, priority, later, content)| Request {
            audio,
            take,
            own_name,
            elsewhere,
            priority,
            later,
            content,
        },
    )
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let index = any::<Index>;
    let rarely = || prop::bool::weighted(0.1);
    let read = (index(), prop::collection::vec((0..3_u8, request()), 0..4), any::<bool>());
    let outcome = (index(), prop::option::weighted(0.3, index()), rarely());
    let step = prop_oneof![
        6 => read.prop_map(|(path, jobs, run)| Step::Read { path, jobs, run }),
        2 => index().prop_map(Step::Miss),
        1 => index().prop_map(Step::Errors),
        1 => index().prop_map(Step::Hold),
        2 => Just(Step::Leave),
        2 => (index(), content(), any::<bool>()).prop_map(|(job, content, run)| Step::OtherChanges { job, content, run }),
        14 => outcome.prop_map(|(task, outcome, stale)| Step::Outcome { task, outcome, stale }),
        1 => (index(), any::<bool>()).prop_map(|(task, media_changed)| Step::NeverArrived { task, media_changed }),
        1 => (index(), any::<bool>()).prop_map(|(task, failed)| Step::LoseLead { task, failed }),
        1 => (index(), 2..4_u32).prop_map(|(task, take)| Step::LaterTake { task, take }),
        3 => prop::bool::weighted(0.2).prop_map(|refused| Step::Deliver { refused }),
        2 => index().prop_map(Step::Cancel),
        3 => index().prop_map(Step::Retry),
        1 => index().prop_map(Step::Fetch),
        1 => (index(), prop::bool::weighted(0.7)).prop_map(|(job, dismissed)| Step::Dismiss(job, dismissed)),
        1 => (index(), any::<bool>()).prop_map(|(job, unsent)| Step::Resolve { job, unsent }),
    ];
    prop::collection::vec(step, 1..60)
}

/// The jobs of a manifest, each key once.
pub(super) fn wanted(path: &str, jobs: &[(u8, Request)]) -> Vec<WantedJob> {
    let mut wanted: Vec<WantedJob> = Vec::new();
    for (id, request) in jobs {
        let job = job(path, *id, request);
        if wanted.iter().all(|other| other.spec.key != job.spec.key) {
            wanted.push(job);
        }
    }
    wanted
}

fn job(path: &str, id: u8, request: &Request) -> WantedJob {
    let key = format!("{}/{id}", path.trim_end_matches(".yaml"));
    let asked = changed(wanted_as_it_is(&key), |spec| {
        spec.audio = match request.audio {
            0 => Source::File("a.mp3".to_owned()),
            n => Source::Url(format!("https://cdn.example.com/{n}.mp3")),
        };
        spec.take = request.take;
        spec.external_task_id = request.own_name.then(|| "mine".to_owned());
        if request.elsewhere {
            spec.output = format!("elsewhere/{key}.mp4");
        }
        spec.priority = request.priority;
        spec.not_before_at_ms = request.later.then_some(NOW_MS + 1_000);
    });
    let media = request.content.media(&asked.spec.audio);
    hashed(asked.spec, media)
}
