//! The price of what `check` reads: of tasks that the state database, if there is one, does not show as paid.

use std::collections::HashSet;

use crate::{
    cli::{
        counted, open,
        price::{PriceReport, PriceSum, prices, video_key},
    },
    config::Config,
    job::{JobSpec, Length, Media, PriceList},
    manifest::{ContentHashes, request_hash},
    store::Reader,
};

pub(super) struct CheckedPrices {
    reader: Option<Reader>,
    prices: PriceList,
    /// Videos that are identified for these jobs. Each is identified once.
    videos: HashSet<String>,
    manifest: PriceSum,
    total: PriceSum,
}

impl CheckedPrices {
    /// Reads what is known about prices. A database that cannot be read is as none: `check` is about manifests.
    pub(super) fn open(config: &Config) -> Self {
        let reader = open::reader(config).ok();
        let known = prices(reader.as_ref(), config).or_else(|_| prices(None, config));
        Self {
            reader,
            prices: known.unwrap_or_default(),
            videos: HashSet::new(),
            manifest: PriceSum::default(),
            total: PriceSum::default(),
        }
    }

    /// Adds the task of a job that shares no task with an earlier job.
    pub(super) fn add(&mut self, spec: &JobSpec, media: &Media) {
        if self.is_paid(spec, media) {
            return;
        }
        self.manifest.add_tasks(self.prices.task(Length::of(spec, media, None)), 1);
        if self.videos.insert(video_key(spec, media)) {
            self.manifest.add_calls(self.prices.identify(), 1);
        }
    }

    /// Returns the price of the jobs since the last call, also in words; none: they cost nothing.
    pub(super) fn end_manifest(&mut self) -> Option<(PriceReport, String)> {
        let manifest = std::mem::take(&mut self.manifest);
        self.total.add_all(&manifest);
        describe(&manifest)
    }

    /// Returns the price of all jobs, also in words; none: they cost nothing.
    pub(super) fn total(&self) -> Option<(PriceReport, String)> {
        let advice = match self.total.unknown_tasks {
            0 => "",
            _ => {
                "; lipsyncd learns prices from the account's tasks, or set `prices` in the configuration"
            }
        };
        let (price, text) = describe(&self.total)?;
        Some((price, text + advice))
    }

    fn is_paid(&self, spec: &JobSpec, media: &Media) -> bool {
        let (video_sha256, audio_sha256) =
            (media.video_sha256.as_deref(), media.audio_sha256.as_deref());
        let hash = request_hash(spec, ContentHashes { video_sha256, audio_sha256 });
        let known = hash.zip(self.reader.as_ref());
        known.is_some_and(|(hash, reader)| reader.is_paid(&hash, spec.take).unwrap_or(false))
    }
}

fn describe(price: &PriceSum) -> Option<(PriceReport, String)> {
    let text = || format!("{} to pay: {}", counted(price.tasks, "task"), price.text());
    (price.tasks > 0).then(|| (price.report(), text()))
}
