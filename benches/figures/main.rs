//! The figures that README quotes, measured: `cargo bench`.
//!
//! `cargo bench -- --short` measures less of each, and fails when half of a figure is lost: machines
//! are noisy. A word after `--` measures only the figures that it names.

#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "nothing here is public, or has to go on; figures are for people"
)]

mod figure;
mod folder;
mod house;
mod long_tasks;
mod overhead;
mod queue;
mod slots;

use std::{env, process::ExitCode, time::Duration};

use figure::Figure;
use queue::Queue;

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    let short = words.iter().any(|word| word == "--short");
    let chosen: Vec<&String> = words.iter().filter(|word| !word.starts_with("--")).collect();
    let wants = |name: &str| chosen.is_empty() || chosen.iter().any(|word| *word == name);
    let mut figures: Vec<Figure> = Vec::new();
    if wants("slots") {
        figures.extend(slots::measure());
    }
    if wants("long") {
        figures
            .extend([5, 50].map(|slots| long_tasks::measure(slots, if short { 25 } else { 100 })));
    }
    if wants("overhead") {
        figures.extend(overhead::measure(3_000));
    }
    if wants("queue") {
        let queue = Queue::measure(100_000, Duration::from_secs(if short { 5 } else { 62 }));
        figures.extend(queue.figures("100,000 jobs", 40.0));
    }
    if wants("million") && !short {
        let queue = Queue::measure(1_000_000, Duration::from_secs(62));
        figures.extend(queue.figures("1,000,000 jobs", 60.0));
    }
    if wants("folder") {
        figures.push(folder::measure(if short { 10_000 } else { 100_000 }));
    }
    println!("{}", figure::HEAD);
    for figure in &figures {
        println!("{figure}");
    }
    if short && figures.iter().any(|figure| !figure.is_half_reached()) {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
