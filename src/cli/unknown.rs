//! Errors for jobs and manifests that do not exist.

use super::{
    CommandContext, CommandError, ExitCode, Result, suggestions::Suggestions, text::first_line,
};
use crate::store::{Reader, Select};

/// Reports keys of no job. Fails if a pattern matches no manifest, because it is probably misspelled.
pub(super) fn report_unknown(
    reader: &Reader,
    select: &Select,
    context: &mut CommandContext<'_>,
) -> Result {
    if let Some(glob) = reader.unknown_manifests(select)?.first() {
        return Err(unknown_manifest(reader, &glob.to_string())?);
    }
    let mut exit = ExitCode::Done;
    for key in reader.unknown_keys(select)? {
        let error = unknown_job(reader, &key)?;
        error.report(context.err)?;
        exit = exit.max(error.exit);
    }
    Ok(exit)
}

fn unknown_manifest(reader: &Reader, manifest: &str) -> Result<CommandError> {
    let mut suggestions = Suggestions::for_name(manifest);
    reader.manifest_paths(|path| suggestions.consider(path))?;
    let hint = suggestions.hint().unwrap_or_else(|| {
        "name a manifest by its path under jobs_dir, for example `promo/intro.yaml`".to_owned()
    });
    Ok(CommandError::new(ExitCode::Failed, format!("no manifest is called `{manifest}`"))
        .hint(hint))
}

/// Returns the error for an unknown key. It names the manifest with errors that the job may be in, or similar keys.
pub(super) fn unknown_job(reader: &Reader, key: &str) -> Result<CommandError> {
    if let Some(manifest) = reader.refused_manifest_of(key)? {
        // The error begins with the path.
        let first = first_line(&manifest.error);
        let error = format!("no job is called `{key}`; its manifest has errors: {first}");
        return Ok(
            CommandError::new(ExitCode::Failed, error).hint("`lipsyncd check` shows all errors")
        );
    }
    let mut suggestions = Suggestions::for_name(key);
    reader.keys(|name| suggestions.consider(name))?;
    let error = CommandError::new(ExitCode::Failed, format!("no job is called `{key}`"));
    let hint = suggestions.hint().unwrap_or_else(|| "`lipsyncd list` shows all jobs".to_owned());
    Ok(error.hint(hint))
}
