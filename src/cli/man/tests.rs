//! What `man` and `whatis` make of the pages, where they are installed.

#![expect(clippy::print_stdout, reason = "whoever runs a test is told that it was skipped")]

use std::process::{Command, Output};

use super::*;

/// The pages, in a folder.
fn written() -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let arguments = Args { dir: folder.path().join("man/pages") };
    let mut out = Vec::new();
    assert_eq!(run(&arguments, &mut out).unwrap(), ExitCode::Done);
    let paths = String::from_utf8(out).unwrap().lines().map(PathBuf::from).collect();
    (folder, paths)
}

/// What the program says; none where it is not installed.
fn asked(command: &mut Command) -> Option<Output> {
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
fn every_command_that_is_listed_has_a_page_and_no_other() {
    let (_folder, paths) = written();
    let names: Vec<&str> = paths.iter().filter_map(|path| path.file_name()?.to_str()).collect();
    for name in ["lipsyncd.1", "lipsyncd-run.1", "lipsyncd.yaml.5", "lipsyncd-manifest.5"] {
        assert!(names.contains(&name), "{names:?}");
    }
    for name in ["lipsyncd-man.1", "lipsyncd-help.1"] {
        assert!(!names.contains(&name), "{names:?}");
    }
    // `help` alone is clap's; the rest is what `--help` lists.
    let listed = Cli::command().get_subcommands().filter(|command| !command.is_hide_set()).count();
    assert_eq!(names.len(), listed + 3, "{names:?}");
}

#[test]
fn the_pages_are_the_same_each_time() {
    assert_eq!(pages().unwrap(), pages().unwrap());
}

#[test]
fn a_synopsis_has_the_whole_command_and_its_values() {
    let pages = pages().unwrap();
    let text = |name: &str| pages.iter().find(|(known, _)| known == name).unwrap().1.clone();
    for (name, synopsis) in [
        ("lipsyncd.1", r"\fBlipsyncd\fR [\fB\-\-config\fR FILE] COMMAND"),
        (
            "lipsyncd-retry.1",
            r"\fBlipsyncd retry\fR [\fB\-\-yes\fR] [\fB\-\-dry\-run\fR] [\fB\-\-config\fR FILE] {JOB… | \fB\-\-failed\fR}",
        ),
        ("lipsyncd-resolve.1", r"{\fB\-\-task\fR ID | \fB\-\-resend\fR} JOB"),
        ("lipsyncd-list.1", r"[\fB\-\-state\fR STATE…]"),
    ] {
        assert!(text(name).contains(synopsis), "{name}\n{}", text(name));
    }
}

#[test]
fn a_command_with_exit_codes_of_its_own_has_those_alone() {
    let pages = pages().unwrap();
    let status = |name: &str| {
        let text = &pages.iter().find(|(known, _)| known == name).unwrap().1;
        let (_, status) = text.split_once(".SH \"EXIT STATUS\"\n").unwrap();
        status.split(".SH").next().unwrap().to_owned()
    };
    assert_eq!(
        status("lipsyncd-doctor.1"),
        ".TP\n\\fB0\\fR\nNo errors (warnings do not count).\n.TP\n\\fB1\\fR\nSome check failed.\n\
         .TP\n\\fB2\\fR\nThe configuration has errors.\n"
    );
    assert!(status("lipsyncd-backup.1").contains("The file is there or may not be there."));
    assert!(status("lipsyncd.1").contains("there is no permission"));
    assert!(status("lipsyncd-list.1").contains("there is no permission"));
}

#[test]
fn man_renders_every_page_without_a_warning() {
    let (_folder, paths) = written();
    for path in paths {
        let mut man = Command::new("man");
        man.args(["--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z"]).arg(&path);
        let Some(output) = asked(&mut man) else { return };
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{}", path.display());
        assert!(output.status.success() && !output.stdout.is_empty(), "{}", path.display());
    }
}

#[test]
fn whatis_understands_every_page() {
    let (_folder, paths) = written();
    for path in paths {
        let Some(output) = asked(Command::new("lexgrog").arg(&path)) else { return };
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let page = path.file_stem().and_then(|stem| stem.to_str()).unwrap();
        assert!(output.status.success() && told.contains(&format!("\"{page} - ")), "{told}");
    }
}
