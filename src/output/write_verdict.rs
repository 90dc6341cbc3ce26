//! Writes what a person thinks of a result into its metadata.

use super::{
    error::OutputError,
    metadata::{Metadata, write_text},
    one_writer,
    paths::OutputPaths,
    verdict::VerdictFacts,
};

/// Writes a verdict into the metadata of a result: those at the place, and those of the same result that was set aside there.
///
/// `is_result` recognises the metadata. Metadata that are not there any more need no verdict. None withdraws the verdict.
pub fn write_verdict(
    paths: &OutputPaths,
    sha256: &str,
    is_result: impl Fn(&Metadata) -> bool,
    verdict: Option<&VerdictFacts>,
) -> Result<(), OutputError> {
    let _alone = one_writer::lock(paths);
    for place in paths.places_of(sha256) {
        let path = place.metadata();
        let found = Metadata::read(&path)?.filter(&is_result);
        let Some(metadata) = found.filter(|found| found.result.sha256 == sha256) else { continue };
        if metadata.verdict.as_ref() != verdict {
            let changed = Metadata { verdict: verdict.cloned(), ..metadata };
            write_text(&path, &changed.text(&path)?, true)?;
        }
    }
    Ok(())
}
