//! `lipsyncd schema`: JSON Schemas, with which editors complete and check files.

use std::io::Write;

use super::{ExitCode, Result, json};
use crate::{config, manifest};

/// Print the JSON Schema of manifests or of the configuration
///
/// Editors complete keys and mark errors with it. It is draft 2020-12.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    lipsyncd schema manifest > manifest.schema.json\n\n\
    An editor with the YAML language server reads the schema that the first line of a manifest names:\n  \
    # yaml-language-server: $schema=manifest.schema.json")]
pub(super) struct Args {
    /// Which file the schema describes
    file: SchemaOf,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum SchemaOf {
    /// A manifest: a single job or a batch
    Manifest,
    /// The configuration, lipsyncd.yaml
    Config,
}

pub(super) fn run(arguments: &Args, out: &mut dyn Write) -> Result {
    let schema = match arguments.file {
        SchemaOf::Manifest => manifest::schema(),
        SchemaOf::Config => config::schema(),
    };
    json::write_pretty(out, &schema)?;
    Ok(ExitCode::Done)
}
