//! A file that changes in the middle of its upload never becomes a complete object.

use std::{
    fs::{self, File, OpenOptions},
    io::{Seek as _, SeekFrom, Write as _},
    sync::Arc,
    time::Duration,
};

use axum::{Router, extract::Request, http::StatusCode, response::IntoResponse as _};
use futures_util::StreamExt as _;
use lipsyncd::{
    media::Locator,
    offload::Offload,
    upload::{Bucket, BucketConfig, LocalVideo, SentBytes, UploadError, Uploads},
};
use tokio::sync::{Semaphore, mpsc};

use super::server::{ACCESS_KEY, SECRET_KEY};
use crate::support::sha256;

const BYTES: usize = 24_000_000;

/// A storage without objects. It takes the first block of a write, and the rest when it may. Sends whether each write
/// became complete.
async fn storage(may_continue: Arc<Semaphore>) -> (String, mpsc::UnboundedReceiver<Step>) {
    let (steps, seen) = mpsc::unbounded_channel();
    let handle = move |request: Request| {
        let (steps, may_continue) = (steps.clone(), Arc::clone(&may_continue));
        async move {
            if request.method() != "PUT" {
                let xml = "<Error><Code>NoSuchKey</Code></Error>";
                return (StatusCode::NOT_FOUND, xml).into_response();
            }
            let length: usize =
                request.headers()["content-length"].to_str().unwrap().parse().unwrap();
            let mut body = request.into_body().into_data_stream();
            let mut got = body.next().await.unwrap().unwrap().len();
            steps.send(Step::Began).unwrap();
            may_continue.acquire().await.unwrap().forget();
            while let Some(Ok(block)) = body.next().await {
                got += block.len();
            }
            steps.send(Step::Ended { is_complete: got == length }).unwrap();
            StatusCode::OK.into_response()
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(handle)).await });
    (endpoint, seen)
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    Began,
    Ended { is_complete: bool },
}

fn uploads(endpoint: &str) -> Uploads {
    let config = BucketConfig {
        endpoint: endpoint.parse().unwrap(),
        bucket: "videos".to_owned(),
        region: None,
        path_style: true,
        prefix: String::new(),
        link_ttl: Duration::from_secs(60),
        connect_timeout: Duration::from_secs(5),
        request_timeout: Duration::from_secs(60),
        now_ms: || 1_767_225_600_000,
    };
    Uploads::new(Bucket::new(config, &ACCESS_KEY.into(), &SECRET_KEY.into()).unwrap())
}

type Change = fn(&mut File);

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_in_the_middle_is_not_completed() {
    let changes: [(&str, Change); 2] = [
        ("written in place", |file| {
            file.seek(SeekFrom::End(-100)).unwrap();
            file.write_all(b"other").unwrap();
        }),
        ("shortened", |file| file.set_len(BYTES as u64 - 1).unwrap()),
    ];
    for (what, change) in changes {
        let folder = tempfile::tempdir().unwrap();
        let (path, content) = (folder.path().join("v.mp4"), vec![7; BYTES]);
        fs::write(&path, &content).unwrap();
        let locator = Locator { jobs_dir: folder.path().to_owned(), media_dirs: Vec::new() };
        let located = locator.locate(folder.path(), "v.mp4").unwrap();
        let video = LocalVideo { located, sha256: sha256(&content), name: "v.mp4".to_owned() };
        let may_continue = Arc::new(Semaphore::new(0));
        let (endpoint, mut seen) = storage(Arc::clone(&may_continue)).await;
        let upload = tokio::spawn(async move {
            uploads(&endpoint).upload(video, &Offload::threads(), &SentBytes::default()).await
        });
        assert_eq!(seen.recv().await, Some(Step::Began), "{what}");
        change(&mut OpenOptions::new().write(true).open(&path).unwrap());
        may_continue.add_permits(1);
        let failed = upload.await.unwrap();
        let Err(UploadError::Changed(why)) = &failed else { panic!("{what}: {failed:?}") };
        assert!(why.ends_with("v.mp4 changed while it was uploaded; it is checked again"), "{why}");
        assert_eq!(seen.recv().await, Some(Step::Ended { is_complete: false }), "{what}");
    }
}
