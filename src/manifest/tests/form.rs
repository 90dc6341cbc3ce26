//! Texts that are not manifests, and how problems are shown.

use super::*;

#[test]
fn a_manifest_is_a_single_job_or_a_batch() {
    for (text, expected) in [
        ("", "the manifest is empty (a manifest is one job (`video` and `audio`), or a batch"),
        ("# nothing\n", "the manifest is empty"),
        ("~\n", "the manifest is empty"),
        ("hello\n", "1:1: a manifest cannot be text"),
        ("- id: a\n", "1:1: a manifest cannot be a list (put the list under `jobs:`)"),
        ("job:\n  - id: a\n", "1:1: unknown key `job` (did you mean `jobs`?"),
        ("foo: 1\n", "1:1: this is not a manifest (a manifest is one job"),
        ("1: 2\n", "1:1: this is not a manifest"),
        ("video: v.mp4\n", "1:1: this job has no `audio`"),
        ("jobs: []\n", "1:7: `jobs` is an empty list"),
        ("jobs: {}\n", "1:7: `jobs` cannot be a mapping"),
        ("jobs:\n", "1:1: `jobs` cannot be empty"),
        ("defaults: {video: a.mp4}\n", "1:1: a batch needs a list of `jobs`"),
    ] {
        expect(text, &[expected]);
    }
    expect(
        "jobs: [{id: a, video: v.mp4, audio: a.mp3}]\nvideo: v.mp4\nfoo: 1\n",
        &[
            "2:1: `video` cannot be beside `jobs` (put it in a job, or under `defaults`",
            "3:1: unknown key `foo` (known here: defaults, jobs, and `x-…` for notes)",
        ],
    );
    expect(
        "jobs: [a, 1, [b]]\n",
        &[
            "1:8: a job cannot be text",
            "1:11: a job cannot be a number",
            "1:14: a job cannot be a list",
        ],
    );
}

#[test]
fn a_yaml_error_is_reported_where_it_is() {
    for (text, expected) in [
        ("a: 1\n---\nb: 2\n", "2:1: a second YAML document begins here"),
        ("video: *nope\n", "1:8: this alias has no anchor"),
        ("video: &a [*a]\n", "1:12: this alias is inside of its own anchor"),
        ("a: [1\nb: 2\n", "1:6: a `,` or the closing bracket is missing here"),
        ("a: 'x\n", "1:4: this `'` is never closed"),
        ("a:\n\tb: 1\n", "2:1: a tab in the indentation (indent YAML by spaces"),
        ("video: a: b\n", "1:9: a second `: ` in one line"),
        ("@foo\n", "1:1: text cannot begin with `@`"),
        ("a: b\0\n", "1:5: a control character (U+0000)"),
        ("a: b\r\nc: \u{7}\r\n", "2:4: a control character (U+0007)"),
        ("a\rb\r\u{1b}", "3:1: a control character (U+001B)"),
    ] {
        expect(text, &[expected]);
    }
    let deep = "[".repeat(40) + &"]".repeat(40);
    expect(&deep, &["1:33: more than 32 levels of nesting"]);
    expect(&"- ".repeat(100), &["1:65: more than 32 levels of nesting"]);
}

#[test]
fn bytes_that_are_not_text_are_reported() {
    let of = |bytes: &[u8]| problems(bytes);
    assert!(of(b"a: b\nvideo: \xff\n").starts_with("m.yaml:2:8: this byte is not UTF-8"));
    let latin1 = of(b"a: b\naudio: gr\xfc.mp3\n");
    assert!(
        latin1.starts_with("m.yaml:2:10: this byte is not UTF-8 (in Latin-1 it is `ü`)"),
        "{latin1}"
    );
    for utf16 in [&b"\xff\xfev\0i\0"[..], b"\xfe\xff\0v", b"v\0i\0d\0", b"\0v\0i\0d"] {
        assert_eq!(of(utf16), "m.yaml: the file is in UTF-16 (save it as UTF-8)");
    }
    let zeros =
        "m.yaml: the file contains only zero bytes (it is damaged or not complete: copy it again)";
    assert_eq!(of(&[0; 4096]), zeros);
    let comments = vec![b'#'; 60 << 20];
    assert!(of(&comments).starts_with("m.yaml: the file has 60 MiB (at most 8 MiB"));
}

#[test]
fn a_path_that_cannot_name_jobs_is_refused() {
    let text = b"video: v.mp4\naudio: a.mp3\n";
    for path in
        [".hidden.yaml", "a/.b/c.yaml", "a//b.yaml", "../a.yaml", "a\n.yaml", "a\\b.yaml", ".yaml"]
    {
        let problems = read(text, path).expect_err(path);
        let shown = problems.one_line("m.yaml");
        assert!(shown.starts_with("m.yaml: the path "), "{path}: {shown}");
        assert_eq!(problems.len(), 1, "{path}: {shown}");
        assert_eq!(problems.one_line(path).lines().count(), 1, "{path:?}");
    }
    let problems = read(text, "x.watermark.yaml").expect_err("an output");
    assert!(problems.one_line("").starts_with("the output would be `x.watermark.mp4`: "));
}

#[test]
fn aliases_are_limited() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let previous = format!("*a{}, ", level - 1).repeat(10);
        bomb += &format!("a{level}: &a{level} [{previous}]\n");
    }
    let shown = problems(&bomb);
    assert!(shown.contains("the aliases of this file repeat too much"), "{shown}");
}

#[test]
fn a_problem_is_shown_in_its_line() {
    let text = "defaults:\n  vidoe: x.mp4\njobs:\n  - id: a\n    audio: ü/ä.ogg   # no\n    face: {a: 1,\n      b: 2}\n";
    let problems = read(text.as_bytes(), "m.yaml").expect_err("problems");
    insta::assert_snapshot!(problems.render("jobs/m.yaml", text, false), @r#"
    jobs/m.yaml:2:3: unknown key `vidoe`
      |
    2 |   vidoe: x.mp4
      |   ^^^^^
      |
      = help: did you mean `video`?
    jobs/m.yaml:5:12: `audio` is not a file that the API takes
      |
    5 |     audio: ü/ä.ogg   # no
      |            ^^^^^^^
      |
      = help: its name has to end in one of .mp3 .wav .m4a .aac
    jobs/m.yaml:6:11: `face` has to have exactly one key
      |
    6 |     face: {a: 1,
      |           ^^^^^^
      |
      = help: `longest`, `first`, `only`, `{index: n}` counted from 0, or `{id: "…"}`
    "#);
    let colored = problems.render("jobs/m.yaml", text, true);
    assert!(colored.contains("\u{1b}["), "{colored}");
}

#[test]
fn a_problem_in_a_long_line_is_shown_alone() {
    let text = format!("{{video: {}.mp4, audio: 5, face: 1}}", "ä".repeat(50_000));
    let problems = read(text.as_bytes(), "m.yaml").expect_err("problems");
    assert!(problems.render("m.yaml", &text, false).len() < 3_000);
}

#[test]
fn more_problems_than_are_shown_are_counted() {
    let text = "jobs:\n".to_owned() + &"  - 7\n".repeat(1_000);
    let problems = read(text.as_bytes(), "m.yaml").expect_err("problems");
    assert_eq!(problems.len(), 1_000);
    assert!(problems.one_line("m.yaml").ends_with("\nm.yaml: and 900 more"));
    assert!(problems.render("m.yaml", &text, false).ends_with("\nm.yaml: and 900 more\n"));
}
