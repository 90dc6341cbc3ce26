//! Nothing that runs all the time walks over all tasks or jobs, or sorts.

use super::*;
use crate::store::{
    ManifestGlob, Reader, Select, SortBy, activity, budget, delivery, job_state, listing,
    local_video, manifest_progress, media_queue, metrics_snapshot, notification, pause, price_left,
    queue, queue_status, reconcile, reconcile::depart, refused, remaining, retention, review,
    sharing, verdict, watermark,
};

/// How SQLite would find the rows of `query`.
fn plan(bench: &Bench, query: &str) -> String {
    let sql = bench.sql();
    let mut statement = sql.prepare(&format!("EXPLAIN QUERY PLAN {query}")).unwrap();
    // Unbound parameters are NULL, which changes no plan.
    let steps = statement.raw_query().mapped(|row| row.get::<_, String>("detail"));
    steps.map(Result::unwrap).collect::<Vec<_>>().join("\n")
}

/// A condition that follows `FROM job j`.
fn of_jobs(condition: &str) -> String {
    format!("SELECT j.id FROM job j {condition}")
}

fn queries() -> Vec<String> {
    let mut queries = vec![
        queue::QUEUED.sql(),
        queue::QUEUED_REMOTE.sql(),
        queue::DELAYED.sql(),
        queue::DUE_WAITING.sql(),
        queue::due_in_state(State::Submitted),
        queue::due_in_state(State::Downloading),
        of_jobs(depart::DUE_TO_LEAVE),
        of_jobs(delivery::DUE),
        of_jobs(media_queue::WAITING),
        of_jobs(media_queue::FAILED_CHANGED),
        of_jobs(media_queue::FAILED_LOCAL),
        of_jobs(media_queue::LOCAL),
    ];
    let as_they_are = [
        queue::NEXT_DUE,
        delivery::ANY_WAITING,
        delivery::NEXT_DUE,
        queue::MOVING,
        sharing::FIRST_TURN,
        sharing::NAME_USED,
        sharing::urgency::ALIGN,
        sharing::FIRST_JOB,
        sharing::urgency::AS_URGENT,
        job_state::UNDECIDED,
        reconcile::ANY_GONE,
        reconcile::KNOWN,
        reconcile::output::ANY_OUTPUT,
        reconcile::output::OUTPUT_ASKED,
        reconcile::output::OUTPUT_OF_KEY,
        depart::SEE,
        notification::NEXT,
        notification::PROBLEMS,
        notification::FAILED_NEXT,
        refused::REFUSED,
        queue_status::BLOCKED_JOBS,
        queue_status::SLOTS_USED,
        budget::IN_PROGRESS,
        price_left::LEFT,
        queue_status::CHANGED,
        queue_status::DISMISSED,
        queue_status::UNDELIVERED,
        local_video::LOCAL_VIDEOS,
        verdict::UNSTORED,
        verdict::OUTPUTS,
        watermark::DUE,
        watermark::MISSING,
        pause::OPEN_CREATES,
        remaining::SUPERSEDED,
        remaining::SUPERSEDED_KEYS,
        metrics_snapshot::OLDEST,
        remaining::REMAINING,
        retention::NEXT_EVENT,
        review::TAKES,
        retention::DELETE_EVENTS,
        retention::NEXT_SESSION,
        "SELECT * FROM job_history WHERE key = 'a'",
        "SELECT * FROM job_overview WHERE key = 'a'",
        listing::OVERVIEWS,
        manifest_progress::OF_STATE,
        manifest_progress::COSTS,
    ];
    queries.extend(as_they_are.map(str::to_owned));
    queries
}

#[test]
fn queries_follow_an_index_and_sort_nothing() {
    let bench = Bench::new();
    for query in queries() {
        let plan = plan(&bench, &query);
        let walked_through = |step: &str| step.starts_with("SCAN") && !step.contains("INDEX");
        // The daemon is one row, there are eleven states, and subqueries of one row are scanned too.
        let harmless = |step: &str| {
            step.starts_with("SCAN (subquery")
                || [
                    "SCAN CONSTANT ROW",
                    "SCAN 1 CONSTANT ROW",
                    "SCAN slots",
                    "SCAN uploads",
                    "SCAN now",
                    "SCAN asked",
                    "SCAN asked VIRTUAL TABLE INDEX 1:",
                    "SCAN daemon_state",
                    "SCAN state",
                ]
                .contains(&step)
        };
        for step in plan.lines().filter(|step| walked_through(step)) {
            assert!(harmless(step), "{query}\n{plan}");
        }
        assert!(!plan.contains("TEMP B-TREE"), "{query}\n{plan}");
    }
}

/// What `status --watch` shows is sorted, because it is little.
#[test]
fn activity_walks_over_no_table() {
    let bench = Bench::new();
    for query in [activity::SLOTS, activity::FAILURES] {
        let plan = plan(&bench, query);
        let little = ["SCAN t", "SCAN a", "SCAN e", "SCAN task USING INDEX task_queued"];
        let is_little = |step: &str| little.contains(&step) || step.starts_with("SCAN (subquery");
        let walks = plan.lines().map(str::trim).filter(|step| step.starts_with("SCAN"));
        assert_eq!(walks.clone().find(|step| !is_little(step)), None, "{query}\n{plan}");
    }
}

/// The takes of one request, and the jobs of one request that left, are few: these may be sorted.
#[test]
fn rows_of_a_request_are_found_by_its_hash() {
    let bench = Bench::new();
    for (query, index) in [
        (sharing::HIGHEST_TAKE.to_owned(), "USING INDEX sqlite_autoindex_task_1 (request_hash=?)"),
        (of_jobs(reconcile::arrive::GONE), "USING INDEX job_gone (request_hash=?)"),
    ] {
        let plan = plan(&bench, &query);
        assert!(plan.contains(index) && !plan.contains("SCAN"), "{plan}");
    }
}

fn select_by(select: Select) -> Vec<String> {
    let bench = Bench::new();
    let jobs = Reader::open(&bench.path).unwrap().select(&select).unwrap();
    [false, true].map(|is_after| plan(&bench, &jobs.sql(SortBy::Read, is_after))).to_vec()
}

#[test]
fn a_page_of_selected_jobs_follows_the_index_of_their_condition() {
    let label = |value: &str| ("language".to_owned(), value.to_owned());
    for (select, index) in [
        (Select::all(), "PRIMARY KEY"),
        (Select::in_state(State::Failed), "COVERING INDEX job_state (state=?"),
        (Select { verdicts: vec![None], ..Select::default() }, "INDEX job_verdict (<expr>=?"),
        (
            Select { labels: vec![label("en")], ..Select::default() },
            "COVERING INDEX label_value (name=? AND value=?",
        ),
        (
            Select { keys: vec!["a".to_owned()], ..Select::default() },
            "COVERING INDEX sqlite_autoindex_job_1 (key=?)",
        ),
    ] {
        for plan in select_by(select.clone()) {
            let is_all = plan == "SCAN j";
            assert!(
                plan.contains(index) || is_all && select == Select::all(),
                "{select:?}\n{plan}"
            );
        }
    }
    let glob = ManifestGlob::new("a.yaml");
    let plans = select_by(Select { manifests: vec![glob], ..Select::default() });
    // No such manifest.
    assert!(plans.iter().all(|plan| plan.contains("job_manifest (manifest_id=?")), "{plans:?}");
}

#[test]
fn a_sorted_page_follows_the_index_of_its_order() {
    let bench = Bench::new();
    let jobs = Reader::open(&bench.path).unwrap().select(&Select::all()).unwrap();
    for (sort, index) in [(SortBy::Since, "job_since"), (SortBy::Key, "sqlite_autoindex_job_1")] {
        for is_after in [false, true] {
            let plan = plan(&bench, &jobs.sql(sort, is_after));
            assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{plan}");
        }
    }
}
