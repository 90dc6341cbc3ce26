//! Any bytes at all are read without a panic, and what they ask does not depend on how they ask it.

use proptest::prelude::*;

use super::*;

const EXAMPLE: &str = include_str!("../../../jobs.example.yaml");

/// Reads and shows it every way there is.
fn survive(bytes: &[u8]) {
    match read(bytes, "m.yaml") {
        Ok(manifest) => assert!(!manifest.jobs.is_empty()),
        Err(problems) => {
            let text = String::from_utf8_lossy(bytes);
            assert!(problems.len() > 0);
            assert!(!problems.one_line("m.yaml").is_empty());
            assert!(!problems.render("m.yaml", &text, false).is_empty());
            // A terminal must not be driven by a manifest.
            assert!(!problems.one_line("m.yaml").contains('\u{1b}'));
        }
    }
}

/// Pieces that YAML and manifests are made of, to get deeper than noise does.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "video",
        "audio",
        "jobs",
        "defaults",
        "id",
        "face",
        "labels",
        "output",
        ": ",
        ":\n",
        ", ",
        "- ",
        "\n",
        "\n  ",
        "\n    ",
        "{",
        "}",
        "[",
        "]",
        "&a ",
        "*a",
        "<<: ",
        "!!str ",
        "!x ",
        "'",
        "\"",
        "| ",
        ">-\n",
        "~",
        "null",
        "v.mp4",
        "a.mp3",
        "1.5s",
        "-1",
        ".nan",
        "# x\n",
        "---\n",
        "...\n",
        "? ",
        "%YAML 1.2\n",
        "ü",
        "\t",
        "\r\n",
        "\r",
        "\u{feff}",
        "\u{85}",
        "\u{2028}",
    ]);
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn noise_is_survived(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        survive(&bytes);
    }

    #[test]
    fn almost_yaml_is_survived(text in pieces()) {
        survive(text.as_bytes());
    }

    #[test]
    fn odd_characters_are_survived(text in "\\PC{0,80}") {
        survive(text.as_bytes());
        survive(format!("video: {text}\naudio: a.mp3\n{text}: 1\n").as_bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_mutated_manifest_is_survived(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..3), 1..6),
    ) {
        let mut bytes = EXAMPLE.as_bytes().to_vec();
        for (at, byte, how) in changes {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => _ = bytes.remove(at),
                _ => bytes.insert(at, byte),
            }
        }
        survive(&bytes);
    }

    #[test]
    fn order_and_comments_do_not_matter(
        keys in Just(vec![
            "id: a", "video: https://e.com/v.mp4", "audio: a.mp3", "sound_end_time: 2500", "face: only",
            "labels: {a: 1}", "priority: 3", "watermark: true", "output: x.mp4",
        ]).prop_shuffle(),
        comments in prop::collection::vec("[ -~]{0,20}", 9),
    ) {
        let mut text = String::from("jobs:\n  -\n");
        for (key, comment) in keys.iter().zip(&comments) {
            text += &format!("    {key}   # {comment}\n\n");
        }
        let asked = "jobs: [{id: a, audio: a.mp3, video: 'https://e.com/v.mp4', output: x.mp4, face: only, \
                     watermark: true, priority: 3, labels: {a: '1'}, sound_end_time: 2.5s}]";
        prop_assert_eq!(&good(&text).jobs[0].spec_hash, &good(asked).jobs[0].spec_hash);
    }
}
