//! How `man` and `whatis` read the pages, where they are installed.

#![expect(clippy::print_stdout, reason = "a skipped test says so")]

use std::process::{Command, Output};

use clap::CommandFactory as _;

use super::*;
use crate::cli::ExitCode;
use crate::{cli::Cli, job::State};

/// Writes the pages into a folder.
fn written() -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let arguments = Args { dir: folder.path().join("man/pages") };
    let mut out = Vec::new();
    assert_eq!(run(&arguments, Cli::command(), &mut out).unwrap(), ExitCode::Done);
    let paths = String::from_utf8(out).unwrap().lines().map(PathBuf::from).collect();
    (folder, paths)
}

/// Runs a program. None if it is not installed.
fn output_of(command: &mut Command) -> Option<Output> {
    match command.env("LC_ALL", "C.UTF-8").env("MANROFFSEQ", "").env("MANWIDTH", "80").output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            println!("skipped: {command:?} is not installed here");
            None
        }
        Err(error) => panic!("{command:?}: {error}"),
    }
}

#[test]
fn every_listed_command_has_a_page_and_no_other() {
    let (_folder, paths) = written();
    let names: Vec<&str> = paths.iter().filter_map(|path| path.file_name()?.to_str()).collect();
    for name in ["lipsyncd.1", "lipsyncd-run.1", "lipsyncd.yaml.5", "lipsyncd-manifest.5"] {
        assert!(names.contains(&name), "{names:?}");
    }
    for name in ["lipsyncd-man.1", "lipsyncd-help.1"] {
        assert!(!names.contains(&name), "{names:?}");
    }
    let listed = Cli::command().get_subcommands().filter(|command| !command.is_hide_set()).count();
    assert_eq!(names.len(), listed + 3, "{names:?}");
}

#[test]
fn the_pages_are_the_same_each_time_and_list_every_key_and_state() {
    let all = pages(Cli::command()).unwrap();
    assert_eq!(all, pages(Cli::command()).unwrap());
    let page = |name: &str| &all.iter().find(|(known, _)| known == name).unwrap().1;
    for key in keys() {
        let listed = page("lipsyncd-manifest.5").contains(&format!("\\fB{}\\fR\n", key.name));
        assert!(listed, "{}", key.name);
    }
    for setting in settings() {
        let listed = page("lipsyncd.yaml.5").contains(&format!("\\fB{}\\fR\n", setting.key));
        assert!(listed, "{}", setting.key);
    }
    for state in State::ALL {
        assert!(page("lipsyncd.1").contains(&format!("\\fB{}\\fR\n", state.name())), "{state:?}");
    }
}

#[test]
fn man_renders_every_page_without_a_warning() {
    let (_folder, paths) = written();
    for path in paths {
        let mut man = Command::new("man");
        man.args(["--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z"]).arg(&path);
        let Some(output) = output_of(&mut man) else { return };
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{}", path.display());
        assert!(output.status.success() && !output.stdout.is_empty(), "{}", path.display());
    }
}

#[test]
fn whatis_understands_every_page() {
    let (_folder, paths) = written();
    for path in paths {
        let Some(output) = output_of(Command::new("lexgrog").arg(&path)) else { return };
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        let page = path.file_stem().and_then(|stem| stem.to_str()).unwrap();
        assert!(output.status.success() && shown.contains(&format!("\"{page} - ")), "{shown}");
    }
}
