//! Gives the file of a job its final name. Describes it and the earlier files that were set aside for it.

use std::{ffi::OsStr, path::PathBuf};

use super::Target;
use crate::{
    job::ResultFile,
    output::{self, Metadata, OutputError, OutputPaths, Part},
    store::MovedFile,
};

/// The file of a job, and the earlier files that were set aside for it.
pub(super) type DeliveredFile = (ResultFile, Vec<MovedFile>);

/// Gives the finished parts their names. If that fails, the parts are kept, because the obstacle may last and the
/// result must not be downloaded again each time.
pub(super) fn publish(
    place: &OutputPaths,
    metadata: &Metadata,
    target: &Target,
    mut parts: Vec<Part>,
) -> Result<DeliveredFile, OutputError> {
    let published = match target.is_superseded {
        false => output::publish(place, metadata, &target.earlier, &parts),
        true => output::publish_superseded(place, metadata, &parts).map(|_| Vec::new()),
    };
    match published {
        Ok(set_aside) => Ok((to_result_file(metadata), to_moved(&target.output, &set_aside)?)),
        Err(error) => {
            // Whether a part can be kept changes nothing about the error.
            parts.iter_mut().for_each(|part| drop(part.keep()));
            Err(error)
        }
    }
}

/// Returns what the database records of files that were set aside. The metadata beside each file name its task.
pub(super) fn to_moved(output: &str, set_aside: &[PathBuf]) -> Result<Vec<MovedFile>, OutputError> {
    let mut all = Vec::new();
    for path in set_aside {
        let Some(metadata) = Metadata::read(&path.with_extension("json"))? else { continue };
        let Some(name) = path.file_name().and_then(OsStr::to_str) else { continue };
        let to = match output.rsplit_once('/') {
            Some((folder, _)) => format!("{folder}/{name}"),
            None => name.to_owned(),
        };
        all.push(MovedFile {
            from: output.to_owned(),
            to,
            request_hash: metadata.request_hash,
            take: metadata.take,
        });
    }
    Ok(all)
}

pub(super) fn to_result_file(metadata: &Metadata) -> ResultFile {
    ResultFile {
        bytes: metadata.result.bytes,
        sha256: metadata.result.sha256.clone(),
        duration_ms: metadata.duration_ms,
    }
}
