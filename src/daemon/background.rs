//! What runs beside inbox and pipeline: noticing changes by commands, deleting old history, the status line, asking for
//! the resource packs, sending messages about what happened, copying verdicts into metadata files.
//!
//! Decides nothing. Inbox and pipeline do not depend on it.

use std::{convert::Infallible, future::pending, sync::Arc, time::Duration};

use tokio::sync::Notify;

use super::{
    Inputs, folder_report::FolderReport, packs, resources::Resources, result_hosts, retention,
    settings, status_line, verdicts,
};
use crate::{
    notify::Sender,
    pipeline::Offload,
    store::{JobChange, StoreError},
};

const CHANGES_EVERY: Duration = Duration::from_millis(500);
const STATUS_EVERY: Duration = Duration::from_secs(2);

/// What the background work needs besides the resources.
pub(super) struct BackgroundInputs<'a> {
    pub(super) inputs: &'a Inputs,
    pub(super) folder: &'a FolderReport<'a>,
    pub(super) sender: &'a Sender,
    /// Where files are written.
    pub(super) offload: &'a Offload,
}

/// Runs until the database fails for good. Changes by commands notify `rescan` and `store_changed`.
pub(super) async fn run(
    resources: &Resources,
    BackgroundInputs { inputs, folder, sender, offload }: BackgroundInputs<'_>,
    rescan: Arc<Notify>,
    store_changed: Arc<Notify>,
) -> StoreError {
    let now_ms = || resources.clock.now_ms();
    let config = &inputs.config;
    let account = settings::account(config, &inputs.credentials);
    let ask =
        async |start_ms, end_ms| packs::ask(inputs, &resources.metrics, start_ms, end_ms).await;
    let failed = tokio::select! {
        error = watch_changes(resources, rescan, store_changed) => return error,
        never = resources.report_problems() => match never {},
        failed = retention::delete_old_history(&resources.store, config.retention.history, now_ms) => failed,
        failed = result_hosts::watch(&resources.store, config) => failed,
        failed = packs::watch(&resources.store, &account, now_ms, ask) => failed,
        failed = update_status(resources, folder) => failed,
        failed = sender.run() => failed,
        failed = verdicts::store_in_metadata(&resources.store, &config.output_dir, offload, &resources.ticks) => failed,
    };
    match failed {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

async fn watch_changes(
    resources: &Resources,
    rescan: Arc<Notify>,
    store_changed: Arc<Notify>,
) -> StoreError {
    let mut before = None;
    let mut ticks = resources.ticks.every(CHANGES_EVERY);
    loop {
        ticks.tick().await;
        let found = match resources.store.changes_by_others(before).await {
            Ok(found) => found,
            Err(error) => return error,
        };
        found.by_people.iter().for_each(JobChange::log);
        if found.changed {
            rescan.notify_one();
            store_changed.notify_one();
        }
        before = Some(found.position);
    }
}

async fn update_status(
    resources: &Resources,
    folder: &FolderReport<'_>,
) -> Result<Infallible, StoreError> {
    let manager = &resources.manager;
    if !manager.is_present() {
        return pending().await;
    }
    folder.first_scan().await;
    let mut ticks = resources.ticks.every(STATUS_EVERY);
    loop {
        ticks.tick().await;
        let queue_status = resources.store.queue_status(resources.clock.now_ms()).await?;
        // A problem of the database is in the status line already, and is more important.
        if resources.store.problem().is_none() {
            let problem = folder.problem().map(|problem| format!("{problem}; "));
            manager.status(&(problem.unwrap_or_default() + &status_line::summary(&queue_status)));
        }
    }
}
