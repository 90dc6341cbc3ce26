//! Copies verdicts from the database into the metadata files beside the results.
//!
//! The database has them first, so that nothing depends on the files: what a crash or a full disk prevents is done later.

use std::{convert::Infallible, path::Path, time::Duration};

use tokio::time::sleep;
use tracing::warn;

use super::ticks::Ticks;
use crate::{
    output::{Metadata, OutputError, OutputPaths, VerdictFacts, write_verdict},
    pipeline::Offload,
    store::{Store, StoreError, UnstoredVerdict},
};

const CHECK_EVERY: Duration = Duration::from_secs(2);
/// How long files that cannot be written are left alone.
const AFTER_PROBLEM: Duration = Duration::from_mins(1);
/// Verdicts that are read at a time.
const BATCH: usize = 100;

/// Writes the verdicts of people into metadata files. Ends only with an error of the database.
pub(super) async fn store_in_metadata(
    store: &Store,
    output_dir: &Path,
    offload: &Offload,
    ticks: &Ticks,
) -> Result<Infallible, StoreError> {
    let mut reported: Option<String> = None;
    let mut ticks = ticks.every(CHECK_EVERY);
    loop {
        ticks.tick().await;
        let (failed, problem) = write_all(store, output_dir, offload).await?;
        if let Some(problem) = problem.as_ref().filter(|_| reported != problem) {
            let verdicts = if failed == 1 { "verdict is" } else { "verdicts are" };
            warn!(
                "{failed} {verdicts} not in the metadata of results yet: {problem}; the database has them, and the \
                 next try is in a minute"
            );
        }
        reported = problem;
        if reported.is_some() {
            sleep(AFTER_PROBLEM).await;
        }
    }
}

/// Returns how many verdicts could not be written, and why the last one.
async fn write_all(
    store: &Store,
    output_dir: &Path,
    offload: &Offload,
) -> Result<(usize, Option<String>), StoreError> {
    let (mut failed, mut problem) = (0, None);
    loop {
        let verdicts = store.unstored_verdicts(failed, BATCH).await?;
        if verdicts.is_empty() {
            return Ok((failed, problem));
        }
        for verdict in verdicts {
            let (folder, to_write) = (output_dir.to_owned(), verdict.clone());
            match offload.run(move || write(&folder, to_write)).await {
                Ok(Ok(())) => store.verdict_stored(&verdict).await?,
                Ok(Err(error)) => (failed, problem) = (failed + 1, Some(error.to_string())),
                Err(panicked) => (failed, problem) = (failed + 1, Some(panicked)),
            }
        }
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

#[cfg(test)]
mod tests {
    use std::{fs, sync::Arc};

    use serde_json::{Value, json};
    use tokio::time::timeout;

    use super::*;
    use crate::{
        job::{Media, Verdict, apply},
        store::{OnChange, ResultId},
        testing::jobs::{
            MOMENT, NOW_MS, POLICY, hashed, manifest, result, session, spec_of, until_submitted,
            until_succeeded,
        },
    };

    /// A store with the results of jobs that have a verdict each.
    async fn approved(path: &Path, keys: &[&str]) -> Store {
        let store = Store::open_here(path, Arc::new(|| Box::pin(async {}))).unwrap();
        let job = |key: &&str| hashed(spec_of(key), Ok(Media::default()));
        let manifest = manifest("a.yaml", keys.iter().map(job).collect());
        store.accept(manifest, MOMENT, POLICY, OnChange::Flag).await.unwrap().unwrap();
        for key in keys {
            let session = session(&store).await;
            let outcomes = until_submitted(&session, key).into_iter().chain(until_succeeded());
            let mut task = store.task_of_job(key).await.unwrap().unwrap();
            for outcome in outcomes {
                let transition = apply(&task, outcome, &MOMENT, &POLICY).unwrap();
                task = store.record(transition, None, NOW_MS).await.unwrap();
            }
            let result = ResultId { task: task.id, sha256: result().sha256 };
            let given = store.give_verdict(result, Some(Verdict::Approved), None, NOW_MS).await;
            assert_eq!(given.unwrap().unwrap().len(), 1);
        }
        store
    }

    #[tokio::test(start_paused = true)]
    async fn verdicts_are_written_once_their_folder_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("output");
        let store = approved(&folder.path().join("lipsyncd.db"), &["a", "b"]).await;
        let offload = Offload::Inline(Arc::new(|| Box::pin(async {})));
        let ticks = Ticks::new();
        let run = async |length| {
            timeout(length, store_in_metadata(&store, &output, &offload, &ticks)).await
        };
        assert!(run(CHECK_EVERY).await.is_err(), "it runs until an error");
        assert_eq!(store.unstored_verdicts(0, 9).await.unwrap().len(), 2, "no output folder");
        fs::create_dir(&output).unwrap();
        // A folder where the metadata of `a` belong: those of `b` are written all the same.
        fs::create_dir(output.join("a.json")).unwrap();
        let task = store.task_of_job("b").await.unwrap().unwrap();
        let metadata = Metadata {
            result: crate::output::FileFacts { sha256: result().sha256, bytes: result().bytes },
            ..Metadata::of_task(&task, None)
        };
        fs::write(output.join("b.json"), metadata.to_json().unwrap()).unwrap();
        assert!(run(CHECK_EVERY).await.is_err());
        let written: Value =
            serde_json::from_slice(&fs::read(output.join("b.json")).unwrap()).unwrap();
        assert_eq!(written["verdict"]["verdict"], json!("approved"));
        assert!(
            store.unstored_verdicts(0, 9).await.unwrap().is_empty(),
            "what is no file needs no verdict"
        );
    }
}
