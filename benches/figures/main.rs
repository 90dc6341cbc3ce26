//! Measures the performance figures that the docs quote: `cargo bench`.
//!
//! `cargo bench -- --short` measures less of each, and fails only when a figure is worse by half, because machines
//! are noisy. Names after `--` select figures: `slots`, `long`, `overhead`, `growth`, `pages`. With the environment variable
//! KEEP, the folders of the measurements are made in that folder, and stay.

#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "nothing here is public; a failed bench may panic; figures are for people"
)]

mod figure;
mod folder;
mod folders;
mod growth;
mod history;
mod long_tasks;
mod overhead;
mod pages;
mod queue;
mod slots;
mod test_env;

use std::{env, process::ExitCode, time::Duration};

use figure::Figure;
use folders::Folders;
use history::History;
use queue::Queue;

/// How long an idle daemon is measured with `--short`.
const SHORT_IDLE: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let _folders = Folders;
    let words: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    let short = words.iter().any(|word| word == "--short");
    let chosen: Vec<&String> = words.iter().filter(|word| !word.starts_with("--")).collect();
    let wants = |name: &str| chosen.is_empty() || chosen.iter().any(|word| *word == name);
    let (mut figures, mut growth): (Vec<Figure>, String) = (Vec::new(), String::new());
    // First, because some file systems create files slowly after many files were deleted.
    if wants("overhead") {
        figures.extend(overhead::measure(3_000));
    }
    if wants("slots") {
        figures.extend(slots::measure());
    }
    if wants("long") {
        let rounds = if short { 25 } else { 100 };
        figures.extend([5, 50].map(|slots| long_tasks::measure(slots, rounds)));
    }
    if short && wants("growth") {
        let (queue, test_env) = Queue::measure(20_000, SHORT_IDLE);
        figures.push(queue.acceptance("20,000"));
        figures.extend(queue.figures("20,000", 40.0));
        figures.extend(History::measure(test_env, 20_000).figures("20,000"));
        figures.push(folder::figure(10_000, folder::rescan_ms(10_000)));
    } else if wants("growth") {
        let (of_growth, table) = growth::measure(1_000_000);
        figures.extend(of_growth);
        growth = table;
    }
    if wants("pages") {
        let sizes: &[usize] = if short { &[20_000] } else { &[1_000, 100_000, 1_000_000] };
        let (of_pages, table) = pages::measure(sizes);
        figures.extend(of_pages);
        growth += &table;
    }
    println!("{}", figure::HEAD);
    for figure in &figures {
        println!("{figure}");
    }
    println!("\n{growth}");
    if short && figures.iter().any(|figure| !figure.is_half_reached()) {
        println!("a figure is worse by more than half");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
