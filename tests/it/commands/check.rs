//! `check` with names: it says for each what the daemon would do with it.

use std::{fs, os::unix::fs::symlink};

use super::CommandEnv;

const JOB: &str = "video: https://cdn.example.com/v.mp4\naudio: https://cdn.example.com/a.mp3\n";
const JSON: &str =
    r#"{"video": "https://cdn.example.com/w.mp4", "audio": "https://cdn.example.com/a.mp3"}"#;

/// A folder of manifests with these files.
fn env(files: &[(&str, &str)]) -> CommandEnv {
    let env = CommandEnv::new();
    let config = "state_db: state/lipsyncd.db\nwatch: { ignore: [drafts/, old/*.yaml] }\n";
    fs::write(env.folder.path().join("lipsyncd.yaml"), config).unwrap();
    for (name, text) in files {
        let path = env.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    env
}

#[test]
fn each_name_is_answered() {
    let env = env(&[
        ("jobs/good.yaml", JOB),
        ("jobs/UPPER.YAML", JOB),
        ("jobs/made.json", JSON),
        ("jobs/package.json", "{}"),
        ("jobs/.hidden.yaml", JOB),
        ("jobs/half.yaml.part", JOB),
        ("jobs/@eaDir/a.yaml", JOB),
        ("jobs/drafts/a.yaml", JOB),
        ("jobs/old/a.yaml", JOB),
        ("jobs/notes.txt", "x"),
        ("elsewhere/a.yaml", JOB),
    ]);
    let jobs = env.folder.path().join("jobs");
    symlink("good.yaml", jobs.join("link.yaml")).unwrap();
    symlink("../elsewhere", jobs.join("linked")).unwrap();
    for (name, line) in [
        ("jobs/good.yaml", "jobs/good.yaml  1 job, 1 task to pay: "),
        ("jobs/UPPER.YAML", "jobs/UPPER.YAML  1 job, 1 task"),
        ("jobs/made.json", "jobs/made.json  1 job, 1 task"),
        ("jobs/link.yaml", "jobs/link.yaml  1 job, 1 task"),
        ("elsewhere/a.yaml", "elsewhere/a.yaml  1 job, 1 task"),
        ("jobs/package.json", "jobs/package.json  ignored: a .json file is a manifest only with"),
        ("jobs/.hidden.yaml", "jobs/.hidden.yaml  ignored: its name begins with a dot"),
        ("jobs/half.yaml.part", "jobs/half.yaml.part  ignored: names that end in `.part`"),
        ("jobs/@eaDir/a.yaml", "jobs/@eaDir/a.yaml  ignored: the folder `@eaDir` belongs to"),
        ("jobs/@eaDir", "jobs/@eaDir  ignored: the folder `@eaDir` belongs to"),
        ("jobs/drafts/a.yaml", "jobs/drafts/a.yaml  ignored: watch.ignore has `drafts/`"),
        ("jobs/old/a.yaml", "jobs/old/a.yaml  ignored: watch.ignore has `old/*.yaml`"),
        ("jobs/notes.txt", "jobs/notes.txt  ignored: names of manifests end in"),
        ("jobs/linked", "jobs/linked  ignored: it is a link to a folder"),
        ("jobs/linked/a.yaml", "jobs/linked/a.yaml  ignored: it is a link to a folder"),
    ] {
        let ran = env.run(&["check", name]);
        assert!(ran.out.starts_with(line), "{name}: {ran:?}");
        assert_eq!(ran.code, 0, "{name}: {ran:?}");
    }
}

#[test]
fn near_misses_are_errors_by_name_and_warnings_in_a_folder() {
    let env = env(&[
        ("jobs/good.yaml", JOB),
        ("jobs/promo.yml.txt", JOB),
        ("jobs/a.sync-conflict-20260101-120000-ABCDEF2.yaml", JOB),
        ("elsewhere/a.yaml", JOB),
    ]);
    symlink("../elsewhere", env.folder.path().join("jobs/linked")).unwrap();
    let ran = env.run(&["check"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.out.lines().count(), 1, "{ran:?}");
    for warning in [
        "jobs/promo.yml.txt: warning: lipsyncd ignores it: its name does not end in",
        "ABCDEF2.yaml: warning: lipsyncd ignores it: it is a conflict copy of Syncthing",
        "jobs/linked: warning: lipsyncd ignores it: it is a link to a folder",
    ] {
        assert!(ran.err.contains(warning), "{warning}: {ran:?}");
    }
    assert!(ran.err.ends_with("1 job, 0 errors, 3 warnings, 0 waiting for files\n"), "{ran:?}");
    symlink("nowhere", env.folder.path().join("jobs/dangling.yaml")).unwrap();
    symlink("../elsewhere/a.yaml", env.folder.path().join("jobs/outside.yaml")).unwrap();
    for (name, why) in [
        ("jobs/promo.yml.txt", "rename it to `promo.yml`"),
        ("jobs/dangling.yaml", "jobs/dangling.yaml: it is a link to a file that does not exist"),
        ("jobs/outside.yaml", "jobs/outside.yaml: it is a link to a file outside jobs_dir"),
    ] {
        let ran = env.run(&["check", name]);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.err.contains(why), "{ran:?}");
    }
}

/// A folder with a manifest that is fine, one with errors, and one whose jobs wait.
fn mixed() -> CommandEnv {
    let waiting: String =
        (0..25).map(|n| format!("  - {{ id: j{n}, audio: a{n}.mp3 }}\n")).collect();
    let waiting =
        format!("defaults: {{ video: 'https://cdn.example.com/v.mp4' }}\njobs:\n{waiting}");
    env(&[
        ("jobs/a-bad.yaml", &format!("{JOB}vidoe: x\ntake: 0\n")),
        ("jobs/good.yaml", JOB),
        ("jobs/twin.yaml", JOB),
        ("jobs/waiting.yaml", &waiting),
    ])
}

#[test]
fn one_line_per_manifest_and_errors_last_with_their_number() {
    let env = mixed();
    let ran = env.run(&["check"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(
        lines,
        [
            "jobs/a-bad.yaml  2 errors",
            "jobs/good.yaml  1 job, 1 task to pay: unknown",
            "jobs/twin.yaml  1 job, nothing to pay",
            "jobs/waiting.yaml  25 jobs, 25 waiting for files",
        ]
    );
    let places = [
        "price: 1 task to pay: unknown",
        "1 task at Kling; 1 of them is shared",
        "waiting/j0  would wait: ",
        "waiting/j19  would wait: ",
        "\n5 jobs would wait, too; --plan shows all\n",
        "jobs/a-bad.yaml:3:1: ",
        "\n27 jobs, 2 errors, 25 waiting for files\n",
    ];
    let places =
        places.map(|words| ran.err.find(words).unwrap_or_else(|| panic!("{words}: {ran:?}")));
    assert!(places.is_sorted(), "{places:?}: {ran:?}");
    assert!(ran.err.ends_with("waiting for files\n") && !ran.err.contains("j20"), "{ran:?}");
}

#[test]
fn plan_adds_each_job() {
    let env = mixed();
    let ran = env.run(&["check", "--plan"]);
    for line in [
        "good  https://cdn.example.com/v.mp4 + https://cdn.example.com/a.mp3 → good.mp4\njobs/good.yaml  1 job, ",
        " → twin.mp4, shares the task of good\njobs/twin.yaml  1 job, nothing to pay\n",
        "\nwaiting/j24  would wait: ",
    ] {
        assert!(ran.out.contains(line), "{line}: {ran:?}");
    }
    assert!(!ran.err.contains("would wait"), "{ran:?}");
}

#[test]
fn json_has_every_manifest_and_every_error() {
    let env = mixed();
    let ran = env.run(&["check", "--json", "jobs", "jobs/.hidden.yaml.part"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""), "a path that is not there");
    fs::write(env.folder.path().join("jobs/x.part"), "").unwrap();
    let ran = env.run(&["check", "--json", "jobs", "jobs/x.part"]);
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    let json = ran.json();
    let counts =
        ["jobs", "waiting", "tasks", "shared_tasks"].map(|name| json[name].as_i64().unwrap());
    assert_eq!(counts, [27, 25, 1, 1]);
    assert_eq!(json["manifests"].as_array().unwrap().len(), 4);
    let (bad, good) = (&json["manifests"][0], &json["manifests"][1]);
    assert_eq!((&bad["path"], &bad["errors"]), (&"jobs/a-bad.yaml".into(), &2.into()), "{bad}");
    assert_eq!((&good["jobs"], &good["price"]["tasks"]), (&1.into(), &1.into()), "{good}");
    assert!(good.get("plan").is_none() && good["price"]["units"].is_null(), "{good}");
    let error = &json["errors"][0];
    assert_eq!((&error["path"], &error["line"]), (&"jobs/a-bad.yaml".into(), &3.into()), "{error}");
    assert!(
        json["errors"]
            .as_array()
            .unwrap()
            .iter()
            .any(|error| { error["message"].as_str().unwrap().contains("unknown key `vidoe`") })
    );
    assert_eq!(json["ignored"][0]["path"], "jobs/x.part");
    let json =
        env.run(&["check", "--json", "--plan", "jobs/good.yaml", "jobs/waiting.yaml"]).json();
    let plan = &json["manifests"][0]["plan"][0];
    assert!(plan["plan"].as_str().unwrap().ends_with("→ good.mp4"), "{plan}");
    let waits = &json["manifests"][1]["plan"][24];
    assert_eq!((&waits["key"], &waits["plan"]), (&"waiting/j24".into(), &serde_json::Value::Null));
    assert!(waits["waits_for"].is_string(), "{waits}");
}

#[test]
fn help_names_every_member_of_the_json() {
    let env = mixed();
    let json = env.run(&["check", "--json", "--plan"]).json();
    let help = env.run(&["check", "--help"]).out;
    let words: Vec<&str> = help.split(|c: char| !c.is_ascii_alphabetic() && c != '_').collect();
    let parts = [
        &json,
        &json["manifests"][1],
        &json["manifests"][1]["plan"][0],
        &json["errors"][0],
        &json["price"],
    ];
    for member in parts.iter().flat_map(|part| part.as_object().unwrap().keys()) {
        assert!(words.contains(&member.as_str()), "{member} is not in the help");
    }
}
