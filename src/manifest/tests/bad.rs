//! Keys and values with errors: each row is a text, and how each of its problems begins after the file's name.

use super::*;

/// The same for a key of a single job that is valid without it; the key is on line 3.
#[track_caller]
fn expect_key(key: &str, expected: &str) {
    expect(&format!("video: https://e.com/v.mp4\naudio: a.mp3\n{key}\n"), &[expected]);
}

/// Rows of a key and its problem; `\\n` in a key begins a line.
#[track_caller]
fn expect_keys(rows: &str) {
    for row in rows.trim().lines() {
        let (key, expected) = row.split_once(" => ").expect("a row has two halves");
        expect_key(&key.trim().replace("\\n", "\n"), expected);
    }
}

#[test]
fn keys_are_known_texts_without_repetition() {
    expect_key("watermrk: true", "3:1: unknown key `watermrk` (did you mean `watermark`?)");
    expect_key("Watermark: true", "3:1: unknown key `Watermark` (did you mean `watermark`?)");
    expect_key("sound-volume: 1", "3:1: unknown key `sound-volume` (did you mean `sound_volume`?)");
    expect_key("zzz: 1", "3:1: unknown key `zzz` (known here: video, audio,");
    expect_key("video: b.mp4", "3:1: the key `video` is repeated (it is first at 1:1; remove one)");
    expect_key("id: x", "3:1: a single job has no `id`: it is named by its file");
    expect_key("[a]: x", "3:1: a key cannot be a list");
    expect_key(": x", "3:1: a key is missing before the `:`");
    expect_key("<<: 1", "3:5: `<<` cannot merge this (it takes a mapping");
    expect_key(
        "output: !path x.mp4",
        "3:9: the tag `!path` is not known (remove it; text that begins with `!` needs quotes)",
    );
    // The file as Windows writes it, with its mark at the start.
    expect(
        "\u{feff}fce: only\r\nvideo: v.mp4\r\naudio: a.mp3\r\nfce: only\r\n",
        &["1:1: unknown key `fce` (did you mean `face`?)", "4:1: the key `fce` is repeated"],
    );
    // Columns are characters, not bytes.
    expect(
        "{video: ü.mp4, audio: ä.mp3, fce: 1}",
        &["1:30: unknown key `fce` (did you mean `face`?)"],
    );
}

#[test]
fn a_misspelled_key_is_one_problem() {
    expect(
        "defaults:\n  vidoe: v.mp4\njobs:\n  - {id: a, audio: a.mp3}\n  - {id: b, adio: a.mp3}\n",
        &[
            "2:3: unknown key `vidoe` (did you mean `video`?)",
            "5:13: unknown key `adio` (did you mean `audio`?)",
        ],
    );
}

#[test]
fn values_have_types_and_ranges() {
    expect_keys(
        r#"
        watermark: yes => 3:12: `watermark` cannot be the text `yes` (`true` or `false`
        watermark: "true" => 3:12: `watermark` cannot be the text `true` (`true`
        watermark: 1 => 3:12: `watermark` cannot be the number `1`
        watermark: => 3:1: `watermark` is empty
        priority: 0x10 => 3:11: `priority` cannot be the number `0x10` (a whole number
        priority: 101 => 3:11: `priority` cannot be the number `101`
        priority: -101 => 3:11: `priority` cannot be the number `-101`
        priority: 1.0 => 3:11: `priority` cannot be the number `1.0`
        take: 0 => 3:7: `take` cannot be the number `0` (a whole number from 1 to 99
        take: 100 => 3:7: `take` cannot be the number `100` (a whole number from 1 to 99
        take: 1.0 => 3:7: `take` cannot be the number `1.0` (a whole number from 1 to 99
        take: '2' => 3:7: `take` cannot be the text `2` (a whole number from 1 to 99
        take: => 3:1: `take` is empty
        sound_volume: .nan => 3:15: `sound_volume` cannot be the number `.nan`
        sound_volume: .inf => 3:15: `sound_volume` cannot be the number `.inf`
        sound_volume: inf => 3:15: `sound_volume` cannot be the text `inf`
        sound_volume: 2.1 => 3:15: `sound_volume` cannot be the number `2.1` (a number from 0 to 2
        original_audio_volume: -0.1 => 3:24: `original_audio_volume` cannot be the number `-0.1`
        sound_volume: '1' => 3:15: `sound_volume` cannot be the text `1`
        face: longst => 3:7: `face` cannot be the text `longst` (did you mean `longest`?)
        face: 0 => 3:7: `face` cannot be the number `0` (`longest`, `first`, `only`,
        face: {index: -1} => 3:15: `face` cannot be the number `-1` (a whole number from 0
        face: {idx: 1} => 3:7: `face` has the unknown key `idx`
        face: {index: 0, id: "1"} => 3:7: `face` has to have exactly one key
        face: [only] => 3:7: `face` cannot be a list
        face: {} => 3:7: `face` is an empty mapping
        labels: [a] => 3:9: `labels` cannot be a list
        labels: {a: [b]} => 3:13: a label cannot be a list
        labels: {'': b} => 3:10: a label's name has to be
        labels: {a: "b\0"} => 3:13: a label's text contains a control character
        not_before: 2026-12-24 => 3:13: `not_before` cannot be the text `2026-12-24` (a time with its zone
        not_before: 2026-12-24T18:00:00 => 3:13: `not_before` cannot be
        not_before: tomorrow => 3:13: `not_before` cannot be
        callback_url: example.com => 3:15: `callback_url` is not an http(s) URL
        callback_url: ftp://example.com => 3:15: `callback_url` is not an http(s) URL
        callback_url: https:// => 3:15: `callback_url` is not a URL: empty host
        callback_url: https://u:p@e.com => 3:15: `callback_url` contains a user name or password
        external_task_id: a/b => 3:19: `external_task_id` cannot be the text `a/b`
        external_task_id: '' => 3:19: `external_task_id` is empty
        external_task_id: .. => 3:19: `external_task_id` cannot be the text `..`
        external_task_id: a%2Fb => 3:19: `external_task_id` cannot be the text `a%2Fb`
        "#,
    );
}

#[test]
fn times_are_whole_milliseconds_and_fit_together() {
    expect_keys(
        r#"
        sound_start_time: -1 => 3:19: `sound_start_time` cannot be negative
        sound_start_time: -1s => 3:19: `sound_start_time` cannot be negative
        sound_start_time: 1e3 => 3:19: `sound_start_time` cannot be the number `1e3` (milliseconds such as
        sound_start_time: 0x10 => 3:19: `sound_start_time` cannot be the number `0x10`
        sound_start_time: 1.5 => 3:19: `sound_start_time` cannot be the number `1.5`
        sound_start_time: 1.0005s => 3:19: `sound_start_time` has a fraction of a millisecond
        sound_start_time: 5 parsecs => 3:19: `sound_start_time` cannot be the text `5 parsecs`
        sound_start_time: [1] => 3:19: `sound_start_time` cannot be a list
        sound_insert_time: 25h => 3:20: `sound_insert_time` is longer than a day
        sound_start_time: 99999999999999999999 => 3:19: `sound_start_time` cannot be the number
        sound_end_time: 1999 => 3:17: less than 2 s between `sound_start_time` (0 ms) and
        sound_start_time: 5s\nsound_end_time: 6s => 4:17: less than 2 s between
        sound_start_time: 9s\nsound_end_time: 6s => 4:17: less than 2 s between
        sound_end_time: 60001 => 3:17: more than 60 s between
        "#,
    );
    expect(
        "video: v.mp4\naudio: {id: 12}\n",
        &["2:8: audio given by `id` needs a `sound_end_time`"],
    );
}

#[test]
fn sources_are_a_url_a_file_or_an_id() {
    let files = "is not a file that the API takes (its name has to end in one of";
    for (video, audio, expected) in [
        (
            "ftp://e.com/v.mp4",
            "{url: a.mp3}",
            [
                "1:8: `video` is a URL that the API cannot download",
                "2:14: `audio` is not an http(s) URL",
            ],
        ),
        (
            "s3://b/v.mp4",
            "file:///a.mp3",
            ["1:8: `video` is a URL that", "2:8: `audio` is a URL that"],
        ),
        (
            "{url: https://e.com/v.mp4, file: v.mp4}",
            "[a.mp3]",
            ["1:8: `video` has to have exactly one key", "2:8: `audio` cannot be a list"],
        ),
        (
            "v.avi",
            "a.ogg",
            [
                &format!("1:8: `video` {files} .mp4 .mov)"),
                &format!("2:8: `audio` {files} .mp3 .wav .m4a .aac)"),
            ],
        ),
        ("x/.mp4", "5", ["1:8: `video` is not a file", "2:8: `audio` is not a file"]),
        (
            "''",
            "\"a\\0.mp3\"",
            ["1:8: `video` is empty", "2:8: `audio` contains a control character (U+0000)"],
        ),
        ("", "~", ["1:1: `video` cannot be empty", "2:8: `audio` cannot be null"]),
        (
            "{id: \"a b\"}",
            "{file: }",
            ["1:13: `video` is an id with a blank in it", "2:9: `audio` cannot be empty"],
        ),
        (
            "https://u:p@e.com/v.mp4",
            "http://[/a.mp3",
            ["1:8: `video` contains a user name or password", "2:8: `audio` is not a URL: "],
        ),
    ] {
        expect(&format!("video: {video}\naudio: {audio}\n"), &expected);
    }
}

#[test]
fn an_output_stays_in_its_folder_and_collides_with_nothing() {
    for (output, expected) in [
        ("/x.mp4", "it has to be relative to `output_dir`"),
        ("../x.mp4", "no part may start with a dot"),
        ("a/../x.mp4", "no part may start with a dot"),
        ("./x.mp4", "no part may start with a dot"),
        (".x.mp4", "no part may start with a dot"),
        ("a/.mp4", "no part may start with a dot"),
        ("..\\x.mp4", "no part may start with a dot"),
        ("a\\x.mp4", "it contains a backslash"),
        ("a//x.mp4", "a part is empty"),
        ("'a /x.mp4'", "a part begins or ends with a blank"),
        ("x.mov", "it has to end in `.mp4`"),
        ("x.MP4", "it has to end in `.mp4`"),
        ("a/", "a part is empty"),
        ("x.watermark.mp4", "`.watermark.mp4` is reserved for watermarked results"),
        ("a.mp4/x.mp4", "a folder in it is named like a result"),
    ] {
        let expected = format!("3:9: `output` cannot be used: {expected}");
        expect_key(&format!("output: {output}"), &expected);
    }
    expect_key("output: \"a\\0b.mp4\"", "3:9: `output` contains a control character (U+0000)");
    let long = "x".repeat(200);
    expect_key(&format!("output: {long}.mp4"), "3:9: `output` cannot be used: a part is longer");
}

#[test]
fn jobs_of_a_batch_have_unique_names_and_outputs() {
    let jobs = "\
defaults: {video: v.mp4}
jobs:
  - {id: a, audio: a.mp3}
  - {id: a, audio: a.ogg}
  - {audio: c.mp3}
  - {id: .x, audio: c.mp3}
  - {id: a b, audio: c.mp3}
  - {id: null, audio: c.mp3}
  - {id: , audio: c.mp3}
  - {id: x.watermark, audio: c.mp3}
  - {id: [a], audio: c.mp3}
";
    expect(
        jobs,
        &[
            "4:10: two jobs have the `id` `a` (the first is at 3:10;",
            "4:20: `audio` is not a file",
            "5:5: this job has no `id`",
            "6:10: `id` cannot be the text `.x` (1 to 64 letters,",
            "7:10: `id` cannot be the text `a b`",
            "8:10: `id` cannot be null",
            "9:6: `id` cannot be empty",
            "10:10: the output would be `m/x.watermark.mp4`: ",
            "11:10: `id` cannot be a list",
        ],
    );
    expect(
        "defaults: {video: v.mp4, audio: a.mp3}\njobs:\n  - {id: a, output: m/b.mp4, external_task_id: t}\n  - {id: b}\n  - {id: c, external_task_id: t, audio: c.mp3}\n",
        &[
            "4:10: two jobs have the `output` `m/b.mp4` (the first is at 3:21; one would overwrite",
            "5:31: two jobs have the `external_task_id` `t` (the first is at 3:48;",
        ],
    );
}

#[test]
fn only_jobs_of_one_task_share_an_output_and_only_jobs_of_one_request_share_a_task_name() {
    let shared = |others: &str| {
        format!(
            "defaults: {{video: v.mp4, audio: a.mp3}}\njobs:\n  \
             - {{id: a, output: o.mp4, external_task_id: t}}\n  \
             - {{id: b, output: o.mp4, external_task_id: t, {others}}}\n"
        )
    };
    for others in ["", "take: 1", "sound_volume: 1", "priority: 3, labels: {a: b}", "audio: a.mp3"]
    {
        assert_eq!(good(&shared(others)).jobs.len(), 2, "{others}");
    }
    let output =
        "4:21: two jobs have the `output` `o.mp4` (the first is at 3:21; one would overwrite";
    let name =
        "4:46: two jobs have the `external_task_id` `t` (the first is at 3:46; one name belongs";
    expect(&shared("take: 2"), &[output]);
    for others in ["sound_volume: 0.5", "audio: b.mp3", "audio: ./a.mp3", "face: first"] {
        expect(&shared(others), &[output, name]);
    }
    // Two signatures of one object are one request.
    let signed = |signature| {
        format!("video: 'https://e.com/v.mp4?X-Amz-Credential=c&X-Amz-Signature={signature}'")
    };
    let text = format!(
        "defaults: {{audio: a.mp3, output: o.mp4}}\njobs:\n  - {{id: a, {}}}\n  - {{id: b, {}}}\n",
        signed("1"),
        signed("2"),
    );
    assert_eq!(good(&text).jobs.len(), 2);
}

#[test]
fn a_problem_of_defaults_is_reported_once() {
    expect(
        "defaults: {id: x, face: nobody, video: v.mp4, sound_end_time: 1s}\njobs:\n  - {id: a, audio: a.mp3}\n  - {id: b, audio: b.mp3}\n",
        &[
            "1:12: `id` cannot be a default",
            "1:25: `face` cannot be the text `nobody`",
            "1:63: less than 2 s between",
        ],
    );
    expect(
        "defaults: {output: x.mp4, video: v.mp4}\njobs:\n  - {id: a, audio: a.mp3}\n  - {id: b, audio: b.mp3}\n  - {id: c, audio: b.mp3}\n",
        &["1:20: two jobs have the `output` `x.mp4` (each job needs its own"],
    );
    expect(
        "defaults: [video]\njobs: [{id: a, video: v.mp4, audio: a.mp3}]\n",
        &["1:11: `defaults` cannot be a list"],
    );
}

#[test]
fn an_unclosed_mapping_is_reported_where_it_begins() {
    expect("video: v.mp4\nlabels: { a: b", &["2:9: this `{` is never closed"]);
    expect("video: v.mp4\nlabels: { a: b\n", &["2:9: this `{` is never closed"]);
    let text = "video: v.mp4\r\nlabels: [ü";
    expect(text, &["2:9: this `[` is never closed"]);
    let problems = read(text.as_bytes(), "m.yaml").unwrap_err();
    assert!(problems.render("m.yaml", text, false).contains("labels: [ü"));
}
