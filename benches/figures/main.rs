//! Measures the performance figures that the docs quote, and the baselines that they are compared with: `cargo bench`.
//!
//! `cargo bench -- --short` measures less of each, and fails when a figure is worse than half of what is wanted or
//! known, because machines are noisy. Names after `--` select figures ([`NAMES`]); a number is the largest size of
//! `growth`. With the environment variable KEEP, the folders of the measurements are made in that folder, and stay.

#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "nothing here is public; a failed bench may panic; figures are for people"
)]

mod baselines;
mod big_files;
mod busy;
mod calls;
mod figure;
mod folder;
mod folders;
mod growth;
mod history;
mod long_tasks;
mod manifests;
mod overhead;
mod pages;
mod process;
mod queue;
mod samples;
mod simulated;
mod slots;
mod test_env;

use std::{env, process::ExitCode};

use figure::Figure;
use folders::Folders;

/// The words that select measurements.
const NAMES: [&str; 7] = ["overhead", "slots", "long", "busy", "big", "folder", "growth"];
const SHORT: &str = "--short";

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1).peekable();
    if arguments.next_if(|word| word == baselines::FILES_ALONE).is_some() {
        baselines::write_files(arguments);
        return ExitCode::SUCCESS;
    }
    let _folders = Folders;
    let words: Vec<String> = arguments.filter(|word| word != "--bench").collect();
    // A typing error must not look like figures that are all good.
    if let Some(word) = words.iter().find(|word| !is_known(word)) {
        eprintln!("unknown word `{word}`: use {SHORT}, a number, or {}", NAMES.join(", "));
        return ExitCode::from(2);
    }
    let short = words.iter().any(|word| word == SHORT);
    let (figures, growth) = measure(short, &words);
    // Ratios do not depend on the machine as much.
    let (ratios, others): (Vec<_>, Vec<_>) = figures.iter().partition(|figure| figure.is_ratio());
    println!("{}", figure::HEAD);
    ratios.iter().chain(&others).for_each(|figure| println!("{figure}"));
    println!("\n{growth}");
    if short && figures.iter().any(|figure| !figure.is_half_reached()) {
        println!("a figure is worse than half of what is wanted or known, or was not measured");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn is_known(word: &str) -> bool {
    word == SHORT || NAMES.contains(&word) || is_size(word)
}

/// The largest size of `growth`.
fn is_size(word: &str) -> bool {
    word.parse::<usize>().is_ok()
}

/// Returns the figures, and the table of growth.
fn measure(short: bool, words: &[String]) -> (Vec<Figure>, String) {
    let most = words.iter().find_map(|word| word.parse().ok()).unwrap_or(usize::MAX);
    let names: Vec<&String> = words.iter().filter(|word| NAMES.contains(&word.as_str())).collect();
    let wants = |name: &str| names.is_empty() || names.iter().any(|word| *word == name);
    // How often, or how many, with `--short` and without.
    let times = |in_short: usize, in_full: usize| if short { in_short } else { in_full };
    let (mut figures, mut growth) = (Vec::new(), String::new());
    // Shows progress: all this takes long.
    let mut add = |measured: Vec<Figure>| {
        measured.iter().for_each(|figure| eprintln!("{figure}"));
        figures.extend(measured);
    };
    // First, because some file systems create files slowly after many files were deleted.
    if wants("overhead") {
        add(overhead::measure(times(3, 5)));
    }
    if wants("slots") {
        add(slots::measure(times(1, 5)));
    }
    if wants("long") {
        for slots in [5, 50] {
            add(long_tasks::measure(slots, times(25, 100)).into());
        }
    }
    if wants("busy") {
        add(vec![busy::measure(times(1, 5))]);
    }
    if wants("big") {
        add(big_files::measure(times(40, 200), times(2, 5)));
    }
    if wants("folder") {
        add(folder::measure(times(10_000, 100_000), times(1, 5)));
    }
    if wants("growth") {
        let (of_growth, table) = growth::measure(short, most);
        add(of_growth);
        growth = table;
    }
    (figures, growth)
}
