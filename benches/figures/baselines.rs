//! What the figures are compared with. Each baseline is a process of its own, so that its CPU time can be compared.

use std::{
    env,
    fmt::Write as _,
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use crate::{
    folders,
    manifests::urls,
    process::Run,
    test_env::{KEYS, TestEnv},
};

/// The word that makes this program write files.
pub const FILES_ALONE: &str = "--files-alone";
const THREADS: usize = 16;
const METADATA_BYTES: usize = 900;
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/script.py");

/// Only the files of so many results: written, synced and renamed, by this program in a process of its own.
pub fn files_alone(jobs: usize, result_bytes: u64) -> Run {
    let numbers = [jobs.to_string(), result_bytes.to_string()];
    let mut command = Command::new(env::current_exe().unwrap());
    Run::of(command.arg(FILES_ALONE).arg(folders::make("files")).args(numbers))
}

/// Does what [`files_alone`] asks for: a result and its metadata per job, and one sync of the folder at the end.
pub fn write_files(mut arguments: impl Iterator<Item = String>) {
    let mut next = || arguments.next().unwrap();
    let (folder, jobs, result_bytes) = (next(), next().parse().unwrap(), next().parse().unwrap());
    let (folder, result) = (Path::new(&folder), vec![1; result_bytes]);
    let started = AtomicUsize::new(0);
    let work = || -> io::Result<()> {
        loop {
            let job = started.fetch_add(1, Ordering::Relaxed);
            if job >= jobs {
                return Ok(());
            }
            write_file(&folder.join(format!("{job}.mp4")), &result)?;
            write_file(&folder.join(format!("{job}.json")), &[b' '; METADATA_BYTES])?;
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap().unwrap());
    });
    File::open(folder).unwrap().sync_all().unwrap();
}

fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = path.with_extension("part");
    let mut file = File::create(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&part, path)
}

/// The same jobs by a careful script, which keeps nothing durable. None without Python.
pub fn script(test_env: &TestEnv, jobs: usize, result_bytes: u64) -> Option<Run> {
    // `python3` may be a program that looks for Python first.
    let found = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output();
    let python = String::from_utf8(found.ok().filter(|it| it.status.success())?.stdout).unwrap();
    let (list, folder) = (test_env.path("jobs.csv"), test_env.path("results"));
    let lines = (0..jobs).fold(String::new(), |mut lines, job| {
        let [video, audio] = urls("batch", job);
        writeln!(lines, "j{job},{video},{audio}").unwrap();
        lines
    });
    fs::write(&list, lines).unwrap();
    fs::create_dir(&folder).unwrap();
    let mut command = Command::new(python.trim());
    command.args([SCRIPT, test_env.sim.base_url()]).args([&list, &folder]).envs(KEYS);
    let run = Run::of(&mut command);
    assert_eq!(test_env.sim.ledger().tasks.len(), jobs);
    let sizes = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().metadata().unwrap().len());
    assert_eq!(sizes.filter(|bytes| *bytes == result_bytes).count(), jobs);
    Some(run)
}

/// How long curl needs: to the end of its process, and until all is on the disk.
pub struct Curl {
    pub alone: Duration,
    pub synced: Duration,
}

/// Downloads the results of all tasks with curl, four at the same time. None without curl.
pub fn curl(test_env: &TestEnv) -> Option<Curl> {
    Command::new("curl").arg("--version").stdout(Stdio::null()).status().ok()?;
    let folder = folders::make("curl");
    let base_url = test_env.sim.base_url();
    let list = test_env.sim.ledger().tasks.iter().fold(String::new(), |mut list, task| {
        let id = &task.result_id;
        writeln!(list, "url = \"{base_url}/results/{id}.mp4\"\noutput = \"{id}.mp4\"").unwrap();
        list
    });
    fs::write(folder.join("list"), list).unwrap();
    let arguments = "--no-progress-meter --fail --parallel --parallel-max 4 --config list";
    let mut command = Command::new("curl");
    command.args(arguments.split(' ')).current_dir(&folder);
    let alone = Run::of(&mut command).took;
    let sync = Run::of(Command::new("sync").arg("-f").arg(&folder)).took;
    folders::delete(&folder);
    Some(Curl { alone, synced: alone + sync })
}
