//! Which file is read, and where its relative paths start.

use std::{ffi::OsString, fs, path::Path};

use super::*;

fn nothing(_: &str) -> Option<OsString> {
    None
}

#[test]
fn a_named_file_wins_and_its_folder_is_the_root_of_its_paths() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    fs::create_dir(here.join("etc")).expect("a folder");
    fs::write(here.join("lipsyncd.yaml"), "jobs_dir: by-place").expect("a file");
    fs::write(here.join("etc/env.yaml"), "jobs_dir: by-env\nmedia: {dirs: [m, /n]}")
        .expect("a file");
    fs::write(here.join("etc/flag.yaml"), "jobs_dir: /by-flag").expect("a file");
    let env = |name: &str| (name == "LIPSYNCD_CONFIG").then(|| OsString::from("etc/env.yaml"));

    let (config, path) = Config::find_from(here, None, &nothing).expect("settings");
    assert_eq!(path, Some(here.join("lipsyncd.yaml")));
    assert_eq!(config.jobs_dir, here.join("by-place"));
    assert_eq!(config.output_dir, here.join("output"));

    let (config, path) = Config::find_from(here, None, &env).expect("settings");
    assert_eq!(path, Some(here.join("etc/env.yaml")));
    assert_eq!(config.jobs_dir, here.join("etc/by-env"));
    assert_eq!(config.state_db, here.join("etc/lipsyncd.db"));
    assert_eq!(config.media.dirs, [here.join("etc/m"), "/n".into()]);

    let flag = Path::new("etc/flag.yaml");
    let (config, _) = Config::find_from(here, Some(flag), &env).expect("settings");
    assert_eq!(config.jobs_dir, Path::new("/by-flag"));
}

#[test]
fn a_named_file_has_to_exist() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = Path::new("missing.yaml");
    let error = Config::find_from(folder.path(), Some(missing), &nothing).expect_err("missing");
    assert!(matches!(error, ConfigError::Unreadable { .. }), "{error}");
    assert!(error.render(false).contains("missing.yaml"), "{error}");
}

#[test]
fn without_a_file_the_defaults_are_relative_to_the_working_directory() {
    let folder = tempfile::tempdir().expect("a folder");
    let (config, path) = Config::find_from(folder.path(), None, &nothing).expect("defaults");
    // A machine that has /etc/lipsyncd/lipsyncd.yaml uses it.
    if path.is_none() {
        assert_eq!(config.jobs_dir, folder.path().join("jobs"));
        assert_eq!(config.limits, Config::default().limits);
    }
}

#[test]
fn errors_name_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("lipsyncd.yaml");
    fs::write(&path, "watch: {settel: 1s}").expect("a file");
    let error = Config::find_from(folder.path(), None, &nothing).expect_err("an error");
    let start = format!("{}:1:9: unknown key `watch.settel`", path.display());
    assert!(error.to_string().starts_with(&start), "{error}");
    assert!(error.render(false).contains("1 | watch: {settel: 1s}"), "{error}");
}

#[test]
fn an_endless_file_is_read_up_to_the_limit() {
    let endless = Path::new("/dev/zero");
    let error = Config::find_from(Path::new("/"), Some(endless), &nothing).expect_err("too large");
    assert!(error.to_string().contains("at most 8 MiB"), "{error}");
}
