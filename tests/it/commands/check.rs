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
        ("jobs/good.yaml", "good  https://"),
        ("jobs/UPPER.YAML", "UPPER  https://"),
        ("jobs/made.json", "made  https://"),
        ("jobs/link.yaml", "link  https://"),
        ("elsewhere/a.yaml", "a  https://"),
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
    assert_eq!(ran.out.lines().count(), 2, "{ran:?}");
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
