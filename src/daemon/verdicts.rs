//! Copies verdicts from the database into the metadata files beside the results.
//!
//! The database has them first, so that nothing depends on the files: what a crash or a full disk prevents is done later.

use std::{convert::Infallible, path::Path, time::Duration};

use tokio::time::sleep;
use tracing::warn;

use crate::{
    output::{Metadata, OutputError, OutputPaths, VerdictFacts, write_verdict},
    pipeline::Offload,
    store::{Store, StoreError, UnstoredVerdict},
};

const CHECK_EVERY: Duration = Duration::from_millis(500);
/// How long files that cannot be written are left alone.
const AFTER_PROBLEM: Duration = Duration::from_mins(1);
/// Verdicts that are read at a time.
const BATCH: usize = 100;

/// Writes the verdicts of people into metadata files. Ends only with an error of the database.
pub(super) async fn store_in_metadata(
    store: &Store,
    output_dir: &Path,
    offload: &Offload,
) -> Result<Infallible, StoreError> {
    let mut reported: Option<String> = None;
    loop {
        let verdicts = store.unstored_verdicts(BATCH).await?;
        let mut problem = None;
        for verdict in &verdicts {
            let (folder, to_write) = (output_dir.to_owned(), verdict.clone());
            let written = offload.run(move || write(&folder, to_write)).await;
            match written {
                Ok(Ok(())) => store.verdict_stored(verdict).await?,
                Ok(Err(error)) => problem = Some(error.to_string()),
                Err(panicked) => problem = Some(panicked),
            }
        }
        let rest = if problem.is_some() { AFTER_PROBLEM } else { CHECK_EVERY };
        if let Some(problem) = &problem
            && reported.as_ref() != Some(problem)
        {
            warn!(
                "a verdict is not in the metadata of its result yet: {problem}; the database has it, and it is written again in a minute"
            );
        }
        reported = problem;
        sleep(rest).await;
    }
}

fn write(output_dir: &Path, verdict: UnstoredVerdict) -> Result<(), OutputError> {
    let UnstoredVerdict { result, request_hash, take, verdict, outputs, .. } = verdict;
    let verdict = verdict.map(VerdictFacts::from);
    for output in outputs {
        // Metadata that a person moved away need no verdict.
        if let Some(paths) = OutputPaths::find(output_dir, &output)? {
            let is_result = |found: &Metadata| found.is_task(&request_hash, take);
            write_verdict(&paths, &result.sha256, is_result, verdict.as_ref())?;
        }
    }
    Ok(())
}
