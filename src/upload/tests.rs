//! Signatures against known answers, and what the answers of storages mean. The real server is in `tests/it/uploads`.

use std::time::Duration;

use super::{answer::ErrorAnswer, *};

/// 2013-05-24T00:00:00Z, the time of the example in AWS's documentation.
const NOW_MS: i64 = 1_369_353_600_000;
const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

fn config(endpoint: &str, bucket: &str, path_style: bool) -> BucketConfig {
    BucketConfig {
        endpoint: endpoint.parse().unwrap(),
        bucket: bucket.to_owned(),
        region: None,
        path_style,
        prefix: String::new(),
        link_ttl: Duration::from_hours(24),
        connect_timeout: Duration::from_secs(1),
        request_timeout: Duration::from_secs(1),
        now_ms: || NOW_MS,
    }
}

fn bucket(config: BucketConfig) -> Bucket {
    Bucket::new(config, &ACCESS_KEY.into(), &SECRET_KEY.into()).unwrap()
}

/// The first is the example "Authenticating Requests: Using Query Parameters" of AWS; the others were computed by
/// another implementation.
#[test]
fn links_have_the_known_signatures() {
    let example = config("https://s3.amazonaws.com/", "examplebucket", false);
    let local = BucketConfig {
        prefix: "lipsyncd/".to_owned(),
        link_ttl: Duration::from_hours(1),
        ..config("http://127.0.0.1:9000/", "my-videos", true)
    };
    let r2 = BucketConfig {
        prefix: "x/".to_owned(),
        link_ttl: Duration::from_hours(7 * 24),
        ..config("https://abc.r2.cloudflarestorage.com/", "my-videos", true)
    };
    for (config, name, url, signature) in [
        (
            example,
            "test.txt",
            "https://examplebucket.s3.amazonaws.com/test.txt",
            "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
        ),
        (
            local,
            "ab.mp4",
            "http://127.0.0.1:9000/my-videos/lipsyncd/ab.mp4",
            "099ad8a62955c33abdce7194470d3394fb65898d5f8ce162db46bc7808af3527",
        ),
        (
            r2,
            "ab.mov",
            "https://abc.r2.cloudflarestorage.com/my-videos/x/ab.mov",
            "e708c689c02ec3c42aafa4d67478c86ea94baa3a0af74c6874cf2ff45c21bf98",
        ),
    ] {
        assert_eq!(object_base(&config).unwrap() + name, url);
        let bucket = bucket(config);
        assert_eq!(bucket.object_url(name), url);
        let link = bucket.link(name);
        assert!(link.starts_with(&format!("{url}?X-Amz-Algorithm=AWS4-HMAC-SHA256&")), "{link}");
        assert!(link.ends_with(&format!("&X-Amz-Signature={signature}")), "{link}");
        // What tasks are matched by.
        assert_eq!(link.split_once('?').map(|(url, _)| url), Some(url));
        assert!(!format!("{bucket:?}").contains(SECRET_KEY));
    }
}

#[test]
fn an_endpoint_may_have_a_path_and_a_bucket_dots() {
    let gateway = config("https://gateway.example.com/s3/", "my.videos", true);
    let url = "https://gateway.example.com/s3/my.videos/ab.mp4";
    assert_eq!(bucket(gateway.clone()).object_url("ab.mp4"), url);
    assert!(bucket(gateway).link("ab.mp4").starts_with(&format!("{url}?X-Amz-")));
}

fn answer(status: u16, code: &str, message: &str) -> ErrorAnswer {
    let (code, message) = (code.to_owned(), message.to_owned());
    ErrorAnswer { status, code, message, server_at_ms: Some(NOW_MS), ..ErrorAnswer::default() }
}

#[test]
fn a_refusal_has_the_words_of_the_bucket_and_the_fix() {
    let bucket = |path_style| bucket(config("https://s3.example.com/", "my-videos", path_style));
    let region = |region: &str| Some(region.to_owned());
    for (path_style, answer, says) in [
        (
            true,
            answer(403, "InvalidAccessKeyId", "Unknown key."),
            "correct S3_ACCESS_KEY and S3_SECRET_KEY",
        ),
        (true, answer(401, "Whatever", ""), "correct S3_ACCESS_KEY"),
        (
            true,
            answer(403, "AccessDenied", "Access Denied"),
            "allow this key s3:GetObject and s3:PutObject for my-videos/*",
        ),
        (true, answer(404, "NoSuchBucket", ""), "create the bucket, or correct upload.s3.bucket"),
        (false, answer(404, "NoSuchBucket", ""), "set upload.s3.path_style to true"),
        (true, answer(404, "", ""), "this is no answer of S3: correct upload.s3.endpoint"),
        (
            true,
            answer(403, "SecondLevelDomainForbidden", "Please use virtual hosted style to access."),
            "set upload.s3.path_style to false",
        ),
        (true, answer(507, "XMinioStorageFull", ""), "make room in the bucket"),
        (true, answer(403, "QuotaExceeded", ""), "make room in the bucket"),
        (
            true,
            ErrorAnswer {
                region: region("eu-west-1"),
                ..answer(400, "AuthorizationHeaderMalformed", "wrong region")
            },
            "set upload.s3.region to eu-west-1",
        ),
        (
            true,
            ErrorAnswer {
                host: Some("my-videos.s3-eu-west-1.amazonaws.com".to_owned()),
                ..answer(301, "PermanentRedirect", "use the endpoint")
            },
            "set upload.s3.endpoint to https://s3-eu-west-1.amazonaws.com",
        ),
        (
            true,
            ErrorAnswer {
                server_at_ms: Some(NOW_MS + 1_200_000),
                ..answer(403, "RequestTimeTooSkewed", "")
            },
            "the clock of this machine is 20 min behind the clock of the storage",
        ),
        (
            true,
            ErrorAnswer { server_at_ms: Some(NOW_MS - 600_000), ..answer(403, "AccessDenied", "") },
            "the clock of this machine is 10 min ahead of the clock of the storage",
        ),
    ] {
        let explained = bucket(path_style).explain("the upload", &answer);
        let UploadError::Refused(reason) = &explained else { panic!("{explained:?}") };
        assert!(reason.ends_with(says) || reason.contains(&format!("; {says}")), "{reason}");
        assert!(reason.contains(&format!("answers HTTP {}", answer.status)), "{reason}");
        assert!(reason.contains(&answer.code), "{reason}");
    }
}

#[test]
fn what_may_pass_is_no_refusal_and_no_key_is_repeated() {
    let bucket = bucket(config("https://s3.example.com/", "my-videos", true));
    for (status, code) in [
        (500, "InternalError"),
        (503, "SlowDown"),
        (429, ""),
        (502, ""),
        (400, "RequestTimeout"),
        (413, "EntityTooLarge"),
    ] {
        let explained = bucket.explain("the upload", &answer(status, code, "x"));
        assert!(matches!(explained, UploadError::Failed { .. }), "{status} {code}: {explained:?}");
    }
    let words = format!("key {ACCESS_KEY}, secret {SECRET_KEY}\u{1b}[31m\n{}", "x".repeat(900));
    let shown = bucket.explain("the upload", &answer(403, "AccessDenied", &words)).to_string();
    assert!(shown.contains("key [redacted], secret [redacted] [31m xxx"), "{shown}");
    // Storages repeat the request, what was signed, and what was expected.
    let link = bucket.link("ab.mp4");
    let signature = link.rsplit('=').next().unwrap();
    for words in [format!("cannot read {link}"), format!("expected {signature}, sorry")] {
        let shown = bucket.explain("the upload", &answer(403, "AccessDenied", &words)).to_string();
        assert!(shown.contains("[redacted]"), "{shown}");
        assert!(!shown.contains(signature) && !shown.contains("X-Amz"), "{shown}");
    }
    assert!(shown.len() < 600, "{shown}");
}
