//! SELECT finds the jobs that a reader of all jobs would find, in every order, page by page.

use super::*;
use crate::store::{JobOverview, ManifestGlob, PageEnd, Reader, Select, SortBy};

async fn bench() -> Bench {
    let bench = Bench::new();
    for (path, ids) in [("a.yaml", ["1", "2", "3"]), ("sub/b.yaml", ["4", "5", "6"])] {
        let stem = path.strip_suffix(".yaml").unwrap();
        let jobs = ids.map(|id| {
            let mut job = wanted(&format!("{stem}/{id}"));
            let language = if id < "3" { "en" } else { "fr" };
            job.spec.labels.insert("language".to_owned(), language.to_owned());
            job.spec.labels.insert("id".to_owned(), id.to_owned());
            job
        });
        bench.accept(manifest(path, jobs.to_vec())).await.unwrap();
    }
    for (key, code) in [("a/1", "1301"), ("sub/b/4", "1201"), ("sub/b/5", "1301")] {
        let error = PermanentError { code: code.to_owned(), ..permanent_error("refused") };
        bench.drive(key, vec![Outcome::Refused(error)]).await;
    }
    bench.cancel("a/2").await;
    bench.command("sub/b/5", Command::Dismiss(true)).await.unwrap();
    // Each job has a time of its own.
    bench.sql().execute("UPDATE job SET state_since_ms = 1000 * (id * 7 % 11)", []).unwrap();
    bench
}

fn keys(jobs: &[JobOverview]) -> Vec<&str> {
    jobs.iter().map(|job| job.key.as_str()).collect()
}

fn found(reader: &Reader, select: &Select) -> String {
    keys(&reader.first_jobs(select, 100).unwrap()).join(" ")
}

#[tokio::test]
async fn every_condition_selects_its_jobs() {
    let bench = bench().await;
    let reader = Reader::open(&bench.path).unwrap();
    let none = Select::default;
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let globs = |texts: &[&str]| texts.iter().map(|text| ManifestGlob::new(*text)).collect();
    for (select, expected) in [
        (none(), "a/1 a/2 a/3 sub/b/4 sub/b/5 sub/b/6"),
        (Select { keys: texts(&["sub/b/5", "a/1", "a/1", "nobody"]), ..none() }, "a/1 sub/b/5"),
        (Select { manifests: globs(&["a.yaml"]), ..none() }, "a/1 a/2 a/3"),
        (Select { manifests: globs(&["*"]), ..none() }, "a/1 a/2 a/3"),
        (Select { manifests: globs(&["./sub/?.yaml"]), ..none() }, "sub/b/4 sub/b/5 sub/b/6"),
        (
            Select { manifests: globs(&["**/*.yaml", "x"]), ..none() },
            "a/1 a/2 a/3 sub/b/4 sub/b/5 sub/b/6",
        ),
        (Select { labels: vec![label("language", "en")], ..none() }, "a/1 a/2"),
        (Select { labels: vec![label("id", "6"), label("id", "1")], ..none() }, "a/1 sub/b/6"),
        (Select { labels: vec![label("id", "1"), label("language", "fr")], ..none() }, ""),
        (
            Select { states: vec![State::Failed, State::Cancelled], ..none() },
            "a/1 a/2 sub/b/4 sub/b/5",
        ),
        (Select { codes: texts(&["1301"]), ..none() }, "a/1 sub/b/5"),
        (Select { codes: texts(&["1301", "cancelled"]), ..none() }, "a/1 a/2 sub/b/5"),
        (Select { codes: texts(&["1301"]), ..Select::in_state(State::Queued) }, ""),
        (Select { reason: Some("no such reason".to_owned()), ..none() }, ""),
        (Select { dismissed: Some(false), ..Select::in_state(State::Failed) }, "a/1 sub/b/4"),
        (Select { since_ms: Some(7_000), ..none() }, "a/1 a/3 sub/b/6"),
        (
            Select {
                manifests: globs(&["sub/*"]),
                since_ms: Some(1),
                ..Select::in_state(State::Failed)
            },
            "sub/b/4 sub/b/5",
        ),
    ] {
        assert_eq!(found(&reader, &select), expected, "{select:?}");
    }
    let odd = Select {
        keys: texts(&["a/1", "nobody"]),
        manifests: globs(&["a.yml", "[a", "a.*"]),
        ..none()
    };
    assert_eq!(reader.unknown_keys(&odd).unwrap(), ["nobody"]);
    let unknown = reader.unknown_manifests(&odd).unwrap();
    assert_eq!(unknown.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a.yml", "[a"]);
}

#[tokio::test]
async fn the_reason_of_a_group_selects_the_group() {
    let bench = bench().await;
    let reader = Reader::open(&bench.path).unwrap();
    let (reason, jobs): (String, i64) = bench
        .sql()
        .query_row(
            "SELECT reason, jobs FROM failure_overview WHERE error_code = '1301'",
            [],
            |row| row.try_into(),
        )
        .unwrap();
    let select =
        Select { codes: vec!["1301".to_owned()], reason: Some(reason), ..Select::default() };
    assert_eq!(
        (found(&reader, &select).as_str(), jobs),
        ("a/1 sub/b/5", 1),
        "a dismissed job is not counted"
    );
}

#[tokio::test]
async fn pages_in_every_order_are_the_complete_list_in_pieces() {
    let bench = bench().await;
    let reader = Reader::open(&bench.path).unwrap();
    let two = Select { states: vec![State::Failed, State::Queued], ..Select::default() };
    for (select, all) in [(Select::all(), 6), (two, 5), (Select::in_state(State::Failed), 3)] {
        let mut jobs = reader.select(&select).unwrap();
        // As with many jobs: then other queries are used.
        for at_most in [jobs.at_most, i64::MAX] {
            jobs.at_most = at_most;
            for sort in SortBy::ALL {
                let complete = reader.selected(&jobs, sort, None, 100).unwrap().ids;
                let (mut pieces, mut end): (Vec<i64>, Option<PageEnd>) = (Vec::new(), None);
                loop {
                    let page = reader.selected(&jobs, sort, end.as_ref(), 2).unwrap();
                    pieces.extend(&page.ids);
                    let Some(text) = page.end.as_ref().map(PageEnd::as_text) else { break };
                    end = PageEnd::parse(&text, sort);
                    assert_eq!(end, page.end, "{sort:?} {text}");
                }
                assert_eq!((complete.len(), &pieces), (all, &complete), "{select:?} {sort:?}");
            }
        }
    }
    assert_eq!(PageEnd::parse("x", SortBy::Read), None);
    assert_eq!(PageEnd::parse("5", SortBy::Since), None);
}

#[tokio::test]
async fn the_newest_state_comes_first() {
    let bench = bench().await;
    let reader = Reader::open(&bench.path).unwrap();
    let jobs = reader.select(&Select::in_state(State::Failed)).unwrap();
    let page = reader.job_page(&jobs, SortBy::Since, None, 2).unwrap();
    assert_eq!(keys(&page.jobs), ["a/1", "sub/b/4"]);
    let page = reader.job_page(&jobs, SortBy::Since, page.end.as_ref(), 2).unwrap();
    assert_eq!((keys(&page.jobs), page.end), (vec!["sub/b/5"], None));
}
