//! Gives a result its final name, and reports which earlier results were set aside for that.

use std::{ffi::OsStr, path::PathBuf};

use crate::{
    job::Delivered,
    output::{self, Metadata, OutputError, Part, Place},
    pipeline::{fetch::metadata::delivered, fetch::target::Target},
    store::Moved,
};

/// Gives the finished parts their names. What is in the way may stay there for long: then the parts are
/// kept, and not fetched again each time. Whether they can be changes nothing of what is reported.
pub(crate) fn publish(
    place: &Place,
    metadata: &Metadata,
    target: &Target,
    mut parts: Vec<Part>,
) -> Result<(Delivered, Vec<Moved>), OutputError> {
    let published = match target.is_superseded {
        false => output::publish(place, metadata, &target.earlier),
        true => output::publish_superseded(place, metadata).map(|_| Vec::new()),
    };
    match published {
        Ok(aside) => Ok((delivered(metadata), moved(&target.output, &aside)?)),
        Err(error) => {
            parts.iter_mut().for_each(|part| drop(part.keep()));
            Err(error)
        }
    }
}

/// What was set aside, in the words of the database: the metadata beside each file name its task.
pub(crate) fn moved(output: &str, aside: &[PathBuf]) -> Result<Vec<Moved>, OutputError> {
    let mut all = Vec::new();
    for path in aside {
        let Some(metadata) = Metadata::read(&path.with_extension("json"))? else { continue };
        let Some(name) = path.file_name().and_then(OsStr::to_str) else { continue };
        let to = match output.rsplit_once('/') {
            Some((folder, _)) => format!("{folder}/{name}"),
            None => name.to_owned(),
        };
        all.push(Moved {
            from: output.to_owned(),
            to,
            request_hash: metadata.request_hash,
            take: metadata.take,
        });
    }
    Ok(all)
}
