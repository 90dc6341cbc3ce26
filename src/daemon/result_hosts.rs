//! Warns before anything is paid if results cannot be downloaded from this machine.

use std::{convert::Infallible, time::Duration};

use tokio::time::sleep;
use tracing::warn;

use crate::{
    config::Config,
    kling::result_hosts::{self, ResultHosts},
    store::{Store, StoreError},
};

/// People change the DNS while the daemon runs.
const EVERY: Duration = Duration::from_mins(10);

/// Checks the names of result hosts again and again. Reports a problem in the log and for `status`, until it is gone.
pub(super) async fn watch(store: &Store, config: &Config) -> Result<Infallible, StoreError> {
    let (base_url, allow_hosts) = (&config.kling.base_url, &config.download.allow_hosts);
    let mut known = None;
    loop {
        let problem = match result_hosts::check(base_url, allow_hosts, &[]).await {
            ResultHosts::Problem(problem) => Some(problem),
            ResultHosts::Fine(_) => None,
            ResultHosts::NotChecked(_) => known.clone(),
        };
        if problem != known {
            problem.iter().for_each(|problem| warn!("{problem}"));
            store.set_result_hosts_problem(problem.clone()).await?;
            known = problem;
        }
        sleep(EVERY).await;
    }
}
