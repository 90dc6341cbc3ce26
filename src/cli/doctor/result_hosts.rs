//! Whether results can be downloaded: the names of their hosts have public addresses, or are allowed.

use url::Url;

use super::{CheckResult, DoctorContext, ok, warning};
use crate::{
    cli::{counted, open},
    kling::result_hosts::{self, ResultHosts},
};

pub(super) fn check(context: &mut DoctorContext) -> Vec<CheckResult> {
    let config = &context.config;
    let tasks = context.account.iter().flat_map(|account| &account.tasks);
    let urls = tasks.flat_map(|task| &task.videos).filter_map(|video| video.url.as_deref());
    let seen: Vec<String> =
        urls.filter_map(|url| Some(Url::parse(url).ok()?.domain()?.to_owned())).collect();
    let (base_url, allow_hosts) = (&config.kling.base_url, &config.download.allow_hosts);
    let found =
        open::block_on(async { Ok(result_hosts::check(base_url, allow_hosts, &seen).await) });
    vec![match found {
        Ok(ResultHosts::NotChecked(why)) => ok(format!("not checked: {why}")),
        Ok(ResultHosts::Fine(names)) => {
            ok(format!("{} resolved to public or allowed addresses", counted(names, "name")))
        }
        Ok(ResultHosts::Problem(problem)) => {
            warning(problem, "set download.allow_hosts in lipsyncd.yaml, or change the DNS")
        }
        Err(_) => ok("not checked: the check could not be started"),
    }]
}
