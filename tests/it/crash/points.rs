//! Every fail point: the process ends there and is started again; each job is paid for once, and its result is complete.

use std::{collections::VecDeque, os::unix::process::ExitStatusExt as _, sync::Mutex, thread};

use lipsyncd::{
    failpoint::POINTS,
    sim::{Endpoint, Fault, FaultRule, SimConfig},
};

use super::batch::Batch;
use crate::support::{
    counts::is_full,
    daemon::{BRISK, TestEnv, quick},
};

/// Environments at the same time: a daemon mostly waits.
const THREADS: usize = 6;
const SIGKILL: i32 = 9;

/// At which hits of a point the process ends: at the first, with full counts also at later ones.
fn hits(point: &str) -> &'static [u64] {
    if !is_full() {
        return &[1];
    }
    match point {
        "store.commit" => &[1, 2, 3, 5, 8, 13, 21, 34],
        "api.create" | "create.intend" | "create.answer" => &[1, 2, 5, 8],
        "lock.write"
        | "store.make"
        | "create.intend_again"
        | "part.take_up"
        | "folder.make"
        | "delivery.record"
        | "copy.write"
        | "name.set_aside" => &[1],
        _ => &[1, 3],
    }
}

/// An environment whose batch passes every point: one create request is lost and sent again, the answer to another one
/// is lost, and a download is interrupted.
fn test_env(name: &str) -> TestEnv {
    // The list is used while several tasks run: these run long enough, also on a slow machine.
    let task_ms = if name.starts_with("api.tasks.") { (3_000, 3_000) } else { (20, 60) };
    // This account accepts a second task of the same name.
    let config =
        SimConfig { task_ms, min_result_bytes: 300_000, unique_external_ids: false, ..quick() };
    let test_env = TestEnv::new(config);
    test_env.configure_with(&BRISK, 5, "");
    for rule in [
        FaultRule { nth: 2, ..FaultRule::once(Endpoint::Create, Fault::DropRequest) },
        FaultRule { nth: 4, ..FaultRule::once(Endpoint::Create, Fault::LoseAnswer) },
        FaultRule::once(Endpoint::Download, Fault::CutBody { after_bytes: Some(150_000) }),
        // The first download is that of an audio file, which is not kept.
        FaultRule {
            matching: Some("/results/".to_owned()),
            ..FaultRule::once(Endpoint::Download, Fault::CutBody { after_bytes: Some(150_000) })
        },
    ] {
        test_env.sim.control(|sim| sim.add_fault(rule));
    }
    test_env
}

/// Ends the process at that hit, if there is one, and then completes the batch. Returns whether the process ended there.
fn end_at(name: &str) -> bool {
    let mut test_env = test_env(name);
    let batch = Batch::fill(&test_env, 1);
    test_env.spawn_with(&["run", "--once"], &[("LIPSYNCD_FAILPOINT", name)]);
    let status = test_env.wait_until_ended();
    let died = status.signal() == Some(SIGKILL);
    assert!(died || status.success(), "{name}: {status}\n{}", test_env.log());
    test_env.spawn_with(&["run", "--once"], &[]);
    let status = test_env.wait_until_ended();
    assert!(status.success(), "{name}: {status}\n{}", test_env.log());
    assert!(batch.all_succeeded(&test_env), "{name}: {:?}", test_env.states());
    batch.assert_delivered(&test_env, 3);
    died
}

#[test]
fn process_ended_at_every_fail_point_continues_and_pays_nothing_twice() {
    let mut cases = VecDeque::new();
    for point in POINTS {
        for nth in hits(point) {
            cases.extend(["before", "after"].map(|side| (format!("{point}.{side}:{nth}"), *nth)));
        }
    }
    let all = cases.len();
    let cases = Mutex::new(cases);
    let deaths = Mutex::new(0_usize);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let next = cases.lock().unwrap().pop_front();
                    let Some((name, nth)) = next else { return };
                    let died = end_at(&name);
                    assert!(died || nth > 1, "{name} was not hit");
                    *deaths.lock().unwrap() += usize::from(died);
                }
            });
        }
    });
    println!(
        "fail points {}, runs {all}, deaths {}",
        2 * POINTS.len(),
        deaths.into_inner().unwrap()
    );
}
