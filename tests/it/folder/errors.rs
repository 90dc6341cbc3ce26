//! Manifests with all kinds of errors: each is reported clearly, and others are not affected.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt as _, fs::symlink},
    path::Path,
    process::Command,
};

use crate::support::daemon::{JOB, TestEnv, quick};

/// Limit of the daemon's peak memory.
const MEMORY_KIB_MAX: u64 = 100 * 1024;

/// File name, content, and a text that the refusal must contain.
fn bad() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let video = "video: https://cdn.example.com/v.mp4\n";
    let audio = "audio: https://cdn.example.com/a.mp3\n";
    let job = |more: &str| format!("{video}{audio}{more}").into_bytes();
    let utf16: Vec<u8> =
        [0xfeff_u16].into_iter().chain(JOB.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let mut bomb = "a0: &a0 [x, x]\n".to_owned();
    for level in 1..60 {
        let below = level - 1;
        bomb += &format!("a{level}: &a{level} [*a{below}, *a{below}, *a{below}, *a{below}]\n");
    }
    let many: String = (0..10_000).map(|n| format!("nonsense{n}: {n}\n")).collect();
    let comment = [b"# ".as_slice(), &vec![b'x'; 60 << 20]].concat();
    vec![
        ("broken.yaml", b"video: [\naudio: }\n".to_vec(), "broken.yaml:"),
        ("unknown-key.yaml", job("sound_volum: 1\n"), "did you mean `sound_volume`"),
        ("both-sources.yaml", format!("{audio}video: {{ url: \"https://h/v.mp4\", id: \"1\" }}\n").into(), "url"),
        ("no-audio.yaml", video.into(), "audio"),
        ("volume.yaml", job("sound_volume: 2.1\n"), "sound_volume"),
        ("crop.yaml", job("sound_start_time: 3s\nsound_end_time: 4s\n"), "2 s"),
        ("priority.yaml", job("priority: 101\n"), "priority"),
        ("output-up.yaml", job("output: ../x.mp4\n"), "output"),
        ("output-absolute.yaml", job("output: /etc/x.mp4\n"), "output"),
        ("id-up.yaml", b"jobs: [{ id: ../x, video: \"https://h/v.mp4\", audio: \"https://h/a.mp3\" }]\n".to_vec(), "id"),
        ("passwd.yaml", format!("{video}audio: {{ file: /etc/passwd }}\n").into(), "passwd"),
        ("linked-audio.yaml", format!("{video}audio: out.mp3\n").into(), "outside the allowed folders"),
        ("bomb.yaml", bomb.into(), "bomb.yaml"),
        ("deep.yaml", format!("{video}audio: {}\n", "[".repeat(100_000)).into(), "deep.yaml:"),
        ("huge.yaml", comment, "8 MiB"),
        ("empty.yaml", Vec::new(), "empty"),
        ("nul.yaml", b"video: a\0b\n\0".to_vec(), "nul.yaml:"),
        ("utf16.yaml", utf16, "UTF-16"),
        ("latin1.yaml", b"# caf\xe9\nvideo: x\n".to_vec(), "UTF-8"),
        ("twice-key.yaml", job(audio), "audio"),
        ("twice-id.yaml", b"defaults: { video: \"https://h/v.mp4\", audio: \"https://h/a.mp3\", sound_end_time: 4s }\njobs: [{ id: a }, { id: a }]\n".to_vec(), "two jobs have the `id`"),
        ("two-documents.yaml", format!("{JOB}---\n{JOB}").into(), "document"),
        ("list.yaml", b"- 1\n- 2\n".to_vec(), "list.yaml:1:1"),
        ("scalar.yaml", b"hello\n".to_vec(), "scalar.yaml:1:1"),
        ("wrong-type.yaml", job("watermark: [1]\nlabels: 7\n"), "labels"),
        ("nan.yaml", job("sound_volume: .nan\n"), "sound_volume"),
        ("number.yaml", job("sound_insert_time: 99999999999999999999999999\n"), "sound_insert_time"),
        ("many-faults.yaml", job(&many), "more"),
        ("escape.yaml", b"video: \"https://h/\\e[31mred.mp4\"\naudio: https://h/a.mp3\n".to_vec(), "escape.yaml:1"),
        ("escape-key.yaml", job("\"\\e]0;title\\a\": 1\n"), "escape-key.yaml:3"),
        ("url.yaml", format!("{audio}video: ftp://h/v.mp4\n").into(), "url.yaml:2"),
        ("not-before.yaml", job("not_before: tomorrow\n"), "not_before"),
        ("face.yaml", job("face: prettiest\n"), "face"),
        ("no-jobs.yaml", b"jobs: []\n".to_vec(), "empty list"),
    ]
}

/// Files that are wrong themselves: name, and a text that the refusal must contain.
fn odd(jobs: &Path) -> Vec<(String, &'static str)> {
    assert!(Command::new("mkfifo").arg(jobs.join("fifo.yaml")).status().unwrap().success());
    symlink("/dev/zero", jobs.join("zero.yaml")).unwrap();
    symlink("nowhere.yaml", jobs.join("dangling.yaml")).unwrap();
    symlink("/etc/hostname", jobs.join("out.yaml")).unwrap();
    symlink("loop.yaml", jobs.join("loop.yaml")).unwrap();
    fs::write(jobs.join(OsStr::from_bytes(b"caf\xe9.yaml")), JOB).unwrap();
    fs::write(jobs.join("red \u{1b}[31m name.yaml"), "nonsense: 1\n").unwrap();
    [
        ("fifo.yaml", "a pipe"),
        ("zero.yaml", "device"),
        ("dangling.yaml", "a file that does not exist"),
        ("out.yaml", "outside jobs_dir"),
        ("loop.yaml", "loop.yaml: "),
        ("caf\u{fffd}.yaml", "not UTF-8"),
        ("red \u{1b}[31m name.yaml", "control character"),
    ]
    .map(|(name, word)| (name.to_owned(), word))
    .into()
}

fn memory_kib_max(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn each_bad_manifest_is_refused_and_the_good_ones_succeed() {
    let mut test_env = TestEnv::new(quick());
    let jobs = test_env.path("jobs");
    symlink("/etc/hostname", jobs.join("out.mp3")).unwrap();
    assert!(Command::new("mkfifo").arg(jobs.join("fifo.mp3")).status().unwrap().success());
    let bad = bad();
    for (name, content, _) in &bad {
        fs::write(jobs.join(name), content).unwrap();
    }
    let mut words: Vec<(String, &str)> =
        bad.iter().map(|(name, _, word)| ((*name).to_owned(), *word)).collect();
    words.extend(odd(&jobs));
    test_env.drop_in("good.yaml", JOB);
    test_env.drop_in("clash.yaml", JOB);
    test_env.drop_in("clash.yml", JOB);
    words.push(("clash.yml".to_owned(), "job clash"));
    test_env.drop_in("folder.yaml/good.yaml", JOB);
    let audio_from_a_fifo = "video: https://cdn.example.com/v.mp4\naudio: fifo.mp3\n";
    test_env.drop_in("fifo-audio.yaml", audio_from_a_fifo);
    let labels = format!("{JOB}labels: {{ \"\\e[31m\": \"\\e[0m\" }}\n");
    test_env.drop_in("escape-labels.yaml", labels);

    // `check` reports the same errors first, each with its position.
    let checked = test_env.run(&["check"]);
    assert_eq!(checked.code, Some(1));
    assert!(!checked.err.contains('\u{1b}') && !checked.out.contains('\u{1b}'), "{checked:?}");
    for (name, _, _) in &bad {
        let place = format!("{name}:");
        assert!(checked.err.contains(&place), "{name}: {}", checked.err);
    }
    assert!(checked.out.contains("jobs/good.yaml  1 job"), "{checked:?}");

    test_env.spawn();
    for key in ["good", "clash", "folder.yaml/good"] {
        test_env.until_state(key, "succeeded");
    }
    for (name, word) in &words {
        test_env
            .until(&format!("{name:?} to be refused"), |test_env| test_env.refusal(name).is_some());
        let refusal = test_env.refusal(name).unwrap();
        assert!(refusal.contains(word), "{name:?} lacks {word:?}: {refusal}");
        assert!(refusal.len() < 50_000, "{name:?}: {} bytes", refusal.len());
    }
    let job = test_env.until_state("fifo-audio", "failed");
    assert!(job.error.contains("fifo.mp3") && job.error.contains("FIFO"), "{job:?}");
    test_env.until("the labels to be judged", |test_env| {
        test_env.refusal("escape-labels.yaml").is_some()
            || test_env.state("escape-labels") == "succeeded"
    });
    let log = test_env.log();
    assert!(!log.contains('\u{1b}'), "controls in the log");
    for (name, _) in words.iter().filter(|(name, _)| name.is_ascii() && !name.contains(' ')) {
        assert!(log.contains(&format!("refused: {name}")), "{name} is not in the log");
    }
    let memory_kib = memory_kib_max(test_env.pid());
    assert!(memory_kib < MEMORY_KIB_MAX, "{memory_kib} KiB");
    let shown = test_env.run(&["status"]);
    assert!(!shown.out.contains('\u{1b}'), "{shown:?}");
}
