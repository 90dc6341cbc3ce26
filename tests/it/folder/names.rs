//! Which names in the folder are manifests, which are ignored, and which are reported.

use std::{fs, os::unix::fs::symlink};

use crate::support::daemon::{JOB, TestEnv, job_of, quick};

fn json_of(name: &str) -> String {
    format!(
        r#"{{"video": "https://cdn.example.com/{name}.mp4?duration_ms=9000",
            "audio": "https://cdn.example.com/a.mp3?duration_ms=5000", "sound_end_time": 4000}}"#
    )
}

#[test]
fn names_decide_what_is_read() {
    let mut test_env = TestEnv::new(quick());
    test_env.change_config("rescan_interval: 500ms", "rescan_interval: 500ms, ignore: [drafts]");
    for (name, text) in [
        ("UPPER.YAML", job_of("upper")),
        ("made.json", json_of("made")),
        ("package.json", r#"{"name": "x"}"#.to_owned()),
        ("result.json", json_of("result").replace('{', r#"{"format": "lipsyncd-result", "#)),
        ("copy (1).yaml", job_of("copy")),
        (".hidden.yaml", JOB.to_owned()),
        ("unfinished.yaml.part", JOB.to_owned()),
        ("#recycle/a.yaml", JOB.to_owned()),
        ("$RECYCLE.BIN/a.yaml", JOB.to_owned()),
        ("_gsdata_/a.yaml", JOB.to_owned()),
        ("sub/drafts/a.yaml", JOB.to_owned()),
        ("promo.yml.txt", JOB.to_owned()),
        ("a (Anna's conflicted copy 2026-01-02).yaml", JOB.to_owned()),
    ] {
        test_env.drop_in_old(name, text);
    }
    fs::create_dir(test_env.path("elsewhere")).unwrap();
    fs::write(test_env.path("elsewhere/a.yaml"), JOB).unwrap();
    symlink("../elsewhere", test_env.path("jobs/linked")).unwrap();
    test_env.start();
    for key in ["UPPER", "made", "copy (1)"] {
        test_env.until_state(key, "succeeded");
    }
    test_env.until_scanned_again("later");
    test_env.until_two_more_scans();
    let keys: Vec<String> = test_env.states().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["UPPER", "copy (1)", "later-one", "later-two", "made"]);
    for said in [
        "promo.yml.txt in jobs_dir is ignored: its name does not end in",
        "2026-01-02).yaml in jobs_dir is ignored: it is a conflict copy of Dropbox or Nextcloud",
        "linked in jobs_dir is ignored: it is a link to a folder",
    ] {
        assert_eq!(test_env.log().matches(said).count(), 1, "{said}\n{}", test_env.log());
    }
    assert!(!test_env.log().contains("refused"), "{}", test_env.log());
}

#[test]
fn json_file_becomes_a_manifest_and_stops_being_one() {
    let mut test_env = TestEnv::new(quick());
    test_env.start();
    test_env.drop_in("x.json", "{}");
    test_env.until_scanned_again("one");
    test_env.drop_in("x.json", json_of("x"));
    test_env.until_state("x", "succeeded");
    test_env.drop_in("x.json", r#"{"video": "only"}"#);
    test_env.until("it to leave", |test_env| {
        test_env.log().contains("x.json: no longer in jobs_dir, with 1 job")
    });
    test_env.drop_in("x.json", r#"{"video": 1, "audio": 2}"#);
    test_env.until("its errors", |test_env| test_env.refusal("x.json").is_some());
    assert_eq!(test_env.ledger().tasks.len(), 1);
    test_env.drop_in("x.json", json_of("x"));
    test_env.until("it to be accepted", |test_env| test_env.is_accepted("x.json"));
    assert_eq!((test_env.state("x").as_str(), test_env.ledger().tasks.len()), ("succeeded", 1));
}

#[test]
fn names_that_differ_in_their_ending_only_are_one_key() {
    let mut test_env = TestEnv::new(quick());
    test_env.drop_in_old("x.yaml", job_of("x"));
    test_env.start();
    test_env.until_state("x", "succeeded");
    test_env.drop_in("x.JSON", json_of("y"));
    test_env.until("the second to be refused", |test_env| test_env.refusal("x.JSON").is_some());
    assert_eq!(test_env.ledger().tasks.len(), 1);
}
