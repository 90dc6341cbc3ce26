//! Whether the bucket for local videos works: writes a small object, reads part of it by a link as Kling does, and
//! deletes it.

use super::{CheckResult, DoctorContext, credentials, error, ok, warning};
use crate::{
    cli::open,
    daemon,
    manifest::is_private_address,
    upload::{Bucket, UploadError},
};

const PROBE: &[u8] = b"lipsyncd doctor\n";
/// HTTP "Partial Content".
const PARTIAL: u16 = 206;

pub(super) fn check(context: &mut DoctorContext) -> Vec<CheckResult> {
    let config = &context.config;
    let Some(endpoint) = &config.upload.s3.endpoint else { return Vec::new() };
    if is_private_address(endpoint) && !is_private_address(&config.kling.base_url) {
        let message =
            format!("{endpoint} is a private address: Kling cannot download videos from it");
        return vec![error(
            message,
            "set upload.s3.endpoint to an address that the internet reaches",
        )];
    }
    let found = match credentials::find_bucket_keys(&context.users) {
        Ok(found) => found,
        Err(finding) => return vec![finding],
    };
    let fix = "store the value alone";
    let mut findings: Vec<_> = found.notes.into_iter().map(|note| warning(note, fix)).collect();
    let bucket = match daemon::bucket(config, Some(&found.keys)) {
        Ok(Some(bucket)) => bucket,
        Ok(None) => return findings,
        Err(wrong) => return vec![with_fix(&wrong)],
    };
    let tried = open::block_on(async { Ok(probe(&bucket).await) });
    findings.push(tried.unwrap_or_else(|_| error("the bucket cannot be tried", "try again")));
    findings
}

async fn probe(bucket: &Bucket) -> CheckResult {
    // Two computers may use one bucket.
    let name = format!("probe-{}-{}", open::now_ms(), std::process::id());
    // Some storages create a missing bucket for a write.
    if let Err(wrong) = bucket.find(&name).await {
        return with_fix(&wrong);
    }
    let read = match bucket.put(&name, "text/plain", PROBE, PROBE.len() as u64).await {
        Ok(()) => bucket.read_range(&name).await,
        Err(wrong) => return with_fix(&wrong),
    };
    let deleted = bucket.delete(&name).await;
    let place = format!("bucket {} at {}", bucket.config().bucket, bucket.config().endpoint);
    match (read, deleted) {
        (Err(wrong), _) => with_fix(&wrong),
        (Ok((status, bytes)), _) if status != PARTIAL || !PROBE.starts_with(&bytes) => error(
            format!("{place} answers a request for the first bytes with HTTP {status}"),
            "Kling reads videos by ranges: use a storage that supports the header Range",
        ),
        (Ok(_), Err(wrong)) => warning(
            format!("{place} was written and read, but the probe {name} stays: {wrong}"),
            "allow s3:DeleteObject to let doctor clean up; a rule of the bucket that deletes after two days does it, too",
        ),
        (Ok(_), Ok(())) => ok(format!("{place}: a probe was written, read by a link, and deleted")),
    }
}

/// The reason of a refusal ends with the fix; other errors may pass.
fn with_fix(wrong: &UploadError) -> CheckResult {
    match wrong {
        UploadError::Refused(reason) if let Some((message, fix)) = reason.rsplit_once("; ") => {
            error(message, fix)
        }
        other => error(
            other.to_string(),
            "correct upload.s3.endpoint, or start the storage; then run doctor again",
        ),
    }
}
