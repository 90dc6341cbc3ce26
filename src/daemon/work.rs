//! The work with one set of settings: inbox and pipeline side by side, until the daemon ends or gets
//! other settings.

use std::{
    sync::{Arc, Mutex, PoisonError, atomic::AtomicBool},
    time::Duration,
};

use tokio::{sync::Notify, time::timeout};
use tracing::info;

use super::{
    DaemonError, Given, Reread, Told,
    base::Base,
    beside::{tell_status, watch_changes},
    manager::Manager,
    reload, retain, settings,
};
use crate::{
    inbox::{Inbox, Looker},
    kling::Client,
    pipeline::{End, Heartbeat, Offload, Pipeline},
};

/// How long the inbox gets to finish what it has in hand, after the pipeline had its time.
const INBOX_END: Duration = Duration::from_secs(1);

/// Inbox and pipeline that have read the database.
pub(super) struct Work {
    inbox: Inbox,
    pipeline: Pipeline<Client>,
    /// Where the pipeline's work on files is done.
    offload: Offload,
}

/// How the work with one set of settings came to its end.
pub(super) enum Shift {
    Ended(End),
    /// There are others.
    Reloaded(Box<Given>),
}

impl Work {
    pub(super) async fn begin(
        base: &Base,
        given: &Given,
        manager: &Manager,
    ) -> Result<Self, DaemonError> {
        let (config, store) = (&given.config, &base.store);
        let settings = settings::pipeline(config, &given.credentials, &base.metrics);
        let client =
            Client::new(settings::client(config), settings::credential(&given.credentials))?;
        manager.status(&format!("reading {}", config.jobs_dir.display()));
        let cap_micro = settings.units_per_day_micro;
        store.begin(std::process::id(), base.began_at_ms, settings.slots, cap_micro).await?;
        let looker = Looker::new(
            settings.locator.clone(),
            config.media.public_base_url.clone(),
            config.watch.settle,
        );
        let (moments, inbox_settings) = (base.clock.clone(), settings::inbox(config, &settings));
        let inbox =
            Inbox::new(inbox_settings, store.clone(), looker, move || moments.moment()).await?;
        info!(
            "lipsyncd {} works on {} as {}, state in {}",
            env!("CARGO_PKG_VERSION"),
            config.jobs_dir.display(),
            settings.account,
            config.state_db.display()
        );
        let offload = settings.offload.clone();
        let pipeline = Pipeline::new(client, store.clone(), base.clock.clone(), settings).await?;
        Ok(Self { inbox, pipeline, offload })
    }

    /// Works until `told.stop`, until nothing is left that moves by itself, or until a reload.
    pub(super) async fn shift(
        self,
        base: &Base,
        given: &Given,
        reread: &Reread,
        told: &Told,
        manager: &Manager,
    ) -> Result<Shift, DaemonError> {
        let Self { inbox, pipeline, offload } = self;
        let (look, nudge) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let more_to_come = Arc::new(AtomicBool::new(true));
        let (stop, inbox_stop) = (told.stop.child_token(), told.stop.child_token());
        let (has_read, unread) = (Notify::new(), Mutex::new(None));
        let mut is_first = true;
        let passed = |passed: Result<(), &str>| {
            let why = passed.err().map(str::to_owned);
            if why.is_none() && std::mem::take(&mut is_first) {
                info!("the folder has been read");
                manager.ready();
                has_read.notify_one();
            }
            if let Some(why) = why.as_ref().filter(|_| is_first) {
                manager.status(why);
            }
            manager.stuck(why.is_some());
            *unread.lock().unwrap_or_else(PoisonError::into_inner) = why;
        };
        let inbox_work = inbox.run(
            Arc::clone(&look),
            Arc::clone(&nudge),
            Arc::clone(&more_to_come),
            passed,
            inbox_stop.clone(),
        );
        let changes = watch_changes(base.store.clone(), Arc::clone(&look), Arc::clone(&nudge));
        let trouble = base.print_problem(manager);
        let retain =
            retain::retain(&base.store, given.config.retention.history, || base.clock.now_ms());
        let status = tell_status(base, manager, &has_read, &unread);
        let next = reload::next(base, given, reread, &told.reload, &look, manager);
        let heartbeat = Heartbeat { every: manager.feed_every(), beat: &|| manager.feed() };
        let pipeline_work = pipeline.run(nudge, stop.clone(), base.until, more_to_come, heartbeat);
        tokio::pin!(inbox_work, changes, trouble, retain, status, next, pipeline_work);
        let (mut inbox_ended, mut reloaded) = (false, None);
        loop {
            tokio::select! {
                ended = &mut pipeline_work => {
                    inbox_stop.cancel();
                    // Others may have locked the database: what the inbox had in hand is read again.
                    if !inbox_ended && let Ok(ended) = timeout(INBOX_END, &mut inbox_work).await {
                        ended?;
                    }
                    let end = ended?;
                    let Some(given) = reloaded else { return Ok(Shift::Ended(end)) };
                    // A result that is being written still goes on to its name: whoever comes next must not
                    // write to the same part.
                    if !offload.is_idle() {
                        info!("reloading: waits for files that are still being written");
                        manager.status("reloading: waits for files that are still being written");
                    }
                    return Ok(tokio::select! {
                        biased;
                        () = told.stop.cancelled() => Shift::Ended(end),
                        () = offload.wait_until_idle() => Shift::Reloaded(given),
                    });
                }
                ended = &mut inbox_work, if !inbox_ended => {
                    inbox_ended = true;
                    ended?;
                }
                new = &mut next, if reloaded.is_none() => {
                    info!("reloading: the work goes on with the new configuration");
                    reloaded = Some(Box::new(new));
                    stop.cancel();
                }
                failed = &mut changes => return Err(failed.into()),
                never = &mut trouble => match never {},
                failed = &mut retain => match failed? {},
                failed = &mut status => match failed? {},
            }
        }
    }
}
