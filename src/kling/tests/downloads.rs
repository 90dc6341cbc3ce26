//! Downloads: joining parts, redirects, hosts, and no credentials.

use super::*;
use crate::kling::Fetched;

const FILE: &[u8] = b"0123456789";

/// A file with an ETag, served completely or by range.
async fn file_server(etag: &'static str) -> Server {
    Server::start(move |_, seen| async move {
        let asked = seen.headers.get("range").and_then(|range| {
            range.to_str().unwrap().strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok()
        });
        let same = seen.headers.get("if-range").is_none_or(|given| given == etag);
        let mut response = match asked.filter(|_| same) {
            Some(start) if start < FILE.len() => {
                let mut response = answer(206, FILE[start..].to_vec());
                let range = format!("bytes {start}-9/10").parse().unwrap();
                response.headers_mut().insert("content-range", range);
                response
            }
            Some(_) => {
                let mut response = answer(416, "");
                response.headers_mut().insert("content-range", "bytes */10".parse().unwrap());
                response
            }
            None => answer(200, FILE.to_vec()),
        };
        response.headers_mut().insert("etag", etag.parse().unwrap());
        response
    })
    .await
}

async fn whole(mut fetched: Fetched) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(chunk) = fetched.chunk().await.unwrap() {
        bytes.extend_from_slice(&chunk);
    }
    bytes
}

#[tokio::test]
async fn download_is_complete_and_sends_no_credentials() {
    let server = file_server("\"a\"").await;
    let fetched = client(&server.url).fetch(&server.url, 0, None, None).await.result.unwrap();
    assert_eq!(
        (fetched.from_byte, fetched.total_bytes, fetched.etag.as_deref()),
        (0, Some(10), Some("\"a\""))
    );
    assert_eq!(whole(fetched).await, FILE);
    let headers = &server.seen()[0].headers;
    assert!(!headers.contains_key("authorization") && !headers.contains_key("range"));
}

#[tokio::test]
async fn part_is_continued_while_the_etag_matches() {
    let server = file_server("\"a\"").await;
    let client = client(&server.url);
    let rest = client.fetch(&server.url, 4, Some("\"a\""), None).await.result.unwrap();
    assert_eq!((rest.from_byte, rest.total_bytes), (4, Some(10)));
    assert_eq!(whole(rest).await, b"456789");
    let changed = client.fetch(&server.url, 4, Some("\"old\""), None).await.result.unwrap();
    assert_eq!(changed.from_byte, 0);
    assert_eq!(whole(changed).await, FILE);
}

#[tokio::test]
async fn complete_part_needs_no_bytes_and_too_long_part_restarts() {
    let server = file_server("\"a\"").await;
    let client = client(&server.url);
    let rest = client.fetch(&server.url, 10, Some("\"a\""), None).await.result.unwrap();
    assert_eq!((rest.from_byte, rest.total_bytes), (10, Some(10)));
    assert_eq!(whole(rest).await, b"");
    let complete = client.fetch(&server.url, 11, Some("\"a\""), None).await.result.unwrap();
    assert_eq!((complete.from_byte, complete.total_bytes), (0, Some(10)));
}

#[tokio::test]
async fn ignored_if_range_does_not_join_two_files() {
    let server = Server::start(|_, seen| async move {
        let mut response = answer(200, FILE.to_vec());
        if seen.headers.contains_key("range") {
            response = answer(206, FILE[4..].to_vec());
            response.headers_mut().insert("content-range", "bytes 4-9/10".parse().unwrap());
        }
        response.headers_mut().insert("etag", "\"new\"".parse().unwrap());
        response
    })
    .await;
    let fetched =
        client(&server.url).fetch(&server.url, 4, Some("\"old\""), None).await.result.unwrap();
    assert_eq!(fetched.from_byte, 0);
    assert_eq!(whole(fetched).await, FILE);
}

#[tokio::test]
async fn weak_etag_is_not_used() {
    let server = file_server("W/\"a\"").await;
    let fetched = client(&server.url).fetch(&server.url, 0, None, None).await.result.unwrap();
    assert_eq!(fetched.etag, None);
}

#[tokio::test]
async fn redirects_are_followed_five_times() {
    let server = Server::start(|_, seen| async move {
        let hop: usize = seen.target.trim_start_matches('/').parse().unwrap();
        if hop == 0 {
            return answer(200, FILE.to_vec());
        }
        let mut response = answer(302, "");
        response.headers_mut().insert("location", format!("/{}", hop - 1).parse().unwrap());
        response
    })
    .await;
    let client = client(&server.url);
    let five = client.fetch(&server.url.join("/5").unwrap(), 0, None, None).await.result.unwrap();
    assert_eq!(whole(five).await, FILE);
    let error =
        client.fetch(&server.url.join("/6").unwrap(), 0, None, None).await.result.unwrap_err();
    assert!(error.message.contains("more than 5 times"), "{error}");
}

#[tokio::test]
async fn only_public_hosts_are_allowed_by_address_and_by_name() {
    let here = file_server("\"a\"").await;
    let client = client(&"https://api.example.com".parse().unwrap());
    let port = here.url.port().unwrap();
    for url in [
        format!("http://127.0.0.1:{port}/?token=hush-hush"),
        format!("https://127.0.0.1:{port}/?token=hush-hush"),
        format!("https://localhost:{port}/?token=hush-hush"),
    ] {
        let error = client.fetch(&url.parse().unwrap(), 0, None, None).await.result.unwrap_err();
        assert_eq!(error.class, ErrorClass::AddressRefused, "{url}: {error}");
        assert!(!format!("{error:?}").contains("hush"), "{error:?}");
    }
    assert!(here.seen().is_empty());
}

#[tokio::test]
async fn allowed_host_is_fetched_from_a_private_address_and_its_redirects_are_checked() {
    let here = file_server("\"a\"").await;
    let port = here.url.port().unwrap();
    let elsewhere = format!("http://127.0.0.1:{port}/");
    let server = Server::start(move |_, seen| {
        let to = elsewhere.clone();
        async move {
            let mut response = match seen.headers.contains_key("referer") {
                true => answer(302, ""),
                false => answer(200, FILE.to_vec()),
            };
            response.headers_mut().insert("location", to.parse().unwrap());
            response
        }
    })
    .await;
    let base_url = "https://api.example.com".parse().unwrap();
    let config = ClientConfig { allow_hosts: vec!["localhost".into()], ..config(&base_url) };
    let client = Client::new(config, credential()).unwrap();
    let url = format!("http://localhost:{}/1.mp4", server.url.port().unwrap()).parse().unwrap();
    let fetched = client.fetch(&url, 0, None, None).await.result.unwrap();
    assert_eq!(whole(fetched).await, FILE);
    let error = client.fetch(&url, 0, None, Some("https://app/")).await.result.unwrap_err();
    assert_eq!(error.class, ErrorClass::AddressRefused);
    assert!(error.message.contains("add `127.0.0.1` to download.allow_hosts"), "{error}");
    assert!(here.seen().is_empty(), "the redirect was not followed");
}

#[tokio::test]
async fn redirect_is_checked_like_the_first_address() {
    let server = Server::start(|_, _| async {
        let mut response = answer(302, "");
        response.headers_mut().insert("location", "file:///etc/passwd".parse().unwrap());
        response
    })
    .await;
    let error = client(&server.url).fetch(&server.url, 0, None, None).await.result.unwrap_err();
    assert_eq!(error.class, ErrorClass::AddressRefused);
}

#[tokio::test]
async fn refused_download_shows_the_status_and_hides_the_query() {
    let server = Server::saying(403, "expired").await;
    let url = server.url.join("/a.mp4?signature=hush-hush").unwrap();
    let reply = client(&server.url).fetch(&url, 0, None, None).await;
    let error = reply.result.unwrap_err();
    assert_eq!((reply.answer.http_status, error.class), (Some(403), ErrorClass::Transport));
    assert_eq!(error.message, "the download from 127.0.0.1 was answered with HTTP 403");
}

#[tokio::test]
async fn broken_or_stalled_stream_is_an_error() {
    let cut = Server::raw(b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\nhalf").await;
    let mut fetched = client(&cut).fetch(&cut, 0, None, None).await.result.unwrap();
    assert_eq!(fetched.chunk().await.unwrap().unwrap(), "half");
    assert_eq!(fetched.chunk().await.unwrap_err().class, ErrorClass::Transport);

    let server = Server::start(|_, _| async {
        answer(
            200,
            Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>()),
        )
    })
    .await;
    let config = ClientConfig { idle_timeout: Duration::from_millis(200), ..config(&server.url) };
    let client = Client::new(config, credential()).unwrap();
    let error = match client.fetch(&server.url, 0, None, None).await.result {
        Ok(mut fetched) => fetched.chunk().await.unwrap_err(),
        Err(error) => error,
    };
    assert!(error.message.contains("within 0.2 s"), "{error}");
}
