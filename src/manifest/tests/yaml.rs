//! Mistakes in YAML as people make them: each problem is where the mistake is, in words that say what to do.

use super::*;

#[test]
fn a_missing_space_is_found_on_its_own_line() {
    for (text, expected) in [
        ("video:https://e.com/v.mp4\naudio: a.mp3\n", "1:6: a space is missing after `video:`"),
        ("video:v.mp4\naudio:a.mp3\n", "1:1: a space is missing after `video:` (write `video: …`)"),
        ("video: v.mp4\naudio:a.mp3\n", "2:6: a space is missing after `audio:`"),
        ("jobs:\n  - id:a\n    video: v.mp4\n", "2:7: a space is missing after `id:`"),
        ("jobs:\n  - id: a\n    video: v.mp4\n    audio:a.mp3\n", "4:10: a space is missing after"),
        ("jobs:\n  -id: a\n   video: v.mp4\n", "2:3: a space is missing after `-`"),
        ("jobs:\n  – id: a\n    video: v.mp4\n", "2:3: `–` is not the `-` of a list (write `- `"),
        ("jobs:\n  • id: a\n    video: v.mp4\n", "2:3: `•` is not the `-` of a list"),
        ("jobs:\n- id:a\n", "2:3: a space is missing after `id:`"),
        ("jobs:\n  id:a\n", "2:3: a space is missing after `id:`"),
        ("video: v.mp4\naudio: a.mp3\nlabels:\n  a:b\n", "4:3: a space is missing after `a:`"),
        ("video:\u{a0}v.mp4\naudio: a.mp3\n", "1:7: an invisible character (U+00A0)"),
        ("video: v.mp4\u{2028}audio: a.mp3\n", "1:13: an invisible line separator (U+2028)"),
        ("video = v.mp4\naudio: a.mp3\n", "1:7: `=` after `video` is no colon"),
        ("video = v.mp4\naudio = a.mp3\n", "1:1: `=` after `video` is no colon"),
        ("video：v.mp4\naudio：a.mp3\n", "1:1: `：` after `video` is no colon"),
        ("// a job\nvideo: v.mp4\n", "1:1: this is not a comment (comments begin with `#`)"),
        ("\"video: v.mp4\"\naudio: a.mp3\n", "1:1: this line is not `key: value`"),
        ("video: v.mp4\nlabels:\n  a: Part 1: x\n", "3:12: a second `: ` in one line (put a value"),
    ] {
        expect(text, &[expected]);
    }
}

#[test]
fn the_indentation_is_compared_with_the_line_above() {
    for (text, expected) in [
        (
            "jobs:\n  - id: a\n    video: v.mp4\n   audio: a.mp3\n",
            "4:4: this line is indented less than line 3",
        ),
        (
            "jobs:\n  - id: a\n    video: v.mp4\n      audio: a.mp3\n",
            "4:7: this line is indented more than line 3",
        ),
        (" video: v.mp4\n# c\n\naudio: a.mp3\n", "4:1: this line is indented less than line 1"),
        (
            "jobs:\n- id: a\n  audio: a.mp3\n  - id: b\n",
            "4:3: this `-` is not below the `-` of line 2",
        ),
        ("jobs:\n  - id: a\n- id: b\n", "3:1: this `-` is not below the `-` of line 2"),
        (
            "jobs:\n- id: a\naudio: a.mp3\n# c\n- id: b\n",
            "3:1: this line is indented less than line 2",
        ),
        ("[jobs]\nvideo = v.mp4\n", "2:7: `=` after `video` is no colon"),
        ("jobs:\n\t- id: a\n", "2:1: a tab in the indentation (indent YAML by spaces"),
        ("jobs:\n  - id: a\n\tvideo: v.mp4\n", "3:1: a tab in the indentation"),
        ("jobs:\n  -\tid: a\n  \tvideo: v.mp4\n", "2:4: a tab in the indentation"),
    ] {
        expect(text, &[expected]);
    }
}

#[test]
fn quotes_and_escapes() {
    for (text, expected) in [
        (
            "video: \"my \"best\" v.mp4\"\n",
            "1:13: text after the closing quote (the text ends at its second `\"`",
        ),
        (
            "video: 'it's.mp4'\n",
            "1:12: text after the closing quote (the text ends at its second `'`",
        ),
        ("video: \"v.mp4\" audio: \"a.mp3\"\n", "1:16: a second key `audio` in one line"),
        ("{\"video\": \"v.mp4\" \"audio\": 1}", "1:19: a `,` is missing here"),
        ("x-a: &a b\nvideo: *a /v.mp4\n", "2:11: text after a complete value"),
        ("{jobs:[{id:a}]}", "1:6: a space is missing after the `:`"),
        ("video: \"v.mp4\naudio: \"a.mp3\"\n", "1:8: this `\"` is not closed on its line"),
        ("video: \"v.mp4\naudio: a.mp3\n", "1:8: this `\"` is never closed (add the closing `\"`)"),
        (
            "video: \"C:\\Users\\v.mp4\"\n",
            "1:11: `\\U` needs more hexadecimal digits (inside of double",
        ),
        (
            "video: v.mp4\naudio: \"50\\% off.mp3\"\n",
            "2:11: `\\%` is no escape of YAML (inside of double",
        ),
        ("labels: {a: \"x \\ud83d y\"}\n", "1:16: `\\ud83d` is half of a character"),
        ("labels: {a: \"\\ud83d\\ude00 \\ude00\"}\n", "1:27: `\\ude00` is half of a character"),
    ] {
        expect(text, &[expected]);
    }
    expect(
        "video: \"C:\\video.mp4\"\naudio: \"b\\new.mp3\"\n",
        &[
            "1:8: `video` contains a control character (U+000B) (inside of double quotes `\\`",
            "2:8: `audio` contains a control character (U+000A) (inside of double quotes `\\`",
        ],
    );
    expect(
        "video: “v.mp4”\naudio: \"a.mp3\u{200b}\"\n",
        &[
            "1:8: `video` is not a file that the API takes (`“` is not a quote of YAML: use `\"`)",
            "2:8: `audio` is not a file that the API takes (remove the invisible character (U+200B)",
        ],
    );
}

#[test]
fn a_source_that_is_no_file_name_is_explained() {
    expect(
        "video: <https://e.com/v.mp4>\naudio: a.mp3\n",
        &["1:8: `video` is not a file that the API takes (remove the `<` and the `>`)"],
    );
    expect(
        "video: take #1.mp4\naudio: file:///a.mp3\n",
        &[
            "1:8: `video` is not a file that the API takes (its name has to end in one of .mp4 .mov; a name with ` #`",
            "2:8: `audio` is a URL that the API cannot download (write the path without `file://`)",
        ],
    );
    expect(
        "video: www.example.com/watch\naudio: ${AUDIO}\n",
        &[
            "1:8: `video` is not a file that the API takes (if it is a URL, write `https://www.example.com/watch`)",
            "2:8: `audio` is not a file that the API takes (`${AUDIO}` is not replaced by a value",
        ],
    );
    expect(
        "video: v.mp4/\naudio: 'a.mp3 '\n",
        &[
            "1:8: `video` is not a file that the API takes (remove the `/`",
            "2:8: `audio` is not a file that the API takes (remove the space",
        ],
    );
    let spec = good("video: https:/e.com/v.mp4\naudio: a.mp3\n").jobs.remove(0).spec;
    assert_eq!(spec.video.as_written(), "https://e.com/v.mp4");
}

#[test]
fn brackets_and_characters_with_a_meaning() {
    for (text, expected) in [
        ("jobs: [{id: a}\n", "1:7: this `[` is never closed (add the closing `]`)"),
        ("face: {index: 1]\n", "1:7: this `{` is closed by `]` (close it by `}`)"),
        ("face: {index: 1}}\n", "1:17: this bracket closes nothing"),
        ("face: {index: 1\naudio: a.mp3\n", "1:16: a `,` or the closing `}` is missing here"),
        (
            "{\n  \"video\": \"v.mp4\"\n  \"audio\": 1\n}\n",
            "2:19: a `,` or the closing `}` is missing",
        ),
        (
            "video: v.mp4\naudio: [EN] a.mp3\n",
            "2:13: text after the closing `]` (a value that begins with `[`",
        ),
        (
            "video: %HOME%/v.mp4\n",
            "1:8: text cannot begin with `%` (put the complete value in quotes)",
        ),
        ("video: `v.mp4`\n", "1:8: text cannot begin with a backtick"),
        ("```yaml\nvideo: v.mp4\n```\n", "1:1: this is a code fence of Markdown"),
        (
            "video: *.mp4\n",
            "1:8: this alias has no anchor before it (`*name` repeats the value at `&name`;",
        ),
        ("video: * a.mp4\n", "1:8: an anchor or alias has no name"),
        ("video: - a.mp4\n", "1:8: a list cannot begin here"),
    ] {
        expect(text, &[expected]);
    }
    expect(
        "video: &name\naudio: !intro.mp3\n",
        &[
            "1:8: the anchor `&name` has no value (write the value after it; text that begins with `&`",
            "2:8: the tag `!intro.mp3` is not known (remove it; text that begins with `!` needs quotes)",
        ],
    );
    expect("x-v: &ü\nvideo: *ü\naudio: a.mp3\n", &["1:6: the anchor `&ü` has no value"]);
}

#[test]
fn a_git_conflict_is_reported_at_its_first_line() {
    let conflict = "<<<<<<< HEAD\n    audio: a.mp3\n=======\n    audio: b.mp3\n>>>>>>> main\n";
    let text = format!("jobs:\n  - id: a\n    video: v.mp4\n{conflict}  - id: b\n");
    let help = "keep one of the two versions, and remove the marks in lines 4 to 8";
    expect(&text, &[&format!("4:1: a git conflict is not resolved ({help})")]);
    // Text of a label is no conflict.
    good("video: v.mp4\naudio: a.mp3\nlabels:\n  a: |\n    <<<<<<< a\n    >>>>>>> b\n");
}

#[test]
fn keys_that_look_right_are_explained() {
    expect(
        "jobs:\n  - id: a\n    x-note: hi\n    video: v.mp4\n    audio: a.mp3\nx_note: hi\nvideo\u{200b}: v.mp4\n",
        &[
            "3:5: unknown key `x-note` (keys that begin with `x-` are allowed at the top of the",
            "6:1: unknown key `x_note` (keys for notes begin with `x-`)",
            "7:1: unknown key `video\\u{200b}` (it contains an invisible character (U+200B): remove it)",
        ],
    );
    expect(
        "jobs: [{id:a, video: v.mp4, sound: a.mp3}]\n",
        &[
            "1:9: unknown key `id:a` (write a space after `id:`)",
            "1:29: unknown key `sound` (did you mean `audio`?)",
        ],
    );
    expect(
        "video: https://e.com/v.mp4?a=1\n  &b=2\naudio: |\n  a.mp3\n",
        &[
            "1:8: `video` continues on the next line (write it in one line)",
            "4:3: `audio` contains a control character (U+000A) (write it in one line; `|-`",
        ],
    );
}

#[test]
fn valid_yaml_is_read_as_other_programs_write_it() {
    let tabs = good("video:\tv.mp4\naudio:\t\"a.mp3\"\t# a\nlabels:\t{a:\tb}\n\t\n");
    assert_eq!(tabs.jobs[0].spec.labels["a"], "b");
    // As `json.dumps` of Python writes it.
    let json = r#"{"video": "v.mp4", "audio": "\ud83d\ude00/\u00e9.mp3", "labels": {"\ud83d\ude00": null, "b": "x"}, "face": null}"#;
    let spec = &good(json).jobs[0].spec;
    assert_eq!(spec.audio.as_written(), "😀/é.mp3");
    assert_eq!(
        spec.labels.iter().map(|(k, v)| (&**k, &**v)).collect::<Vec<_>>(),
        [("b", "x"), ("😀", "")]
    );
    let nulls = good("video: v.mp4\naudio: a.mp3\nlabels: {a: null, b: ~, c: , d: \"null\"}\n");
    let labels: Vec<&str> = nulls.jobs[0].spec.labels.values().map(String::as_str).collect();
    assert_eq!(labels, ["", "", "", "null"]);
    let mark_and_crlf = "\u{feff}---\r\nvideo: v.mp4\r\naudio: a.mp3\r\n...\r\n";
    assert_eq!(good(mark_and_crlf).jobs.len(), 1);
    let anchors = "x-base: &base\n  video: v.mp4\nx-more: &more {take: 2}\njobs:\n  - {<<: [*base, *more], id: 007, audio: a.mp3}\n  - {<<: *base, id: 1e3, audio: b.mp3}\n";
    let keys: Vec<String> = good(anchors).jobs.into_iter().map(|job| job.spec.key).collect();
    assert_eq!(keys, ["promo/m/007", "promo/m/1e3"]);
}
