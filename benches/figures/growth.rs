//! How costs grow with queue and history. Only disk space and the time to accept manifests may grow.

use std::time::Duration;

use crate::{
    figure::{Figure, number},
    history::History,
    pages::Pages,
    queue::Queue,
};

/// How much is measured.
struct Size {
    jobs: usize,
    /// The goal of accepting the jobs, in jobs per second. None: the column is only in the table of growth.
    accepted_per_second: Option<f64>,
    /// How long an idle daemon is measured.
    idle: Duration,
    /// How often the queue is measured.
    runs: usize,
}

/// Long enough for two rescans, and for the time that the kernel counts in hundredths of a second.
const IDLE: Duration = Duration::from_secs(64);
/// A million jobs take too long for more than one run.
const SIZES: [Size; 4] = [
    Size { jobs: 1_000, accepted_per_second: None, idle: IDLE, runs: 1 },
    Size { jobs: 10_000, accepted_per_second: None, idle: IDLE, runs: 1 },
    Size { jobs: 100_000, accepted_per_second: Some(25_000.0), idle: IDLE, runs: 5 },
    Size { jobs: 1_000_000, accepted_per_second: Some(15_000.0), idle: IDLE, runs: 1 },
];
const SHORT: [Size; 1] = [Size {
    jobs: 20_000,
    accepted_per_second: Some(25_000.0),
    idle: Duration::from_secs(20),
    runs: 1,
}];

/// One column of the table.
struct Column {
    jobs: usize,
    queue: Queue,
    history: History,
    pages: Pages,
}

/// A row: its name, and its value in a column.
type Row = (&'static str, fn(&Column) -> Option<f64>);

const ROWS: [Row; 11] = [
    ("accepting jobs, jobs/s", |column| column.queue.accepted_per_second.median()),
    ("peak memory, MB", |column| column.queue.memory_mb.median()),
    ("idle, % of a core", |column| column.queue.idle_percent.median()),
    ("`status`, all queued, ms", |column| column.queue.status_ms.median()),
    ("`list --limit 50`, all queued, ms", |column| column.queue.list_ms.median()),
    ("first request after a kill, ms", |column| column.queue.start_ms.median()),
    ("database per finished job, bytes", |column| Some(column.history.bytes_per_job)),
    ("`status`, all finished, ms", |column| column.history.status_ms.median()),
    ("slowest page, all finished, ms", |column| column.pages.slowest().0.median()),
    ("3,000 jobs after that, jobs/s", |column| Some(column.history.jobs_per_second)),
    ("the same, CPU ms per job", |column| Some(column.history.cpu_ms_per_job)),
];

/// Measures all sizes up to `most`, or one small size. Returns lines for the table of figures, and a table of its own.
pub fn measure(short: bool, most: usize) -> (Vec<Figure>, String) {
    let (mut figures, mut columns) = (Vec::new(), Vec::new());
    let sizes: &[Size] = if short { &SHORT } else { &SIZES };
    for size in sizes.iter().filter(|size| size.jobs <= most) {
        let column = Column::measure(size);
        if let Some(accepted_per_second) = size.accepted_per_second {
            figures.extend(column.figures(accepted_per_second));
        }
        // Shows progress: this takes long.
        eprintln!("measured {} jobs", number(size.jobs as f64));
        columns.push(column);
    }
    let table = if short { String::new() } else { table(&columns) };
    (figures, table)
}

impl Column {
    fn measure(size: &Size) -> Self {
        let jobs = size.jobs;
        let mut queue = Queue::default();
        for _ in 1..size.runs {
            drop(queue.measure(jobs, size.idle));
        }
        let mut test_env = queue.measure(jobs, size.idle);
        // Shows progress: a million jobs take long to finish.
        if let Some(accepted_per_second) = size.accepted_per_second {
            let figures = queue.figures(&number(jobs as f64), accepted_per_second);
            figures.iter().for_each(|figure| eprintln!("{figure}"));
        }
        let history = History::measure(&mut test_env, jobs);
        let pages = Pages::measure(&mut test_env);
        Self { jobs, queue, history, pages }
    }

    fn figures(&self, accepted_per_second: f64) -> Vec<Figure> {
        let size = number(self.jobs as f64);
        let mut figures = self.queue.figures(&size, accepted_per_second);
        figures.extend(self.history.figures(&size));
        figures.extend(self.pages.figures(&size));
        figures
    }
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
