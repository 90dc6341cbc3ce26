//! Warns before anything is paid if results cannot be downloaded from this machine.

use tracing::warn;

use crate::{
    config::Config,
    kling::result_hosts::{self, ResultHosts},
    store::{Store, StoreError},
};

/// Checks the names of result hosts once, and reports a problem in the log and for `status`.
pub(super) async fn report(store: &Store, config: &Config) -> Result<(), StoreError> {
    let (base_url, allow_hosts) = (&config.kling.base_url, &config.download.allow_hosts);
    if let ResultHosts::Problem(problem) = result_hosts::check(base_url, allow_hosts, &[]).await {
        warn!("{problem}");
        store.set_result_hosts_problem(problem).await?;
    }
    Ok(())
}
