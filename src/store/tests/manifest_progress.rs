//! What pages of manifests and of failures show.

use super::*;
use crate::store::{ManifestProgress, NewestFailures, Reader};

async fn bench() -> Bench {
    let bench = Bench::new();
    for (path, ids) in [("a.yaml", ["1", "2"]), ("b.yaml", ["3", "4"])] {
        let stem = path.strip_suffix(".yaml").unwrap();
        let jobs = ids.map(|id| wanted(&format!("{stem}/{id}"))).to_vec();
        bench.accept(manifest(path, jobs)).await.unwrap();
    }
    for key in ["a/1", "a/2", "b/3"] {
        let error = PermanentError { code: "1301".to_owned(), ..permanent_error("refused") };
        bench.drive(key, vec![Outcome::Refused(error)]).await;
    }
    bench
}

#[tokio::test]
async fn manifests_are_read_in_pages_and_by_their_jobs_in_progress() {
    let bench = bench().await;
    let reader = Reader::open(&bench.path).unwrap();
    let paths = |found: &[ManifestProgress]| {
        found.iter().map(|manifest| manifest.path.clone()).collect::<Vec<_>>()
    };
    assert_eq!(paths(&reader.manifest_page("", 10).unwrap()), ["a.yaml", "b.yaml"]);
    assert_eq!(paths(&reader.manifest_page("", 1).unwrap()), ["a.yaml"]);
    assert_eq!(paths(&reader.manifest_page("a.yaml", 1).unwrap()), ["b.yaml"]);
    // All jobs of the other have failed.
    assert_eq!(paths(&reader.manifests_in_progress(10).unwrap()), ["b.yaml"]);
    assert!(reader.manifests_in_progress(0).unwrap().is_empty());
    let one = reader.manifest_progress("b.yaml").unwrap().unwrap();
    assert_eq!((one.jobs, one.failed, one.succeeded, one.error), (2, 1, 0, None));
    assert_eq!(reader.manifest_progress("none.yaml").unwrap(), None);
    let left = |path: &str| reader.manifest_cost(path).unwrap().left;
    assert_eq!(left("b.yaml").by_length.values().sum::<i64>(), 1);
    assert!(left("a.yaml").by_length.is_empty());
    let spent = reader.manifest_cost("none.yaml").unwrap().spent;
    assert!(spent.is_zero());
}

#[tokio::test]
async fn the_newest_failures_are_grouped() {
    let bench = bench().await;
    let reader = Reader::open(&bench.path).unwrap();
    let NewestFailures { groups, has_more } = reader.newest_failures(10, 10).unwrap();
    let [group] = &groups[..] else { panic!("{groups:?}") };
    assert_eq!((group.jobs, group.error_code.as_deref(), has_more), (3, Some("1301"), false));
    assert_eq!(group.example_key, "a/1");
    let NewestFailures { groups, has_more } = reader.newest_failures(2, 10).unwrap();
    assert_eq!((groups[0].jobs, has_more), (2, true));
    bench.command("a/1", Command::Dismiss(true)).await.unwrap();
    assert_eq!(reader.newest_failures(10, 10).unwrap().groups[0].jobs, 2);
}
