//! The client of the bucket alone, against the real server.

use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::response::IntoResponse as _;
use lipsyncd::{
    media::Locator,
    offload::Offload,
    upload::{Bucket, BucketConfig, LocalVideo, SentBytes, UploadError, Uploads},
};

use super::{
    server::{ACCESS_KEY, S3, SECRET_KEY, bucket_name, s3},
    video,
};
use crate::support::sha256;

const MINUTES_20_MS: i64 = 20 * 60 * 1_000;

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

fn client(s3: &S3, bucket: &str, now_ms: fn() -> i64, link_ttl: Duration) -> Bucket {
    client_at(&s3.endpoint, bucket, None, (now_ms, link_ttl))
}

fn client_at(
    endpoint: &str,
    bucket: &str,
    region: Option<&str>,
    (now_ms, link_ttl): (fn() -> i64, Duration),
) -> Bucket {
    let config = BucketConfig {
        endpoint: endpoint.parse().unwrap(),
        bucket: bucket.to_owned(),
        region: region.map(str::to_owned),
        path_style: true,
        prefix: "a/b/".to_owned(),
        link_ttl,
        connect_timeout: Duration::from_secs(5),
        request_timeout: Duration::from_secs(60),
        now_ms,
    };
    Bucket::new(config, &ACCESS_KEY.into(), &SECRET_KEY.into()).unwrap()
}

fn local(folder: &Path, content: &[u8]) -> LocalVideo {
    fs::write(folder.join("v.mp4"), content).unwrap();
    let locator = Locator { jobs_dir: folder.to_owned(), media_dirs: Vec::new() };
    let located = locator.locate(folder, "v.mp4").unwrap();
    LocalVideo { located, sha256: sha256(content), name: "v.mp4".to_owned() }
}

async fn get(url: &str) -> (u16, Vec<u8>) {
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
    let response = client.get(url).send().await.unwrap();
    (response.status().as_u16(), response.bytes().await.unwrap().to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_works_until_it_expires() {
    let Some(s3) = tokio::task::spawn_blocking(s3).await.unwrap() else { return };
    let bucket = bucket_name("link");
    tokio::task::block_in_place(|| s3.create(&bucket));
    let folder = tempfile::tempdir().unwrap();
    let content = video("link", 2_500_000);
    let uploads = Uploads::new(client(s3, &bucket, now_ms, Duration::from_secs(2)));
    let (offload, progress) = (Offload::threads(), SentBytes::default());
    let local = local(folder.path(), &content);
    let object = local.object();
    assert_eq!(uploads.upload(local.clone(), &offload, &progress).await, Ok(true));
    assert_eq!(progress.load(std::sync::atomic::Ordering::Acquire), content.len() as u64);
    assert!(uploads.has(&object));
    // Another process does not know it, and asks the bucket.
    let other = Uploads::new(client(s3, &bucket, now_ms, Duration::from_secs(2)));
    assert!(!other.has(&object));
    assert_eq!(other.upload(local, &offload, &progress).await, Ok(false));
    let link = uploads.bucket().link(&object);
    assert_eq!(link.split('?').next().unwrap(), uploads.bucket().object_url(&object));
    assert_eq!(get(&link).await, (200, content));
    let began = tokio::time::Instant::now();
    while get(&link).await.0 == 200 {
        assert!(began.elapsed() < Duration::from_secs(30), "the link does not expire");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(!format!("{uploads:?}").contains(SECRET_KEY));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_other_content_is_never_complete_in_the_bucket() {
    let Some(s3) = tokio::task::spawn_blocking(s3).await.unwrap() else { return };
    let bucket = bucket_name("other");
    tokio::task::block_in_place(|| s3.create(&bucket));
    let folder = tempfile::tempdir().unwrap();
    let uploads = Uploads::new(client(s3, &bucket, now_ms, Duration::from_secs(60)));
    let (offload, progress) = (Offload::threads(), SentBytes::default());
    let content = video("other", 1_500_000);
    let measured = local(folder.path(), &content);
    let wrong = LocalVideo { sha256: sha256(b"something else"), ..measured.clone() };
    let replaced = measured;
    for (changed, is_replaced) in [(wrong, false), (replaced, true)] {
        if is_replaced {
            fs::write(folder.path().join("v.mp4"), "short").unwrap();
        }
        let failed = uploads.upload(changed, &offload, &progress).await;
        assert!(
            matches!(&failed, Err(UploadError::Changed(what)) if what.contains("v.mp4")),
            "{failed:?}"
        );
    }
    assert_eq!(tokio::task::block_in_place(|| s3.objects(&bucket)), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_is_named_with_its_difference() {
    let Some(s3) = tokio::task::spawn_blocking(s3).await.unwrap() else { return };
    let bucket = bucket_name("clock");
    tokio::task::block_in_place(|| s3.create(&bucket));
    let folder = tempfile::tempdir().unwrap();
    let content = video("clock", 200_000);
    let behind: fn() -> i64 = || now_ms() - MINUTES_20_MS;
    let uploads = Uploads::new(client(s3, &bucket, behind, Duration::from_secs(60)));
    let local = local(folder.path(), &content);
    let failed = uploads.upload(local, &Offload::threads(), &SentBytes::default()).await;
    let Err(UploadError::Refused(reason)) = &failed else { panic!("{failed:?}") };
    assert!(reason.contains("the clock of this machine is 20 min behind"), "{reason}");
    assert!(reason.contains("HTTP 403"), "{reason}");
}

/// A full bucket, and one whose objects cannot be written again, do not hold all uploads because of a video that they have.
#[tokio::test]
async fn an_old_object_that_cannot_be_written_again_is_used() {
    let content = video("old", 100_000);
    let bytes = content.len().to_string();
    let handle = move |request: axum::extract::Request| {
        let bytes = bytes.clone();
        async move {
            let old = "Tue, 01 Jan 2019 00:00:00 GMT".to_owned();
            let headers = [("content-length", bytes), ("last-modified", old)];
            match request.method().as_str() {
                "HEAD" => (headers, "").into_response(),
                _ => {
                    let _ = axum::body::to_bytes(request.into_body(), usize::MAX).await;
                    let xml = "<Error><Code>AccessDenied</Code></Error>";
                    (axum::http::StatusCode::FORBIDDEN, xml).into_response()
                }
            }
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(handle)).await });
    let settings = (now_ms as fn() -> i64, Duration::from_secs(60));
    let uploads = Uploads::new(client_at(&endpoint, "videos", None, settings));
    let folder = tempfile::tempdir().unwrap();
    let (local, offload) = (local(folder.path(), &content), Offload::threads());
    assert_eq!(uploads.upload(local.clone(), &offload, &SentBytes::default()).await, Ok(false));
    assert!(uploads.has(&local.object()));
}

/// A storage in the region `eu-west-9` that has no objects, and refuses signatures for other regions.
async fn storage_elsewhere() -> String {
    let handle = |request: axum::extract::Request| async move {
        let (status, xml) = match request.uri().query().unwrap_or_default() {
            query if query.contains("%2Feu-west-9%2Fs3%2F") => {
                (404, "<Error><Code>NoSuchKey</Code><Message>no such key</Message></Error>")
            }
            _ => (
                400,
                "<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region is wrong</Message>\
                 <Region>eu-west-9</Region></Error>",
            ),
        };
        (axum::http::StatusCode::from_u16(status).unwrap(), xml)
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(handle)).await });
    endpoint
}

#[tokio::test]
async fn the_region_is_learned_from_the_storage_or_named() {
    let endpoint = storage_elsewhere().await;
    let settings = (now_ms as fn() -> i64, Duration::from_secs(60));
    let automatic = client_at(&endpoint, "videos", None, settings);
    assert_eq!(automatic.find("x.mp4").await, Ok(None));
    assert!(automatic.link("x.mp4").contains("%2Feu-west-9%2Fs3%2F"));
    let fixed = client_at(&endpoint, "videos", Some("us-east-1"), settings);
    let Err(UploadError::Refused(reason)) = fixed.find("x.mp4").await else { panic!("found") };
    assert!(reason.ends_with("; set upload.s3.region to eu-west-9"), "{reason}");
}
