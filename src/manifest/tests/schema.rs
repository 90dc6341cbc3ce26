//! The JSON Schema accepts what the reader accepts, and refuses what an editor can know to be wrong.

use std::sync::LazyLock;

use boon::{Compiler, SchemaIndex, Schemas};
use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

struct Editor {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Editor {
    fn new() -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("manifest.json", schema()).expect("a resource");
        let index = compiler.compile("manifest.json", &mut schemas).expect("a valid schema");
        Self { schemas, index }
    }

    fn check(&self, text: &str) -> Result<(), String> {
        let value: serde_yaml::Value = serde_yaml::from_str(text).expect("YAML");
        let value = serde_json::to_value(value).expect("JSON");
        self.schemas.validate(&value, self.index).map_err(|error| format!("{text}\n{error}"))
    }
}

#[test]
fn the_schema_accepts_manifests_that_the_reader_accepts() {
    let editor = Editor::new();
    for text in [
        include_str!("../../../jobs.example.yaml"),
        include_str!("../../cli/demo/manifests/anna.yaml"),
        include_str!("../../cli/demo/manifests/bruno.yaml"),
        "video: 2024.MP4\naudio: {id: 12}\nsound_end_time: 2s\nx-note: [1]\n",
        "video: HTTPS://e.com/v\naudio: x/a.aac\ntake: null\nlabels: {a: 1, b: null}\n",
        "x-base: 1\ndefaults: null\njobs: [{id: 007, video: v.mp4, audio: a.wav, face: {id: 1}}]\n",
        "defaults: {video: v.mov}\njobs: [{id: a, audio: a.mp3, callback_url: 'http:e.com'}]\n",
        "defaults: {audio: a.mp3, output: o.mp4}\njobs: [{id: true, video: {file: v.mp4}}]\n",
    ] {
        let _valid = good(text);
        editor.check(text).unwrap_or_else(|error| panic!("{error}"));
    }
    for key in &keys::TABLE {
        let text = format!("jobs: [{{id: a, video: v.mp4, audio: a.mp3, {}: '1'}}]", key.name);
        let text =
            text.replace(&format!("{}: '1'", key.name), &format!("{}: {}", key.name, key.example));
        if !["id", "video", "audio"].contains(&key.name) {
            let _valid = good(&text);
            editor.check(&text).unwrap_or_else(|error| panic!("{error}"));
        }
    }
}

/// A duration that the reader takes, in one of its many forms, or something like it.
fn duration_like() -> impl Strategy<Value = String> {
    let number = prop_oneof!["[0-9]{1,3}", "[0-9]{1,2}[.,][0-9]{1,3}"];
    let unit = select(vec![
        "ms",
        "millis",
        "milliseconds",
        "msecs",
        "s",
        "sec",
        "secs",
        "second",
        "seconds",
        "m",
        "min",
        "mins",
        "minute",
        "minutes",
        "h",
        "hr",
        "hrs",
        "hour",
        "hours",
        "d",
        "us",
        "µs",
        "usec",
        "micros",
        "ns",
        "nanos",
    ]);
    let part = (number, " ?", unit, ",? ?")
        .prop_map(|(number, space, unit, end)| format!("{number}{space}{unit}{end}"));
    let clock =
        prop_oneof!["", "[0-9]{1,2}:[0-9]{2}:[0-9]{2}", "[0-9]:[0-9]{2}:[0-9]{2}[.,][0-9]{1,3}"];
    let friendly = (" ?[+-]? ?", vec(part, 0..4), clock, prop_oneof!["", " ago", "ago"])
        .prop_map(|(sign, parts, clock, end)| format!("{sign}{}{clock}{end}", parts.concat()));
    prop_oneof![8 => friendly, 1 => "[+-]?[Pp][Tt]([0-9]{1,2}[Hh])?([0-9]{1,2}[.,]?[0-9]{0,2}[Ss])?", 1 => "[+-]?[0-9]{1,6}"]
}

proptest! {
    #[test]
    fn the_schema_accepts_every_duration_that_the_reader_accepts(text in duration_like()) {
        static EDITOR: LazyLock<Editor> = LazyLock::new(Editor::new);
        let manifest = format!("video: v.mp4\naudio: a.mp3\nsound_insert_time: '{text}'\n");
        if read(manifest.as_bytes(), "a.yaml").is_ok() {
            prop_assert!(EDITOR.check(&manifest).is_ok(), "{text:?}");
        }
    }
}

#[test]
fn the_schema_refuses_what_the_reader_refuses() {
    let editor = Editor::new();
    for text in [
        "{}",
        "[]",
        "video: v.mp4\n",
        "video: v.mp4\naudio: a.mp3\nid: a\n",
        "video: v.avi\naudio: a.mp3\n",
        "video: {url: https://e.com/v.mp4, file: v.mp4}\naudio: a.mp3\n",
        "video: v.mp4\naudio: a.mp3\nwatermrk: true\n",
        "video: v.mp4\naudio: a.mp3\nwatermark: 'true'\n",
        "video: v.mp4\naudio: a.mp3\npriority: 101\n",
        "video: v.mp4\naudio: a.mp3\ntake: 0\n",
        "video: v.mp4\naudio: a.mp3\nface: longst\n",
        "video: v.mp4\naudio: a.mp3\nface: {index: -1}\n",
        "video: v.mp4\naudio: a.mp3\nsound_volume: 2.1\n",
        "video: v.mp4\naudio: a.mp3\nsound_start_time: 1.5\n",
        "video: v.mp4\naudio: a.mp3\nsound_start_time: soon\n",
        "video: v.mp4\naudio: a.mp3\nsound_start_time: 1.5 seconds of silence\n",
        "video: v.mp4\naudio: a.mp3\noutput: /x.mp4\n",
        "video: v.mp4\naudio: a.mp3\nlabels: [a]\n",
        "video: v.mp4\naudio: a.mp3\njobs: [{id: a, video: v.mp4, audio: a.mp3}]\n",
        "defaults: {video: v.mp4, audio: a.mp3}\n",
        "jobs: []\n",
        "jobs: [{video: v.mp4, audio: a.mp3}]\n",
        "jobs: [{id: a, audio: a.mp3}]\n",
        "jobs: [{id: .a, video: v.mp4, audio: a.mp3}]\n",
        "jobs: [{id: a, video: v.mp4, audio: a.mp3, x-note: 1}]\n",
        "defaults: {id: a, video: v.mp4}\njobs: [{id: a, audio: a.mp3}]\n",
        "defaults: {audio: null}\njobs: [{id: a, video: v.mp4}]\n",
    ] {
        let _problems = problems(text);
        assert!(editor.check(text).is_err(), "{text}");
    }
}
