//! What a process costs: time, CPU time and memory, measured from outside.

use std::{
    fs,
    process::{Child, Command},
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

/// Nothing that is measured takes longer.
pub const DEADLINE: Duration = Duration::from_secs(600);
/// `/proc` counts in these.
const TICKS_A_SECOND: f64 = 100.0;

/// The costs of a process from its start to its end.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    pub took: Duration,
    pub cpu: Duration,
}

impl Run {
    /// Runs a program that must succeed.
    pub fn of(command: &mut Command) -> Self {
        let began = Instant::now();
        let cpu = end(command.spawn().unwrap()).unwrap_or_else(|why| panic!("{command:?}: {why}"));
        Self { took: began.elapsed(), cpu }
    }

    /// Returns how many of `jobs` were done in a second.
    pub fn per_second(&self, jobs: usize) -> f64 {
        jobs as f64 / self.took.as_secs_f64()
    }

    pub fn cpu_ms_per(&self, jobs: usize) -> f64 {
        self.cpu.as_secs_f64() * 1e3 / jobs as f64
    }
}

/// Waits for a process that must succeed. Returns its CPU time.
pub fn end(mut process: Child) -> Result<Duration, String> {
    let began = Instant::now();
    let id = WaitId::Pid(Pid::from_child(&process));
    // The process stays in `/proc` until it is waited for.
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    while waitid(id.clone(), options).unwrap().is_none() {
        if began.elapsed() > DEADLINE {
            let _ = process.kill();
            let _ = process.wait();
            return Err("it does not end".to_owned());
        }
        sleep(Duration::from_millis(2));
    }
    let used = cpu_time(process.id());
    let status = process.wait().unwrap();
    if status.success() { Ok(used) } else { Err(status.to_string()) }
}

/// Returns the CPU time that a process has used, in all its threads.
pub fn cpu_time(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name, in parentheses, may hold spaces; user and system time are fields 14 and 15.
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let field = |place: usize| -> f64 { fields.split(' ').nth(place).unwrap().parse().unwrap() };
    Duration::from_secs_f64((field(11) + field(12)) / TICKS_A_SECOND)
}

/// Returns the most memory that a process has had, in MB.
pub fn memory_peak_mb(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    kib * 1_024.0 / 1e6
}
