//! The first real job as docs/first-job.md shows it: the commands of the page, and what they print.
//!
//! When a command prints something else, the page is written again with
//! `LIPSYNCD_UPDATE_DOCS=1 cargo test --test it uploads::first_job`.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime},
};

use lipsyncd::sim::{SimConfig, SimUnits};

use super::{
    KEYS, assert_no_links, identified, objects_of,
    server::{S3, bucket_name, s3},
};
use crate::support::daemon::{TestEnv, clip, quick};

/// A time on the page that is in the past, also for a start that trusts only old files.
const AGE: Duration = Duration::from_secs(3600);
/// The key of the account on the page, as the simulator knows it.
const ACCOUNT: [(&str, &str); 2] =
    [("KLING_ACCESS_KEY", "sim-access-key"), ("KLING_SECRET_KEY", "sim-secret-key")];

/// A shell of the person who follows the page.
struct Shell {
    env: TestEnv,
    home: PathBuf,
    folder: PathBuf,
    /// What is here, and what the page has instead.
    names: Vec<(String, &'static str)>,
}

impl Shell {
    fn new(s3: &S3, bucket: &str) -> Self {
        let env = TestEnv::new(SimConfig {
            task_ms: (2_500, 2_500),
            units_per_five_seconds: SimUnits::from_thousandths(500),
            pack_units: SimUnits::from_thousandths(1_000_000),
            ..quick()
        });
        let home = env.path("home/anna");
        fs::create_dir_all(home.join("videos")).unwrap();
        for name in ["anna.mp4", "welcome-en.mp3"] {
            let path = home.join("videos").join(name);
            fs::write(&path, clip(name)).unwrap();
            make_old(&path);
        }
        let plain = |url: &str| url.replace("http://", "");
        let (api, storage) = (env.sim.base_url().to_owned(), s3.endpoint.clone());
        let names = vec![
            (home.display().to_string(), "/home/anna"),
            (format!("{storage}/"), "https://s3.eu-west-1.amazonaws.com/"),
            (storage.clone(), "https://s3.eu-west-1.amazonaws.com"),
            (plain(&storage), "s3.eu-west-1.amazonaws.com"),
            (api.clone(), "https://api-singapore.klingai.com"),
            (plain(&api), "api-singapore.klingai.com"),
            (bucket.to_owned(), "my-dub-videos"),
            ("Simulated resource pack".to_owned(), "Resource pack 1000"),
            // What is different because the API is on this machine.
            ("not checked: the API is on this machine".to_owned(), RESULT_HOSTS),
        ];
        Self { folder: home.clone(), home, env, names }
    }

    /// Runs a command of the page, and returns what it prints, as the page has it.
    fn run(&mut self, line: &str) -> Vec<String> {
        if let Some(folder) = line.strip_prefix("cd ") {
            self.folder.push(folder);
            return Vec::new();
        }
        let program = Path::new(env!("CARGO_BIN_EXE_lipsyncd")).parent().unwrap();
        let output = Command::new("sh")
            .args(["-c", &format!("{line} 2>&1")])
            .current_dir(&self.folder)
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", program.display()))
            .env("HOME", &self.home)
            .envs(KEYS.into_iter().chain(ACCOUNT))
            .output()
            .unwrap();
        let mut text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{line}: {text}");
        for (here, shown) in &self.names {
            text = text.replace(here, shown);
        }
        text.lines().map(str::to_owned).collect()
    }

    /// Edits a file as a block of the page shows it: each line with a value replaces the line of its key.
    fn edit(&self, block: &[&str]) {
        let file = self.folder.join(block[0].trim_start_matches("# "));
        let mut text = fs::read_to_string(&file).unwrap();
        for line in &block[1..] {
            let (key, value) = line.split_once(':').unwrap();
            if value.is_empty() {
                continue;
            }
            let start = format!("{key}:");
            let found: Vec<_> = text.lines().filter(|line| line.starts_with(&start)).collect();
            let [before] = found[..] else { panic!("{start} is not once in {}", file.display()) };
            text = text.replacen(before, line, 1);
        }
        for (here, shown) in &self.names {
            text = text.replace(shown, here);
        }
        fs::write(&file, text).unwrap();
        make_old(&file);
    }
}

/// What `doctor` says where the API is not on this machine.
const RESULT_HOSTS: &str = "4 names resolved to public or allowed addresses";

fn make_old(path: &Path) {
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - AGE).unwrap();
}

/// The line without what differs from run to run: times, hashes, ids and sizes of this machine.
fn normalised(line: &str) -> String {
    let volatile = |word: &str| {
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        let is_time = word.len() >= 10 && word.starts_with("20") && digits >= 8;
        let is_clock = word.len() >= 8 && word.matches(':').count() == 2;
        let is_id = digits >= 15 || word.len() >= 32 && digits >= 6 || word.starts_with("sim-");
        is_time || is_clock || is_id
    };
    let mut words: Vec<String> = Vec::new();
    for word in line.split(' ') {
        let last = words.last().cloned().unwrap_or_default();
        let is_number = word.trim_matches([',', '(', ')']).parse::<f64>().is_ok();
        let is_measured = is_number && matches!(last.as_str(), "allowed:" | "shell:" | "in" | "");
        if matches!(word, "GiB" | "ms" | "s)" | "s):") {
            words.pop();
            words.push("N".to_owned());
        }
        words.push(match word {
            _ if last == "as" && word.ends_with(',') => "USER,".to_owned(),
            _ if volatile(word) || last == "request_id" || is_measured => "N".to_owned(),
            word => word.to_owned(),
        });
    }
    words.join(" ")
}

#[test]
fn the_page_of_the_first_job_shows_what_happens() {
    let Some(s3) = s3() else { return };
    let bucket = bucket_name("first-job");
    s3.create(&bucket);
    let mut shell = Shell::new(s3, &bucket);
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/first-job.md");
    let text = fs::read_to_string(&page).unwrap();
    let mut written = String::new();
    let mut lines = text.lines().peekable();
    let (mut expected, mut printed) = (Vec::new(), Vec::new());
    while let Some(line) = lines.next() {
        written += &format!("{line}\n");
        let is_console = line == "```console";
        if !is_console && line != "```yaml" {
            continue;
        }
        let mut block = Vec::new();
        while let Some(line) = lines.next_if(|line| *line != "```") {
            block.push(line);
        }
        if !is_console {
            shell.edit(&block);
            written += &block.iter().map(|line| format!("{line}\n")).collect::<String>();
            continue;
        }
        expected.extend(block.iter().map(|line| normalised(line)));
        for command in block.iter().filter_map(|line| line.strip_prefix("$ ")) {
            let new = [format!("$ {command}")].into_iter().chain(shell.run(command));
            for new in new {
                let known = block.iter().find(|line| normalised(line) == normalised(&new));
                written += &format!("{}\n", known.map_or(new.as_str(), |line| line));
                printed.push(normalised(&new));
            }
        }
    }
    if env::var_os("LIPSYNCD_UPDATE_DOCS").is_some() {
        fs::write(&page, &written).unwrap();
    } else {
        assert_eq!(
            expected, printed,
            "docs/first-job.md shows something else: see the first lines of this test"
        );
    }
    let ledger = shell.env.ledger();
    assert_eq!((identified(&shell.env), ledger.tasks.len()), (1, 1));
    assert!(ledger.tasks[0].video.contains("X-Amz-Signature="), "Kling got no signed link");
    objects_of(s3, &bucket, &[&clip("anna.mp4")]);
    assert_no_links(&shell.env);
}
