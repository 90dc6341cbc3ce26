//! A reload: reads settings and credentials again, and checks them.
//!
//! Settings with an error are reported, and the work continues with the old ones. Ends nothing: the caller does that
//! with the new settings.

use std::{env, io, sync::Arc, time::Duration};

use tokio::{
    sync::Notify,
    task::{JoinHandle, spawn_blocking},
    time::timeout,
};
use tracing::{error, info, warn};

use super::{
    Inputs, ReadInputs,
    resources::{Resources, prepare_folders},
    settings,
    status_line::one_line,
};
use crate::pipeline::Until;

/// How long to wait for files. A pipe, or a share whose server is gone, blocks the reader.
const READ_MAX: Duration = Duration::from_secs(10);
/// How many blocked reads may be left behind. Each of them occupies a thread.
const BLOCKED_MAX: usize = 4;

/// None: the inputs are unchanged.
type ReadResult = Result<Option<Inputs>, String>;

/// Reads the inputs at each reload, until they differ and can be used.
pub(super) struct Reloader<'a> {
    resources: &'a Resources,
    inputs: &'a Inputs,
    read_inputs: &'a ReadInputs,
    blocked: Vec<JoinHandle<ReadResult>>,
}

impl<'a> Reloader<'a> {
    pub(super) fn new(
        resources: &'a Resources,
        inputs: &'a Inputs,
        read_inputs: &'a ReadInputs,
    ) -> Self {
        Self { resources, inputs, read_inputs, blocked: Vec::new() }
    }

    /// Waits until a reload brings other inputs that can be used. Each reload asks for a scan of the folder, too.
    pub(super) async fn next(&mut self, reload: &Notify, rescan: &Notify) -> Inputs {
        let manager = &self.resources.manager;
        loop {
            reload.notified().await;
            manager.reloading();
            rescan.notify_one();
            match self.read().await {
                Ok(None) => {
                    manager.set_refusal(None);
                    info!(
                        "reloaded: configuration and credentials are unchanged{}",
                        credentials_hint()
                    );
                }
                Ok(Some(new)) => {
                    manager.set_refusal(None);
                    return new;
                }
                Err(why) => {
                    error!("the new configuration was refused, the old one stays in use: {why}");
                    manager.set_refusal(Some(one_line(&why)));
                }
            }
            manager.ready();
        }
    }

    async fn read(&mut self) -> ReadResult {
        self.blocked.retain(|reading| !reading.is_finished());
        if self.blocked.len() >= BLOCKED_MAX {
            return Err("earlier reloads still wait for their files: restart lipsyncd".to_owned());
        }
        let (inputs, read_inputs) = (self.inputs.clone(), Arc::clone(self.read_inputs));
        let until = self.resources.until;
        let mut reading = spawn_blocking(move || check(&inputs, read_inputs()?, until));
        let Ok(read) = timeout(READ_MAX, &mut reading).await else {
            self.blocked.push(reading);
            return Err(format!(
                "reading configuration, credentials and folders took longer than {} s: check that each is a \
                 regular file, or a folder on a server that responds",
                READ_MAX.as_secs()
            ));
        };
        let new = read.unwrap_or_else(|ended| Err(io::Error::from(ended).to_string()))?;
        if let Some(new) = &new {
            // Last, because this is in use at once.
            self.move_servers(new).await?;
        }
        Ok(new)
    }

    /// Moves both servers, or none.
    async fn move_servers(&self, new: &Inputs) -> Result<(), String> {
        let Resources { server, web, .. } = self.resources;
        let before = web.settings();
        web.apply(settings::web(new)).await.map_err(|error| error.to_string())?;
        let moved = server.move_to(new.config.metrics.listen).await;
        if moved.is_err()
            && let Err(lost) = web.apply(before).await
        {
            warn!("{lost}");
        }
        moved.map_err(|error| error.to_string())
    }
}

/// Checks new inputs as far as that is possible while the old ones are in use. Blocks.
fn check(old: &Inputs, new: Inputs, until: Until) -> ReadResult {
    if new == *old {
        return Ok(None);
    }
    if new.config.state_db != old.config.state_db {
        return Err("state_db cannot change at a reload: restart lipsyncd".to_owned());
    }
    prepare_folders(&new.config, until).map_err(|error| error.to_string())?;
    settings::connect(&new.config, &new.credentials).map_err(|error| error.to_string())?;
    settings::bucket(&new.config, new.bucket_keys.as_ref()).map_err(|error| error.to_string())?;
    if new.config.log != old.config.log {
        warn!("a new log.format is used after a restart only");
    }
    Ok(Some(new))
}

/// Why credentials may be unchanged after all.
fn credentials_hint() -> &'static str {
    match env::var_os("CREDENTIALS_DIRECTORY") {
        Some(_) => " (systemd older than 260 passes new credentials at a restart only)",
        None => "",
    }
}
