//! A reload: settings and credentials are read anew, and taken if there is nothing wrong with them.
//!
//! What is wrong is told, and the work goes on as before. It must not end the work: that is done by who
//! gets the new settings from here.

use std::{env, io, sync::Arc, time::Duration};

use tokio::{
    sync::Notify,
    task::{JoinHandle, spawn_blocking},
    time::timeout,
};
use tracing::{error, info, warn};

use super::{
    DaemonError, Inputs, ReadInputs,
    resources::{Resources, prepare_folders},
    service_manager::ServiceManager,
    settings,
    status_line::one_line,
};
use crate::kling::Client;

/// How long files are waited for: a pipe in the place of one, or a share whose server is gone, holds whoever
/// reads it.
const READ_MAX: Duration = Duration::from_secs(10);
/// So many that are held are left behind: each keeps a thread from other work.
const HELD_MAX: usize = 4;

/// What was read: none when it is the same.
type Read = Result<Option<Inputs>, String>;

/// Waits until a reload brings settings that differ from `given` and can be used.
pub(super) async fn next(
    base: &Resources,
    given: &Inputs,
    reread: &ReadInputs,
    reload: &Notify,
    look: &Notify,
    manager: &ServiceManager,
) -> Inputs {
    let mut held = Vec::new();
    loop {
        reload.notified().await;
        manager.reloading();
        // The folder is looked at in any case.
        look.notify_one();
        match read(base, given, reread, &mut held).await {
            Ok(None) => {
                manager.refused(None);
                info!("reloaded: configuration and credentials are as they were{}", handed_over());
            }
            Ok(Some(new)) => {
                manager.refused(None);
                return new;
            }
            Err(why) => {
                error!("the new configuration is not taken, it goes on with the one it has: {why}");
                manager.refused(Some(one_line(&why)));
            }
        }
        manager.ready();
    }
}

/// What may be behind credentials that did not change.
fn handed_over() -> &'static str {
    match env::var_os("CREDENTIALS_DIRECTORY") {
        Some(_) => " (systemd older than 260 hands new credentials over at a restart only)",
        None => "",
    }
}

/// The new settings. What does not come to an end is added to `held`.
async fn read(
    base: &Resources,
    given: &Inputs,
    reread: &ReadInputs,
    held: &mut Vec<JoinHandle<Read>>,
) -> Read {
    held.retain(|reading| !reading.is_finished());
    if held.len() >= HELD_MAX {
        return Err("the files of earlier reloads are still waited for: restart it".to_owned());
    }
    let (given, reread, until) = (given.clone(), Arc::clone(reread), base.until);
    let checked = move || {
        let new = reread()?;
        if new.config == given.config && new.credentials.is_same(&given.credentials) {
            return Ok(None);
        }
        if new.config.state_db != given.config.state_db {
            return Err("state_db cannot change while it runs: restart it".to_owned());
        }
        prepare_folders(&new.config, until).map_err(|error| error.to_string())?;
        try_client(&new).map_err(|error| error.to_string())?;
        if new.config.log != given.config.log {
            warn!("log.format changes when it is restarted, and not before");
        }
        Ok(Some(new))
    };
    let mut checked = spawn_blocking(checked);
    let Ok(checked) = timeout(READ_MAX, &mut checked).await else {
        held.push(checked);
        return Err(format!(
            "configuration, credentials and folders give no answer within {} s: look whether each is a file, \
             or a folder of a server that answers",
            READ_MAX.as_secs()
        ));
    };
    let new = checked.unwrap_or_else(|ended| Err(io::Error::from(ended).to_string()))?;
    if let Some(new) = &new {
        // Last, for it is done with this.
        base.server.move_to(new.config.metrics.listen).await.map_err(|error| error.to_string())?;
    }
    Ok(new)
}

fn try_client(given: &Inputs) -> Result<(), DaemonError> {
    let credential = settings::credential(&given.credentials);
    Client::new(settings::client(&given.config), credential).map(drop)?;
    Ok(())
}
