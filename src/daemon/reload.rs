//! A reload: settings and credentials are read anew, and taken if there is nothing wrong with them.
//!
//! What is wrong is told, and the work goes on as before. It must not end the work: that is done by who
//! gets the new settings from here.

use std::{env, io, sync::Arc};

use tokio::{sync::Notify, task::spawn_blocking};
use tracing::{error, info, warn};

use super::{
    DaemonError, Given, Reread,
    base::{Base, prepare_folders},
    manager::Manager,
    settings,
    summary::one_line,
};
use crate::kling::Client;

/// Waits until a reload brings settings that differ from `given` and can be used.
pub(super) async fn next(
    base: &Base,
    given: &Given,
    reread: &Reread,
    reload: &Notify,
    look: &Notify,
    manager: &Manager,
) -> Given {
    loop {
        reload.notified().await;
        manager.reloading();
        // The folder is looked at in any case.
        look.notify_one();
        match read(base, given, reread).await {
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

/// The new settings; none when they are the same.
async fn read(base: &Base, given: &Given, reread: &Reread) -> Result<Option<Given>, String> {
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
    let checked = spawn_blocking(checked).await;
    let new = checked.unwrap_or_else(|ended| Err(io::Error::from(ended).to_string()))?;
    if let Some(new) = &new {
        // Last, for it is done with this.
        base.server.move_to(new.config.metrics.listen).await.map_err(|error| error.to_string())?;
    }
    Ok(new)
}

fn try_client(given: &Given) -> Result<(), DaemonError> {
    let credential = settings::credential(&given.credentials);
    Client::new(settings::client(&given.config), credential).map(drop)?;
    Ok(())
}
