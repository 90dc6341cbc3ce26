//! Inbox and pipeline with one set of settings, until the daemon ends or a reload brings other settings.

use std::{
    sync::{Arc, Mutex, atomic::AtomicBool},
    time::Duration,
};

use tokio::{sync::Notify, time::timeout};
use tracing::{info, warn};

use super::{
    Controls, DaemonError, Inputs, ReadInputs,
    background::{self, BackgroundInputs},
    folder_report::FolderReport,
    reload::Reloader,
    resources::Resources,
    settings,
};
use crate::{
    config::Config,
    inbox::{Inbox, InboxSignals, MediaChecker},
    kling::Client,
    notify::Sender,
    pipeline::{Clock, End, Heartbeat, Offload, Pipeline, Settings, Until},
    store::Store,
    upload::Uploads,
    video_server::{ServedVideos, VideoServer},
};

/// How long the inbox may finish its work after the pipeline has ended.
const INBOX_END: Duration = Duration::from_secs(1);

/// Inbox and pipeline that have loaded the database.
pub(super) struct Generation {
    inbox: Inbox,
    pipeline: Pipeline<Client>,
    sender: Sender,
    /// Where the pipeline reads and writes files.
    offload: Offload,
    /// Serves local videos, if the configuration says so.
    video_server: Option<VideoServer>,
}

pub(super) enum GenerationEnd {
    Ended(End),
    /// There are other settings.
    Reload(Box<Inputs>),
}

impl Generation {
    /// `is_reload`: an earlier generation of this process has worked with other settings.
    pub(super) async fn start(
        resources: &Resources,
        inputs: &Inputs,
        is_reload: bool,
    ) -> Result<Self, DaemonError> {
        let Inputs { config, credentials, bucket_keys, notify_secret, .. } = inputs;
        let (store, clock) = (&resources.store, resources.clock.clone());
        let mut settings = settings::pipeline(config, credentials, &resources.metrics);
        let bucket = settings::bucket(config, bucket_keys.as_ref())?;
        settings.uploads = bucket.map(|bucket| Arc::new(Uploads::new(bucket)));
        let client = settings::connect(config, credentials)?;
        resources.manager.status(&format!("reading {}", config.jobs_dir.display()));
        let pid = std::process::id();
        store.begin(pid, resources.started_at_ms, settings.slots, settings.caps).await?;
        // Before inbox and pipeline, so that the first change is reported.
        let targets = settings::notify_targets(config, notify_secret.as_ref());
        let notify_clock = resources.clock.clone();
        let sender =
            Sender::start(store.clone(), &config.notify, targets, move || notify_clock.moment())
                .await?;
        settings.video_links = settings::video_links(config, credentials);
        let video_server = serve_videos(config, store, &settings, is_reload).await?;
        let uploads_limit = settings.uploads.as_ref().map(|_| settings.uploads_at_once);
        store.begin_uploads(uploads_limit).await?;
        let video_host = settings::video_host(config);
        let media_checker =
            MediaChecker::new(settings.locator.clone(), video_host, config.watch.media_settle);
        let inbox_settings = settings::inbox(config, &settings, is_reload);
        let moment = move || clock.moment();
        let inbox = Inbox::new(inbox_settings, store.clone(), media_checker, moment).await?;
        info!(
            "lipsyncd {} started: jobs_dir {}, account {}, state_db {}",
            env!("CARGO_PKG_VERSION"),
            config.jobs_dir.display(),
            settings.account,
            config.state_db.display()
        );
        for note in &config.notes {
            warn!("{note}");
        }
        let offload = settings.offload.clone();
        let pipeline =
            Pipeline::new(client, store.clone(), resources.clock.clone(), settings).await?;
        Ok(Self { inbox, pipeline, sender, offload, video_server })
    }

    /// Runs until a stop request, until nothing is left that continues automatically, or until a reload.
    pub(super) async fn run(
        self,
        resources: &Resources,
        inputs: &Inputs,
        read_inputs: &ReadInputs,
        controls: &Controls,
    ) -> Result<GenerationEnd, DaemonError> {
        let Self { inbox, pipeline, sender, offload, video_server } = self;
        let manager = &*resources.manager;
        let folder = FolderReport::new(manager);
        let (rescan, store_changed) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let signals = InboxSignals {
            rescan: Arc::clone(&rescan),
            store_changed: Arc::clone(&store_changed),
            more_to_come: Arc::new(AtomicBool::new(true)),
            stop: controls.stop.child_token(),
        };
        let (stop, inbox_stop) = (controls.stop.child_token(), signals.stop.clone());
        let more_to_come = Arc::clone(&signals.more_to_come);
        let heartbeat =
            Heartbeat { every: manager.keep_alive_every(), beat: &|| manager.keep_alive() };
        let pipeline = pipeline.run(
            Arc::clone(&store_changed),
            stop.clone(),
            resources.until,
            more_to_come,
            heartbeat,
        );
        let inbox = inbox.run(signals, |result| folder.scanned(result));
        let its_inputs =
            BackgroundInputs { inputs, folder: &folder, sender: &sender, offload: &offload };
        let background = background::run(resources, its_inputs, Arc::clone(&rescan), store_changed);
        let mut reloader = Reloader::new(resources, inputs, read_inputs);
        let reload = reloader.next(&controls.reload, &rescan);
        tokio::pin!(pipeline, inbox, background, reload);
        let (mut is_inbox_running, mut new_inputs) = (true, None);
        let end = loop {
            tokio::select! {
                ended = &mut pipeline => break ended,
                ended = &mut inbox, if is_inbox_running => {
                    is_inbox_running = false;
                    ended?;
                }
                new = &mut reload, if new_inputs.is_none() => {
                    info!("reloading: restarting with the new configuration");
                    new_inputs = Some(Box::new(new));
                    stop.cancel();
                }
                error = &mut background => return Err(error.into()),
            }
        };
        inbox_stop.cancel();
        // The time is limited, because another process may keep the database locked. What the inbox does not finish
        // is read again by the next one.
        if is_inbox_running && let Ok(ended) = timeout(INBOX_END, &mut inbox).await {
            ended?;
        }
        let end = end?;
        if resources.until == Until::Idle && end != End::Stopped {
            // Nobody else sends what a single run has to report.
            tokio::select! {
                () = controls.stop.cancelled() => {}
                drained = sender.drain() => drained?,
                error = &mut background => return Err(error.into()),
            }
        }
        let Some(new_inputs) = new_inputs else { return Ok(GenerationEnd::Ended(end)) };
        // A result that is being written still gets its name: the next pipeline must not write to the same part.
        if !offload.is_idle() {
            info!("reloading: waiting for files that are still being written");
            manager.status("reloading: waiting for files that are still being written");
        }
        // It starts work on files, too.
        drop(video_server);
        Ok(tokio::select! {
            biased;
            () = controls.stop.cancelled() => GenerationEnd::Ended(end),
            () = offload.wait_until_idle() => GenerationEnd::Reload(new_inputs),
        })
    }
}

async fn serve_videos(
    config: &Config,
    store: &Store,
    settings: &Settings,
    is_reload: bool,
) -> Result<Option<VideoServer>, DaemonError> {
    let (Some(listen), Some(links)) = (config.media.serve.listen, &settings.video_links) else {
        return Ok(None);
    };
    let videos = ServedVideos {
        links: links.clone(),
        store: store.clone(),
        locator: settings.locator.clone(),
        offload: settings.offload.clone(),
        now_ms: Clock::system_now_ms,
        known: Mutex::default(),
    };
    Ok(Some(VideoServer::start(listen, videos, is_reload).await?))
}
