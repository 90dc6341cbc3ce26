//! The daemon: takes the lock, runs inbox and pipeline side by side, and ends them in order.
//!
//! The daemon does no work on jobs. What it starts can be dropped at any moment, and continues from the
//! database at the next start. A reload is the same without the end of the process.

mod background;
mod error;
mod folder_report;
mod generation;
mod inputs;
mod packs;
mod reload;
mod resources;
mod result_hosts;
mod retention;
mod service_manager;
mod settings;
mod status_line;
mod ticks;
mod verdicts;

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use tracing::info;

pub use error::DaemonError;
pub use inputs::{Controls, Inputs, ReadInputs};
pub use packs::{purchases_ms, stored_pack};
pub use settings::{
    account, assumed_prices, bucket, connect, locator, notify_targets, policy, video_host,
    video_links,
};

use crate::pipeline::{End, Until};
use generation::{Generation, GenerationEnd};
use resources::Resources;
use service_manager::ServiceManager;

/// After a stop request, the daemon ends within this time, whatever it waits for.
const STOP_MAX: Duration = Duration::from_millis(9_500);

/// Runs until it is stopped, or until nothing is left that continues automatically.
pub async fn run(
    inputs: Inputs,
    read_inputs: ReadInputs,
    until: Until,
    controls: Controls,
) -> Result<End, DaemonError> {
    let manager = Arc::new(ServiceManager::from_env());
    let resources = tokio::select! {
        biased;
        // Nothing is in progress yet that would have to end in order.
        () = controls.stop.cancelled() => return Ok(End::Stopped),
        opened = Resources::open(&inputs, until, &manager) => opened?,
    };
    let overdue = async {
        controls.stop.cancelled().await;
        manager.stopping();
        sleep(STOP_MAX).await;
    };
    tokio::select! {
        biased;
        // A process that keeps the database locked must not keep this daemon alive.
        () = overdue => Ok(End::Stopped),
        ended = run_generations(&resources, inputs, &read_inputs, &controls) => ended,
    }
}

/// Runs one generation after another. Each reload begins a new one.
async fn run_generations(
    resources: &Resources,
    mut inputs: Inputs,
    read_inputs: &ReadInputs,
    controls: &Controls,
) -> Result<End, DaemonError> {
    let mut is_reload = false;
    loop {
        let starting = Generation::start(resources, &inputs, is_reload);
        let generation = tokio::select! {
            biased;
            () = controls.stop.cancelled() => return Ok(End::Stopped),
            started = resources.report_problems_during(starting) => started?,
        };
        if is_reload {
            resources.manager.ready();
        }
        match generation.run(resources, &inputs, read_inputs, controls).await? {
            GenerationEnd::Ended(end) => {
                info!("stopped");
                return Ok(end);
            }
            GenerationEnd::Reload(new) => inputs = *new,
        }
        is_reload = true;
    }
}
