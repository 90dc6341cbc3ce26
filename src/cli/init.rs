//! `lipsyncd init`: a configuration, the folders and a first manifest.

use std::{
    env, fs,
    io::{self, BufRead, IsTerminal as _, Write},
    iter,
    path::{Path, PathBuf},
};

use super::{CommandError, ExitCode, Result, safe, shell_word};
use crate::{config, manifest};

/// Write a configuration, the folders and a first manifest
///
/// Writes into DIR, by default the working directory: lipsyncd.yaml with every setting and its meaning, the folders
/// `jobs` and `output`, a first manifest, and the JSON Schemas with which editors complete and check both files.
/// Existing files stay as they are, and a folder that has a lipsyncd.yaml gets no first manifest. On a terminal, init asks for the two settings that depend on your account.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    lipsyncd init dubs && cd dubs && lipsyncd doctor")]
pub(super) struct Args {
    /// The folder; it is created if needed
    #[arg(default_value = ".", value_hint = clap::ValueHint::DirPath)]
    dir: PathBuf,
}

const FIRST_MANIFEST: &str = "\
# yaml-language-server: $schema=../manifest.schema.json
#
# One job: the face in the video speaks the audio. Edit the two lines, then run `lipsyncd check`.
# Paths start at this file's folder. Kling fetches videos by URL: a local video needs `upload.s3` or
# `media.serve` in lipsyncd.yaml. `man lipsyncd-manifest` lists all keys.

video: https://cdn.example.com/video.mp4      # an http(s) URL, or a path: video.mp4
audio: audio.mp3                              # a path, or an http(s) URL
";

const CONFIG_SCHEMA: &str = "# yaml-language-server: $schema=lipsyncd.schema.json\n";

/// The lines of the example that depend on the account.
const CONCURRENCY: &str = "  concurrency: 5 ";
const UNITS_PER_DAY: &str = "  units_per_day: null ";

pub(super) fn run(arguments: &Args, out: &mut dyn Write) -> Result {
    let dir = &arguments.dir;
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |error: io::Error| {
            CommandError::new(ExitCode::CannotRun, format!("cannot write {}: {error}", safe(&path)))
        }
    };
    let (jobs, config_file) = (dir.join("jobs"), dir.join("lipsyncd.yaml"));
    // An existing configuration may name other folders, and its daemon would run the first manifest.
    let is_new = config_file.symlink_metadata().is_err();
    let folders = if is_new { vec![jobs.clone(), dir.join("output")] } else { Vec::new() };
    for folder in iter::once(dir.clone()).chain(folders) {
        fs::create_dir_all(&folder).map_err(failed(&folder))?;
    }
    let asks = is_new && io::stdin().is_terminal() && io::stderr().is_terminal();
    let config = match asks {
        true => ask(&mut io::stdin().lock(), &mut io::stderr())?,
        false => config::EXAMPLE.to_owned(),
    };
    let schemas = [manifest::schema(), config::schema()].map(|schema| format!("{schema:#}\n"));
    let first = is_new.then(|| (jobs.join("first.yaml"), FIRST_MANIFEST.to_owned()));
    let files = [
        (dir.join("manifest.schema.json"), schemas[0].clone()),
        (dir.join("lipsyncd.schema.json"), schemas[1].clone()),
        // Last: if something fails before, the next `init` does all of it.
        (config_file, CONFIG_SCHEMA.to_owned() + &config),
    ];
    for (path, text) in first.into_iter().chain(files) {
        let what = match create(&path, &text) {
            Ok(()) => "written",
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                "exists already, not changed"
            }
            Err(error) => return Err(failed(&path)(error)),
        };
        writeln!(out, "{}: {what}", safe(&path.display().to_string()))?;
    }
    write_next_steps(dir, is_new, out)?;
    Ok(ExitCode::Done)
}

/// Writes a file that does not exist.
fn create(path: &Path, text: &str) -> io::Result<()> {
    fs::File::create_new(path)?.write_all(text.as_bytes())
}

fn write_next_steps(dir: &Path, is_new: bool, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nNext:")?;
    if dir != Path::new(".") {
        writeln!(out, "  cd {}", shell_word(&dir.display().to_string()))?;
    }
    let has_key = ["KLING_API_KEY", "KLING_API_TOKEN", "KLING_ACCESS_KEY"]
        .iter()
        .any(|name| env::var_os(name).is_some());
    if !has_key {
        writeln!(out, "  export KLING_API_KEY=…     # from Kling's console")?;
    }
    if is_new {
        writeln!(out, "  edit jobs/first.yaml       # name your video and your audio")?;
    }
    writeln!(out, "  lipsyncd doctor            # free: checks everything")?;
    writeln!(out, "  lipsyncd check             # free: shows the price, and all errors")?;
    writeln!(out, "  lipsyncd run --once        # does all jobs; Kling charges for them")
}

/// Asks for the settings that depend on the account. An empty answer keeps the default.
fn ask(input: &mut dyn BufRead, out: &mut dyn Write) -> Result<String> {
    let tasks = answer(
        input,
        out,
        "Tasks at the same time that your resource pack allows [5]: ",
        |text| text.parse::<u32>().is_ok_and(|tasks| (1..=1000).contains(&tasks)),
    )?;
    let units = answer(input, out, "Most units to spend per day (UTC) [no limit]: ", |text| {
        text.parse::<u32>().is_ok()
    })?;
    let tasks =
        tasks.map_or_else(|| CONCURRENCY.to_owned(), |tasks| format!("  concurrency: {tasks} "));
    let units = units
        .map_or_else(|| UNITS_PER_DAY.to_owned(), |units| format!("  units_per_day: {units} "));
    Ok(config::EXAMPLE.replacen(CONCURRENCY, &tasks, 1).replacen(UNITS_PER_DAY, &units, 1))
}

/// Asks until the answer is empty, valid, or at its end.
fn answer(
    input: &mut dyn BufRead,
    out: &mut dyn Write,
    question: &str,
    is_valid: impl Fn(&str) -> bool,
) -> Result<Option<String>> {
    loop {
        write!(out, "{question}")?;
        out.flush()?;
        let mut line = String::new();
        let is_end = input.read_line(&mut line)? == 0;
        let text = line.trim();
        if text.is_empty() || is_end {
            return Ok(None);
        }
        if is_valid(text) {
            return Ok(Some(text.to_owned()));
        }
        writeln!(out, "Please type a whole number, or press Enter for the default.")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_become_settings() {
        let mut shown = Vec::new();
        let config = ask(&mut "many\n20\n400\n".as_bytes(), &mut shown).unwrap();
        assert!(
            config.contains("\n  concurrency: 20 ") && config.contains("\n  units_per_day: 400 ")
        );
        assert!(String::from_utf8(shown).unwrap().contains("Please type a whole number"));
        for silent in ["\n\n", ""] {
            assert_eq!(ask(&mut silent.as_bytes(), &mut Vec::new()).unwrap(), config::EXAMPLE);
        }
    }

    #[test]
    fn the_first_manifest_has_no_errors() {
        manifest::read(FIRST_MANIFEST.as_bytes(), "first.yaml").unwrap();
    }
}
