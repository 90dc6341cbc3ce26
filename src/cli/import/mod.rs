//! `lipsyncd import`: a CSV or TSV table to a manifest.

mod table;
#[cfg(test)]
mod tests;
mod text;
mod yaml;

use std::{
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use super::{CommandError, ExitCode, Result, counted, safe};
use crate::manifest;
use table::{CsvTable, TableError};

/// Print a manifest with one job for each row of a CSV or TSV file
///
/// The first row names manifest keys: `id`, `video`, `audio`, and whatever else the table has. Parts of a key have
/// a dot: `labels.campaign`, `face.index`, `video.id`. An empty cell leaves the key out. Fields are separated by
/// commas, semicolons or tabs; the header decides. Every row is checked as `lipsyncd check` checks a manifest, and all
/// errors are reported with row and column.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    lipsyncd import dubs.csv > jobs/dubs.yaml && lipsyncd check jobs/dubs.yaml\n\n\
    Columns that the daemon does not know are errors, except those that begin with `x-`; they are left out.\n\
    Exit codes: 0 done, 1 the table has errors; then nothing is printed")]
pub(super) struct Args {
    /// The table, in UTF-8, or in UTF-16 with a byte order mark; `-` reads standard input
    #[arg(value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,
}

pub(super) fn run(arguments: &Args, out: &mut dyn Write, err: &mut dyn Write) -> Result {
    let name = arguments.file.display().to_string();
    let text = read(&arguments.file).map_err(|error| {
        CommandError::new(ExitCode::Failed, format!("{}: {error}", safe(&name)))
    })?;
    let errors = match convert(&text) {
        Ok(manifest) => {
            out.write_all(manifest.as_bytes())?;
            return Ok(ExitCode::Done);
        }
        Err(errors) => errors,
    };
    for error in &errors {
        writeln!(err, "{}:{}", safe(&name), safe(&error.to_string()))?;
    }
    let errors = counted(i64::try_from(errors.len()).unwrap_or(i64::MAX), "error");
    let message = format!("{errors} in {}; no manifest was printed", safe(&name));
    Err(CommandError::new(ExitCode::Failed, message))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    // A larger table could not become a manifest.
    let limit = u64::try_from(manifest::BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    match path == Path::new("-") {
        true => io::stdin().lock().take(limit).read_to_end(&mut bytes)?,
        false => File::open(path)?.take(limit).read_to_end(&mut bytes)?,
    };
    Ok(bytes)
}

/// Returns the manifest of a table.
fn convert(bytes: &[u8]) -> std::result::Result<String, Vec<TableError>> {
    let whole_file = |what: String| vec![TableError { line: 1, column: None, what }];
    if bytes.len() > manifest::BYTES_MAX {
        return Err(whole_file("the table is larger than a manifest can be; split it".to_owned()));
    }
    let text = text::decode(bytes).map_err(|what| whole_file(what.to_owned()))?;
    let table = CsvTable::read(&text)?;
    table.check_header()?;
    let written = yaml::write(&table);
    let parts = written.text.len().div_ceil(manifest::BYTES_MAX);
    if parts > 1 {
        let rows = table.rows.len() / parts;
        return Err(whole_file(format!(
            "the manifest would be larger than {} MiB, which is the limit: split the table into files of at most \
             {rows} rows",
            manifest::BYTES_MAX >> 20
        )));
    }
    match manifest::read(written.text.as_bytes(), "table.yaml") {
        Ok(_) => Ok(written.text),
        // A location in the manifest is a cell of the table.
        Err(problems) => {
            Err(problems.iter().map(|problem| written.locate(problem, &table)).collect())
        }
    }
}
