//! ENOSPC and EIO at every call that changes the state database or the output folder: whatever fails,
//! each job is paid for once and delivered whole, and nothing is sent that is not written down.
//!
//! Of each kind of call the first fails, with `LIPSYNCD_TESTS=full` also the last and some between. Every single call fails
//! with `LIPSYNCD_FAULTS=all cargo test --test it storage::faults -- --nocapture`.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    env, fs, panic,
    sync::Mutex,
    thread,
};

use rusqlite::{Connection, config::DbConfig};

use super::shim::{DiskTestEnv, JOBS, Kind, TASKS};
use crate::support::counts::is_full;

/// Houses at once: a daemon mostly waits.
const THREADS: usize = 8;
const ENOSPC: i32 = 28;
const EIO: i32 = 5;
/// So many calls in a row fail where the disk stays in trouble.
const SPAN: usize = 5;
/// Of so many calls of a kind, one fails, where not all do.
const STRIDE: usize = 40;
/// The log is brought back into the database once it has 4000 pages.
const LOG_PAGES_ALMOST: u64 = 3_985;
/// A page in the log, with its head.
const LOG_PAGE_BYTES: u64 = 4096 + 24;
/// The kinds of files that belong to the state database.
const OF_THE_DATABASE: [&str; 5] = ["db", "wal", "shm", "journal", "lock"];
/// So often a daemon is started until all is done.
const STARTS_MAX: usize = 4;

/// Which database a run begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Begin {
    /// None: it is made.
    Fresh,
    /// One whose log is about to be brought back into it.
    LogAlmostFull,
    /// That of a daemon which was killed when it had sent both creates, and knew of one answer.
    Sent,
}

/// The calls that fail.
#[derive(Debug, Clone)]
struct Case {
    begin: Begin,
    kind: Kind,
    first: usize,
    count: usize,
    errno: i32,
}

/// What came of it.
struct End {
    /// What the runs said last that did not end with all done.
    last_words: Vec<String>,
    failed: BTreeSet<Kind>,
}

/// A database that was used before: made by the daemon, with a log that is filled up.
struct Used(tempfile::TempDir);

impl Used {
    fn make() -> Self {
        let mut disk = DiskTestEnv::new();
        fs::remove_file(disk.test_env.path("jobs/m.yaml")).unwrap();
        assert_eq!(disk.run_once(&[]).0, Some(0));
        let database = Connection::open(disk.test_env.path("lipsyncd.db")).unwrap();
        database.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
        database.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
        let log = disk.test_env.path("lipsyncd.db-wal");
        database.pragma_update(None, "synchronous", "OFF").unwrap();
        // What does not change is not written.
        let mut limits = [4, 5].into_iter().cycle();
        while fs::metadata(&log).unwrap().len() < LOG_PAGES_ALMOST * LOG_PAGE_BYTES {
            database.execute("UPDATE daemon_state SET slots_limit = ?1", [limits.next()]).unwrap();
        }
        drop(database);
        let folder = tempfile::tempdir().unwrap();
        for name in ["lipsyncd.db", "lipsyncd.db-wal"] {
            fs::copy(disk.test_env.path(name), folder.path().join(name)).unwrap();
        }
        Self(folder)
    }

    fn test_env(&self, begin: Begin) -> DiskTestEnv {
        let mut disk = DiskTestEnv::new();
        match begin {
            Begin::Fresh => {}
            Begin::LogAlmostFull => {
                for name in ["lipsyncd.db", "lipsyncd.db-wal"] {
                    fs::copy(self.0.path().join(name), disk.test_env.path(name)).unwrap();
                }
            }
            Begin::Sent => {
                let point = ("LIPSYNCD_FAILPOINT", "create.answer.before:2");
                assert_eq!(disk.run_once(&[point]).0, None, "{}", disk.test_env.log());
                fs::remove_file(disk.test_env.path("calls")).unwrap();
            }
        }
        disk
    }
}

/// How often each kind of call is made while nothing fails.
fn undisturbed(used: &Used, begin: Begin) -> BTreeMap<Kind, usize> {
    let mut disk = used.test_env(begin);
    let (code, said) = disk.run_once(&[]);
    assert_eq!(code, Some(0), "{said}");
    disk.calls().into_iter().map(|(kind, (count, _))| (kind, count)).collect()
}

/// Which of the calls fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// The first of each kind.
    Quick,
    /// The first and the last of each kind, and some between.
    Full,
    /// Every one.
    All,
}

impl Extent {
    fn get() -> Self {
        match env::var("LIPSYNCD_FAULTS").as_deref() {
            Ok("all") => Self::All,
            _ if is_full() => Self::Full,
            _ => Self::Quick,
        }
    }

    fn includes(self, n: usize, count: usize) -> bool {
        match self {
            Self::Quick => n == 1,
            Self::Full => n == 1 || n == count || n.is_multiple_of(STRIDE),
            Self::All => true,
        }
    }

    /// Between two calls at which the disk begins to fail for a while.
    fn stride(self) -> usize {
        match self {
            Self::Quick => 4 * STRIDE,
            Self::Full => STRIDE,
            Self::All => 4,
        }
    }
}

fn cases(begin: Begin, calls: &BTreeMap<Kind, usize>, extent: Extent) -> Vec<Case> {
    let mut cases = Vec::new();
    for (index, (kind, &count)) in calls.iter().enumerate() {
        // How results are written does not go by the database.
        if begin != Begin::Fresh && !OF_THE_DATABASE.contains(&kind.1.as_str()) {
            continue;
        }
        for first in (1..=count).filter(|n| extent.includes(*n, count)) {
            let errnos = [ENOSPC, EIO];
            let chosen = match extent {
                Extent::Quick => &errnos[index % 2..][..1],
                Extent::Full if first > 1 => &errnos[first % 2..][..1],
                Extent::Full | Extent::All => &errnos[..],
            };
            let case = |errno| Case { begin, kind: kind.clone(), first, count: 1, errno };
            cases.extend(chosen.iter().copied().map(case));
        }
    }
    let any = ("any".to_owned(), "any".to_owned());
    let sum: usize = calls.values().sum();
    let firsts = (1..=sum).step_by(extent.stride());
    for (first, errno) in firsts.zip([ENOSPC, EIO].into_iter().cycle()) {
        cases.push(Case { begin, kind: any.clone(), first, count: SPAN, errno });
    }
    cases
}

/// Works all off while the disk fails, and looks at what is left.
fn endure(used: &Used, case: &Case) -> End {
    let mut disk = used.test_env(case.begin);
    let Case { kind: (call, class), first, count, errno, .. } = case;
    let fail = format!("{first} {count} {errno} {call} {class}");
    let mut more = vec![("SHIM_FAIL", fail.as_str())];
    let mut last_words = Vec::new();
    loop {
        let (code, said) = disk.run_once(&more);
        match code {
            Some(0) => break,
            // It could not start, or not read what it left undone, and says why.
            Some(3) => {
                assert!(said.contains("error: "), "no word of why:\n{said}");
                let began = said.contains(" started: ") && !said.contains("INFO stopped");
                assert!(!began, "it gave up at work:\n{said}");
            }
            // A single run leaves a download alone that failed too often in a row.
            Some(1) => assert!(!said.contains("failed;"), "{said}"),
            code => panic!("exit code {code:?}:\n{said}"),
        }
        last_words.push(format!("{code:?} {}", said.lines().last().unwrap_or_default()));
        assert!(last_words.len() < STARTS_MAX, "no end:\n{}", disk.test_env.log());
        more.clear();
    }
    assert_done(&disk);
    let failed = disk.calls().into_iter().filter(|(_, (_, failed))| *failed > 0);
    End { last_words, failed: failed.map(|(kind, _)| kind).collect() }
}

fn assert_done(disk: &DiskTestEnv) {
    let test_env = &disk.test_env;
    let states = test_env.states();
    let succeeded = states.iter().filter(|(_, state)| state == "succeeded").count();
    assert_eq!((states.len(), succeeded), (JOBS, JOBS), "{states:?}\n{}", test_env.log());
    assert_eq!(test_env.ledger().tasks.len(), TASKS, "{}", test_env.log());
    test_env.assert_paid_once();
    test_env.assert_integrity();
    for name in ["m/a.mp4", "m/a.watermark.mp4", "m/b.mp4", "m/c.mp4"] {
        test_env.assert_complete(name);
    }
    assert_eq!(test_env.hidden("output/m"), [""; 0], "nothing is left beside the results");
    assert!(disk.names_last(), "a result's name was not synced");
    assert!(disk.synced_before_named(), "a file got its name before it was synced");
    let creates = disk.creates();
    assert!(creates.len() >= TASKS && creates.iter().all(|(written, _)| *written), "{creates:?}");
}

#[test]
fn whatever_call_fails_each_job_is_paid_for_once_and_delivered() {
    let extent = Extent::get();
    let used = Used::make();
    let begins = [Begin::Fresh, Begin::LogAlmostFull, Begin::Sent];
    let calls: BTreeMap<_, _> =
        begins.into_iter().map(|begin| (begin, undisturbed(&used, begin))).collect();
    let cases: VecDeque<Case> =
        calls.iter().flat_map(|(begin, calls)| cases(*begin, calls, extent)).collect();
    let runs = cases.len();
    for (begin, calls) in &calls {
        let sum: usize = calls.values().sum();
        println!("{begin:?}: {sum} calls of {} kinds: {calls:?}", calls.len());
    }
    println!("runs {runs}");
    let cases = Mutex::new(cases);
    let ends = Mutex::new(Vec::new());
    let faults = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let next = cases.lock().unwrap().pop_front();
                    let Some(case) = next else { return };
                    match panic::catch_unwind(|| endure(&used, &case)) {
                        Ok(end) => {
                            let mut ends = ends.lock().unwrap();
                            ends.push((case, end));
                            if ends.len() % 100 == 0 {
                                println!("{} runs done", ends.len());
                            }
                        }
                        Err(_) => faults.lock().unwrap().push(case),
                    }
                }
            });
        }
    });
    let (ends, faults) = (ends.into_inner().unwrap(), faults.into_inner().unwrap());
    let failed = ends.iter().filter(|(_, end)| !end.failed.is_empty()).count();
    let again = ends.iter().filter(|(_, end)| !end.last_words.is_empty()).count();
    for (case, end) in
        ends.iter().filter(|(_, end)| extent == Extent::All && !end.last_words.is_empty())
    {
        println!("{case:?}: {:?}", end.last_words);
    }
    println!(
        "runs {runs}, of which a call failed in {failed}, started again after {again}; in vain {}",
        faults.len()
    );
    assert!(faults.is_empty(), "{faults:#?}");
    let tried: BTreeSet<&Kind> = ends.iter().flat_map(|(_, end)| &end.failed).collect();
    let untried: BTreeSet<&Kind> =
        calls.values().flat_map(BTreeMap::keys).filter(|kind| !tried.contains(kind)).collect();
    assert!(untried.is_empty(), "these never failed: {untried:?}");
}
