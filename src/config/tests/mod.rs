//! The configuration as users see it: the example, where it is found, and how problems are reported.

mod credentials;
mod find;
mod problems;
mod schema;

use std::time::Duration;

use url::Url;

use super::{keys::KEYS, read::read, settings::*, *};
use crate::manifest::IgnorePatterns;

#[track_caller]
fn good(text: &str) -> Config {
    match read(text.as_bytes()) {
        Ok(config) => config,
        Err(problems) => panic!("{}", problems.render("lipsyncd.yaml", text, false)),
    }
}

/// Rows of a text and how its one problem begins; `|` in a text begins a line.
#[track_caller]
fn expect_rows(rows: &str) {
    for row in rows.trim().lines() {
        let (text, expected) = row.split_once(" => ").expect("a row has two halves");
        let text = text.trim().replace('|', "\n");
        let shown = match read(text.as_bytes()) {
            Ok(config) => panic!("{text}: no problem was found, but {config:?}"),
            Err(problems) => problems.one_line("c"),
        };
        assert_eq!(shown.lines().count(), 1, "{text}\n{shown}");
        assert!(shown.starts_with(&format!("c:{expected}")), "{text}\n{shown}\n{expected}");
    }
}

#[test]
fn the_example_is_the_default_and_shows_every_key() {
    let text = include_str!("../../../lipsyncd.example.yaml");
    assert_eq!(good(text), Config::default());
    let root: serde_yaml::Value = serde_yaml::from_str(text).expect("the example is YAML");
    for key in KEYS.map(|key| key.name) {
        let value = key.split('.').try_fold(&root, |value, part| value.get(part));
        assert!(value.is_some(), "lipsyncd.example.yaml does not show `{key}`");
    }
    for empty in ["", "# nothing\n", "watch:\n", "media: null\nlog: {}\n"] {
        assert_eq!(good(empty), Config::default(), "{empty:?}");
    }
}

#[test]
fn the_defaults_are_the_promised_ones() {
    let expected = Config {
        jobs_dir: "jobs".into(),
        output_dir: "output".into(),
        state_db: "lipsyncd.db".into(),
        watch: WatchConfig {
            settle: Duration::from_secs(1),
            media_settle: Duration::from_secs(5),
            on_change: OnChangeSetting::Flag,
            rescan_interval: Duration::from_secs(30),
            ignore: IgnorePatterns::default(),
        },
        media: MediaConfig {
            dirs: Vec::new(),
            public_base_url: None,
            serve: ServeConfig { listen: None, public_url: None },
        },
        upload: UploadConfig {
            s3: S3Config {
                endpoint: None,
                bucket: None,
                region: None,
                path_style: true,
                prefix: "lipsyncd/".to_owned(),
            },
            link_ttl: Duration::from_hours(24),
            concurrency: 2,
        },
        kling: KlingConfig {
            base_url: Url::parse("https://api-singapore.klingai.com/").expect("a valid address"),
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(60),
            session_ttl: Duration::from_hours(23),
            create_settle: Duration::from_secs(90),
        },
        limits: LimitsConfig {
            concurrency: 5,
            identify_per_second: 2.0,
            create_per_second: 2.0,
            query_per_second: 10.0,
            units_per_day_micro: None,
            money_per_day_micro: None,
        },
        prices: PricesConfig { identify_micro: None, per_5s_micro: None },
        poll: PollConfig {
            min_interval: Duration::from_secs(2),
            max_interval: Duration::from_secs(30),
        },
        retry: RetryConfig {
            initial: Duration::from_secs(1),
            max: Duration::from_mins(5),
            give_up_after: Duration::from_hours(24),
        },
        pause: PauseConfig { probe_interval: Duration::from_mins(1) },
        download: DownloadConfig { concurrency: 4, max_bytes: 2 << 30, allow_hosts: Vec::new() },
        retention: RetentionConfig { history: Some(Duration::from_hours(90 * 24)) },
        notify: Vec::new(),
        web: WebConfig { listen: None, hosts: Vec::new(), read_only: false, password_file: None },
        metrics: MetricsConfig { listen: None },
        log: LogConfig { format: LogFormat::Auto },
        notes: Vec::new(),
    };
    assert_eq!(Config::default(), expected);
}

#[test]
fn a_web_page_without_an_address_has_the_usual_one() {
    let listen = |text: &str| good(text).web.listen.map(|at| at.to_string());
    for on in ["web: {}", "web: {read_only: true}", "web: {listen: '127.0.0.1:8470'}"] {
        assert_eq!(listen(on).as_deref(), Some("127.0.0.1:8470"), "{on}");
    }
    for off in ["", "web:", "web: null", "web: {listen: null}"] {
        assert_eq!(listen(off), None, "{off}");
    }
}

#[test]
fn every_setting_is_read() {
    let config = good(
        "jobs_dir: a\noutput_dir: b\nstate_db: c\nwatch: {settle: 0s, media_settle: 250ms, rescan_interval: 500ms, on_change: run, ignore: [drafts/]}\n\
         media: {dirs: [d, /e], public_base_url: http://m.example.com/x, serve: {listen: '127.0.0.1:8480', public_url: https://v.example.com}}\n\
         upload: {s3: {endpoint: 'https://s3.example.com/api', bucket: my-videos, region: eu-west-1, path_style: false, prefix: ''}, link_ttl: 48h, concurrency: 3}\n\
         kling: {base_url: 'http://127.0.0.1:8080/api', connect_timeout: 1s, request_timeout: 2s, session_ttl: 1h, create_settle: 2001ms}\n\
         limits: {concurrency: 7, identify_per_second: 0.5, create_per_second: 3, query_per_second: 1000, units_per_day: 12.345678, money_per_day: 1.5}\n\
         prices: {identify: 0.05, per_5s: 0.5}\n\
         poll: {min_interval: 1s, max_interval: 1s}\nretry: {initial: 10ms, max: 1m 30s, give_up_after: 1h}\n\
         pause: {probe_interval: 2s}\ndownload: {concurrency: 1, max_bytes: 1000, \
         allow_hosts: [files.example.com, '*.cdn.example.com', '[::1]']}\nretention: {history: 1d 12h}\n\
         notify: [{webhook: 'https://e.com/x?token=y', format: ntfy, events: [job.succeeded]}, {command: [say, hi]}]\n\
         web: {listen: '0.0.0.0:8470', hosts: [Dubs.example.com, '[::2]'], read_only: true, password_file: pass}\n\
         metrics: {listen: '[::1]:9464'}\nlog: {format: journald}\n",
    );
    let ms = Duration::from_millis;
    let expected = Config {
        jobs_dir: "a".into(),
        output_dir: "b".into(),
        state_db: "c".into(),
        watch: WatchConfig {
            settle: ms(0),
            media_settle: ms(250),
            on_change: OnChangeSetting::Run,
            rescan_interval: ms(500),
            ignore: IgnorePatterns::new(vec!["drafts/".to_owned()]).expect("a pattern"),
        },
        media: MediaConfig {
            dirs: vec!["d".into(), "/e".into()],
            public_base_url: Some(Url::parse("http://m.example.com/x/").expect("an address")),
            serve: ServeConfig {
                listen: Some("127.0.0.1:8480".parse().expect("an address")),
                public_url: Some(Url::parse("https://v.example.com/").expect("an address")),
            },
        },
        upload: UploadConfig {
            s3: S3Config {
                endpoint: Some(Url::parse("https://s3.example.com/api/").expect("an address")),
                bucket: Some("my-videos".to_owned()),
                region: Some("eu-west-1".to_owned()),
                path_style: false,
                prefix: String::new(),
            },
            link_ttl: ms(48 * 3_600_000),
            concurrency: 3,
        },
        kling: KlingConfig {
            base_url: Url::parse("http://127.0.0.1:8080/api/").expect("an address"),
            connect_timeout: ms(1_000),
            request_timeout: ms(2_000),
            session_ttl: ms(3_600_000),
            create_settle: ms(2_001),
        },
        limits: LimitsConfig {
            concurrency: 7,
            identify_per_second: 0.5,
            create_per_second: 3.0,
            query_per_second: 1000.0,
            units_per_day_micro: Some(12_345_678),
            money_per_day_micro: Some(1_500_000),
        },
        prices: PricesConfig { identify_micro: Some(50_000), per_5s_micro: Some(500_000) },
        poll: PollConfig { min_interval: ms(1_000), max_interval: ms(1_000) },
        retry: RetryConfig { initial: ms(10), max: ms(90_000), give_up_after: ms(3_600_000) },
        pause: PauseConfig { probe_interval: ms(2_000) },
        download: DownloadConfig {
            concurrency: 1,
            max_bytes: 1_000,
            allow_hosts: vec![
                "files.example.com".into(),
                "*.cdn.example.com".into(),
                "[::1]".into(),
            ],
        },
        retention: RetentionConfig { history: Some(ms(36 * 3_600_000)) },
        notify: vec![
            NotifyTarget {
                channel: NotifyChannel::Webhook {
                    url: Url::parse("https://e.com/x?token=y").expect("an address"),
                    format: WebhookFormat::Ntfy,
                },
                events: vec![NotifyEvent::JobSucceeded],
            },
            NotifyTarget {
                channel: NotifyChannel::Command(vec!["say".to_owned(), "hi".to_owned()]),
                events: NotifyEvent::ALL
                    .into_iter()
                    .filter(|event| *event != NotifyEvent::JobSucceeded)
                    .collect(),
            },
        ],
        web: WebConfig {
            listen: Some("0.0.0.0:8470".parse().expect("an address")),
            hosts: vec!["dubs.example.com".into(), "[::2]".into()],
            read_only: true,
            password_file: Some("pass".into()),
        },
        metrics: MetricsConfig { listen: Some("[::1]:9464".parse().expect("an address")) },
        log: LogConfig { format: LogFormat::Journald },
        notes: Vec::new(),
    };
    assert_eq!(config, expected);
    assert_eq!(good("retention: {history: null}").retention.history, None);
}

#[test]
fn sizes_and_units_have_their_spellings() {
    for (size, bytes) in [
        ("1B", 1),
        ("2 kB", 2_000),
        ("3MB", 3_000_000),
        ("4KiB", 4096),
        ("2GiB", 2 << 30),
        ("1tib", 1 << 40),
    ] {
        assert_eq!(good(&format!("download: {{max_bytes: {size}}}")).download.max_bytes, bytes);
    }
    for (units, micro) in [
        ("0", 0),
        ("1", 1_000_000),
        ("0.1", 100_000),
        ("0.000001", 1),
        ("123456789.654321", 123_456_789_654_321),
    ] {
        let limits = good(&format!("limits: {{units_per_day: {units}}}")).limits;
        assert_eq!(limits.units_per_day_micro, Some(micro), "{units}");
    }
}

#[test]
fn plain_http_goes_to_this_machine_only() {
    for address in [
        "http://127.0.0.1:1",
        "http://127.9.9.9",
        "http://[::1]:80",
        "http://localhost",
        "http://LOCALHOST/",
        "https://e.com",
    ] {
        good(&format!("kling: {{base_url: '{address}'}}"));
    }
    for address in [
        "http://e.com",
        "http://10.0.0.1",
        "http://localhost.e.com",
        "http://[::2]",
        "http://127.0.0.1.e.com",
    ] {
        let row = format!(
            "kling: {{base_url: '{address}'}} => 1:19: `kling.base_url` would send credentials unencrypted (an https"
        );
        expect_rows(&row);
    }
}
