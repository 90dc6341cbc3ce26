//! `init` and `import`: the first steps of a new user.

use super::*;

#[test]
fn init_writes_what_a_first_run_needs_and_overwrites_nothing() {
    let env = CommandEnv::new();
    let folder = env.folder.path().join("dubs");
    let ran = env.run(&["init", "dubs"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    assert!(ran.out.contains("dubs/lipsyncd.yaml: written"), "{}", ran.out);
    let in_folder = |arguments: &[&str]| {
        let output = env.command(arguments).current_dir(&folder).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    fs::write(folder.join("jobs/audio.mp3"), "").unwrap();
    let (_, checked) = in_folder(&["check"]);
    assert!(checked.contains("first"), "{checked}");
    for file in ["jobs/first.yaml", "lipsyncd.yaml"] {
        let text = fs::read_to_string(folder.join(file)).unwrap();
        let schema = text.lines().next().unwrap().rsplit_once('=').unwrap().1;
        let schema = folder.join(file).parent().unwrap().join(schema);
        let schema: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(schema).unwrap()).unwrap();
        assert!(schema["$schema"].is_string(), "{file}");
    }
    fs::write(folder.join("jobs/first.yaml"), "mine").unwrap();
    let (code, again) = in_folder(&["init"]);
    assert_eq!(
        (code, again.matches("exists already, not changed").count()),
        (Some(0), 3),
        "{again}"
    );
    assert_eq!(fs::read_to_string(folder.join("jobs/first.yaml")).unwrap(), "mine");
    // The folder of an existing configuration is watched: nothing is put into it.
    fs::remove_file(folder.join("jobs/first.yaml")).unwrap();
    in_folder(&["init"]);
    assert!(!folder.join("jobs/first.yaml").exists());
    // What exists beside a missing configuration stays, too.
    fs::write(folder.join("jobs/first.yaml"), "mine").unwrap();
    fs::remove_file(folder.join("lipsyncd.yaml")).unwrap();
    let (code, again) = in_folder(&["init"]);
    assert!(code == Some(0) && again.contains("./lipsyncd.yaml: written"), "{again}");
    assert_eq!(fs::read_to_string(folder.join("jobs/first.yaml")).unwrap(), "mine");
}

#[test]
fn import_prints_a_manifest_or_every_error() {
    let env = CommandEnv::new();
    let jobs = env.folder.path().join("jobs");
    fs::create_dir(&jobs).unwrap();
    let table = env.folder.path().join("dubs.csv");
    let header = "id;video;audio;sound_end_time\r\n";
    let rows = "007;https://cdn.example.com/v.mp4;https://cdn.example.com/a.mp3;4s\r\n";
    fs::write(&table, format!("\u{feff}{header}{rows}")).unwrap();
    let ran = env.run(&["import", "dubs.csv"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    fs::write(jobs.join("dubs.yaml"), &ran.out).unwrap();
    let checked = env.run(&["check"]);
    assert!(checked.code == 0, "{checked:?}");
    fs::write(&table, format!("{header}{rows}{rows}")).unwrap();
    let ran = env.run(&["import", "dubs.csv"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("dubs.csv:3: column 1 (id): "), "{}", ran.err);
    let ran = env.run(&["import", "missing.csv"]);
    assert!(ran.code == 1 && ran.err.contains("missing.csv: No such file"), "{}", ran.err);
}
