//! The JSON Schemas in a real editor's language server: what it offers and what it marks.

mod language_server;

use std::{fs, process::Command};

use serde_json::Value;
use tempfile::TempDir;

use language_server::LanguageServer;
use lipsyncd::manifest::KEYS;

/// A folder of `lipsyncd init`, and an editor that shows it.
fn editor() -> Option<(TempDir, LanguageServer)> {
    let folder = tempfile::tempdir().unwrap();
    let mut init = Command::new(env!("CARGO_BIN_EXE_lipsyncd"));
    let output = init.arg("init").current_dir(folder.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let server = LanguageServer::start(folder.path())?;
    Some((folder, server))
}

/// A manifest with the first line of the manifest that `init` writes.
fn manifest(text: &str) -> String {
    format!("# yaml-language-server: $schema=../manifest.schema.json\n{text}")
}

fn config(text: &str) -> String {
    format!("# yaml-language-server: $schema=lipsyncd.schema.json\n{text}")
}

/// All keys of a job without these, sorted.
fn keys_without(used: &[&str]) -> Vec<String> {
    let unused = KEYS.iter().filter(|key| !used.contains(key));
    let mut unused: Vec<String> = unused.map(|key| (*key).to_owned()).collect();
    unused.sort();
    unused
}

const MANIFEST: &str = "jobs/first.yaml";
const CONFIG: &str = "lipsyncd.yaml";

#[test]
fn completion_offers_the_unused_keys_of_a_manifest() {
    let Some((_folder, mut editor)) = editor() else { return };
    let mut offers = |text: &str| editor.offers(MANIFEST, &manifest(text));
    assert_eq!(
        offers("video: v.mp4\naudio: a.mp3\n|\n"),
        keys_without(&["id", "video", "audio"]),
        "a single job"
    );
    let batch = "defaults:\n  video: v.mp4\njobs:\n  - id: a\n    audio: a.mp3\n    |\n";
    assert_eq!(offers(batch), keys_without(&["id", "audio"]), "a job of a batch");
    let defaults = "defaults:\n  video: v.mp4\n  |\njobs:\n  - id: a\n    audio: a.mp3\n";
    assert_eq!(offers(defaults), keys_without(&["id", "video"]), "defaults");
    assert_eq!(offers("jobs:\n  - id: a\n|\n"), ["defaults"], "the top of a batch");
    let mut all = keys_without(&["id"]);
    all.extend(["defaults".to_owned(), "jobs".to_owned()]);
    all.sort();
    assert_eq!(offers("|\n"), all, "an empty manifest");
    let face = offers("video: v.mp4\naudio: a.mp3\nface: |\n");
    assert_eq!(face, ["first", "longest", "null", "only", "{index: 1}"]);
}

#[test]
fn completion_offers_the_unused_keys_of_the_configuration() {
    let Some((folder, mut editor)) = editor() else { return };
    let schema = fs::read(folder.path().join("lipsyncd.schema.json")).unwrap();
    let schema: Value = serde_json::from_slice(&schema).unwrap();
    let names = |schema: &Value| {
        let keys = schema["properties"].as_object().unwrap().keys();
        keys.cloned().collect::<std::collections::BTreeSet<String>>()
    };
    let sections = names(&schema);
    let offered = editor.offers(CONFIG, &config("|\n"));
    assert_eq!(offered, sections.iter().cloned().collect::<Vec<_>>(), "the top");
    for name in &sections {
        let section = &schema["properties"][name];
        if section.get("properties").is_none() {
            continue;
        }
        let mut unused = names(section);
        let used = unused.iter().find(|key| section["properties"][*key].get("default").is_some());
        let Some(used) = used.cloned() else { continue };
        unused.remove(&used);
        let value = &section["properties"][&used]["default"];
        let offered = editor.offers(CONFIG, &config(&format!("{name}:\n  {used}: {value}\n  |\n")));
        assert_eq!(offered, unused.into_iter().collect::<Vec<_>>(), "{name}");
    }
}

#[test]
fn mistakes_are_marked_and_only_mistakes() {
    let Some((folder, mut editor)) = editor() else { return };
    for file in [MANIFEST, CONFIG] {
        let text = fs::read_to_string(folder.path().join(file)).unwrap();
        assert_eq!(editor.marks(file, &text), [""; 0], "{file} of `init`");
    }
    let example = manifest(include_str!("../../../jobs.example.yaml"));
    assert_eq!(editor.marks(MANIFEST, &example), [""; 0], "jobs.example.yaml");

    let mut marks = |text: &str| editor.marks(MANIFEST, &manifest(text));
    let times = "sound_start_time: 1500\nsound_end_time: 1m 2.5s\nsound_insert_time: PT1S\n";
    assert_eq!(marks(&format!("video: v.mp4\naudio: a.mp3\n{times}")), [""; 0]);
    let misspelt = marks("video: v.mp4\naudio: a.mp3\nwatermrk: true\n");
    assert_eq!(misspelt, ["4: Property watermrk is not allowed."]);
    let batch = "jobs:\n  - id: a\n    video: v.mp4\n    audio: a.mp3\n    sound_insert_tme: 1s\n";
    assert_eq!(marks(batch), ["6: Property sound_insert_tme is not allowed."]);
    let allowed = "Allowed: milliseconds such as `1500`, or a duration such as `1.5s` or `1m 2s`.";
    for wrong in ["soon", "1.5 seconds of silence", "5 parsecs", "1:30"] {
        let text = format!("video: v.mp4\naudio: a.mp3\nsound_insert_time: {wrong}\n");
        assert_eq!(marks(&text), [format!("4: {allowed}")], "{wrong}");
    }
    let audio = marks("video: v.mp4\n");
    assert_eq!(audio, ["2: Missing property \"audio\"."]);

    let mut marks = |text: &str| editor.marks(CONFIG, &config(text));
    assert_eq!(marks("watch: {settle: 1m 30s}\nretention: {history: 12 weeks}\n"), [""; 0]);
    assert_eq!(marks("watch:\n  settel: 1s\n"), ["3: Property settel is not allowed."]);
    let allowed = "Allowed: a duration of at most an hour, such as `1s`.";
    assert_eq!(marks("watch:\n  settle: fast\n"), [format!("3: {allowed}")]);
}
