//! `demo --web`: one command shows the page with jobs.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use super::ask;

#[test]
fn the_demo_opens_its_page_until_it_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Command::new(env!("CARGO_BIN_EXE_lipsyncd"))
        .env_clear()
        .args(["demo", "--web", "--dir"])
        .arg(folder.path().join("demo"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines().map(Result::unwrap);
    let line = lines.find(|line| line.starts_with("Web page: http://")).unwrap();
    let address = line["Web page: http://".len()..].split('/').next().unwrap().to_owned();
    let last = lines.find(|line| line.starts_with("The web page stays open at ")).unwrap();
    assert!(last.contains(&address), "{last}");
    let overview = ask(&address, "GET", "/", &[]);
    assert!(
        overview.body.contains("1 job</a>") || overview.body.contains("1 job failed"),
        "{}",
        overview.body
    );
    assert_eq!(ask(&address, "GET", "/job?key=anna%2Fen", &[]).status, 200);
    let pid = demo.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert_eq!(demo.wait().unwrap().code(), Some(0));
}
