//! How costs grow with queue and history. Only disk space and the time to accept manifests may grow.

use std::time::Duration;

use crate::{
    figure::{Figure, number},
    folder,
    history::History,
    queue::Queue,
};

/// Numbers of jobs, and the limit of memory in MB.
const SIZES: [(usize, Option<f64>); 4] =
    [(1_000, None), (10_000, None), (100_000, Some(40.0)), (1_000_000, Some(60.0))];
/// Long enough for a rescan.
const IDLE: Duration = Duration::from_secs(32);

/// One column of the table.
#[derive(Debug)]
struct Column {
    jobs: usize,
    queue: Queue,
    history: History,
    rescan_ms: Option<f64>,
}

/// A row: its name, and its value in a column.
type Row = (&'static str, fn(&Column) -> Option<f64>);

const ROWS: [Row; 10] = [
    ("accepting jobs, jobs/s", |column| Some(column.queue.accepted_per_second)),
    ("peak memory, MB", |column| Some(column.queue.memory_mb)),
    ("idle, % of a core", |column| Some(column.queue.idle_percent)),
    ("`status`, all queued, ms", |column| Some(column.queue.status_ms)),
    ("first request after a kill, ms", |column| Some(column.queue.start_ms)),
    ("database per finished job, bytes", |column| Some(column.history.bytes_per_job)),
    ("`status`, all finished, ms", |column| Some(column.history.status_ms)),
    ("3,000 jobs after that, jobs/s", |column| Some(column.history.jobs_per_second)),
    ("the same, CPU ms per job", |column| Some(column.history.cpu_ms_per_job)),
    ("rescan of as many manifests, ms", |column| column.rescan_ms),
];

/// Measures all sizes up to `most`. Returns lines for the table of figures, and a table of its own.
pub fn measure(most: usize) -> (Vec<Figure>, String) {
    let (mut figures, mut columns) = (Vec::new(), Vec::new());
    for (jobs, memory_max_mb) in SIZES.into_iter().filter(|(jobs, _)| *jobs <= most) {
        let (queue, test_env) = Queue::measure(jobs, IDLE);
        let history = History::measure(test_env, jobs);
        let rescan_ms = (jobs <= 100_000).then(|| folder::rescan_ms(jobs));
        if let Some(memory_max_mb) = memory_max_mb {
            let size = number(jobs as f64);
            figures.extend((jobs == 100_000).then(|| queue.acceptance(&size)));
            figures.extend(queue.figures(&size, memory_max_mb));
            figures.extend(history.figures(&size));
        }
        if let Some(rescan_ms) = rescan_ms.filter(|_| jobs == 100_000) {
            figures.push(folder::figure(jobs, rescan_ms));
        }
        let column = Column { jobs, queue, history, rescan_ms };
        // Shows progress: this takes long.
        eprintln!("{column:?}");
        columns.push(column);
    }
    (figures, table(&columns))
}

fn table(columns: &[Column]) -> String {
    let cells = |of: &dyn Fn(&Column) -> Option<f64>| {
        let cell = |column| of(column).map_or("–".to_owned(), number);
        columns.iter().map(cell).collect::<Vec<_>>().join(" | ")
    };
    let head = cells(&|column| Some(column.jobs as f64));
    let rows = ROWS.iter().map(|(what, of)| format!("| {what} | {} |", cells(of)));
    let rows = rows.collect::<Vec<_>>().join("\n");
    format!("| jobs | {head} |\n|{}\n{rows}", " --- |".repeat(columns.len() + 1))
}
