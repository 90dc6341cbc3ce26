//! The configuration as users see it: the example, where it is found, and how problems are reported.

mod credentials;
mod find;
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
        },
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
        metrics: MetricsConfig { listen: None },
        log: LogConfig { format: LogFormat::Auto },
        notes: Vec::new(),
    };
    assert_eq!(Config::default(), expected);
}

#[test]
fn every_setting_is_read() {
    let config = good(
        "jobs_dir: a\noutput_dir: b\nstate_db: c\nwatch: {settle: 0s, media_settle: 250ms, rescan_interval: 500ms, on_change: run, ignore: [drafts/]}\n\
         media: {dirs: [d, /e], public_base_url: http://m.example.com/x, serve: {listen: '127.0.0.1:8480', public_url: https://v.example.com}}\n\
         upload: {s3: {endpoint: 'https://s3.example.com/api', bucket: my-videos, region: eu-west-1, path_style: false, prefix: ''}, link_ttl: 48h, concurrency: 3}\n\
         kling: {base_url: 'http://127.0.0.1:8080/api', connect_timeout: 1s, request_timeout: 2s, session_ttl: 1h, create_settle: 2001ms}\n\
         limits: {concurrency: 7, identify_per_second: 0.5, create_per_second: 3, query_per_second: 1000, units_per_day: 12.345678}\n\
         poll: {min_interval: 1s, max_interval: 1s}\nretry: {initial: 10ms, max: 1m 30s, give_up_after: 1h}\n\
         pause: {probe_interval: 2s}\ndownload: {concurrency: 1, max_bytes: 1000, \
         allow_hosts: [files.example.com, '*.cdn.example.com', '[::1]']}\nretention: {history: 1d 12h}\n\
         notify: [{webhook: 'https://e.com/x?token=y', format: ntfy, events: [job.succeeded]}, {command: [say, hi]}]\n\
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
        },
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

#[test]
fn problems_are_reported_where_they_are() {
    expect_rows(
        "
        [a] => 1:1: the configuration cannot be a list
        jobdir: x => 1:1: unknown key `jobdir` (did you mean `jobs_dir`?)
        zzz: x => 1:1: unknown key `zzz` (known here: jobs_dir, output_dir, state_db, watch, media, upload,
        watch: {settel: 1s} => 1:9: unknown key `watch.settel` (did you mean `settle`?)
        watch: {qqq: 1s} => 1:9: unknown key `watch.qqq` (known here: settle, media_settle, on_change, rescan_interval, ignore)
        watch: 5 => 1:8: `watch` cannot be the number `5` (a mapping of settle, media_settle, on_change, rescan_interval, ignore)
        watch: {settle: 1} => 1:17: `watch.settle` cannot be the number `1` (a duration
        watch: {settle: '1'} => 1:17: `watch.settle` is not a duration
        watch: {settle: -1s} => 1:17: `watch.settle` is not a duration
        watch: {settle: soon} => 1:17: `watch.settle` is not a duration
        watch: {settle: {a: 1}} => 1:17: `watch.settle` cannot be a mapping
        watch: {settle: } => 1:9: `watch.settle` cannot be empty
        watch: {settle: 2h} => 1:17: `watch.settle` is out of range
        watch: {ignore: drafts} => 1:17: `watch.ignore` cannot be the text `drafts` (a list of patterns
        watch: {ignore: ['[a']} => 1:17: `watch.ignore` has the pattern `[a`: invalid range pattern (a list of patterns
        watch: {ignore: ['/']} => 1:17: `watch.ignore` has the pattern `/`, which matches nothing (a list of patterns
        watch: {media_settle: 2h} => 1:23: `watch.media_settle` is out of range
        watch: {on_change: stop} => 1:20: `watch.on_change` cannot be the text `stop` (`flag` or `run`)
        watch: {settle: 1s, settle: 2s} => 1:21: the key `settle` is repeated
        jobs_dir:jobs => 1:1: a space is missing after `jobs_dir:` (write `jobs_dir: …`)
        limits: concurrency:5 => 1:9: a space is missing after `concurrency:`
        jobs_dir: &x => 1:11: the anchor `&x` has no value
        jobs_dir: !x => 1:11: the tag `!x` is not known
        jobs_dir: [a] => 1:11: `jobs_dir` cannot be a list (a path of a folder)
        jobs_dir: ~/jobs => 1:11: `jobs_dir` begins with `~`, which lipsyncd does not expand
        state_db: '' => 1:11: `state_db` is empty
        media: {dirs: /srv} => 1:15: `media.dirs` cannot be the text `/srv` (a list
        media: {dirs: [a, 5]} => 1:19: `media.dirs` cannot be the number `5`
        media: {dirs: [a, ~/b]} => 1:19: `media.dirs` begins with `~`
        media: {public_base_url: m.e.com} => 1:26: `media.public_base_url` is not a URL
        media: {public_base_url: 'ftp://e.com'} => 1:26: `media.public_base_url` is not an http(s) URL
        media: {public_base_url: 'https://e.com/?a'} => 1:26: `media.public_base_url` contains a `?` or `#`
        media: {serve: {listen: '127.0.0.1:1'}} => 1:25: `media.serve.public_url` is missing: `media.serve.listen` is set, and both are needed
        media: {serve: {public_url: 'https://e.com'}} => 1:29: `media.serve.listen` is missing: `media.serve.public_url` is set, and both are needed
        media: {serve: {listen: '127.0.0.1:1', public_url: 'http://e.com'}} => 1:52: `media.serve.public_url` would send videos and links unencrypted
        media: {serve: {port: 1}} => 1:17: unknown key `media.serve.port` (known here: listen, public_url)
        upload: {s3: {endpoint: 'https://e.com'}} => 1:25: `upload.s3.bucket` is missing: `upload.s3.endpoint` is set, and both are needed (`null`, or the name of a bucket
        upload: {s3: {bucket: videos}} => 1:23: `upload.s3.endpoint` is missing: `upload.s3.bucket` is set, and both are needed (`null`, or an https URL
        upload: {s3: {endpoint: 'http://e.com', bucket: videos}} => 1:25: `upload.s3.endpoint` would send videos and links unencrypted
        upload: {s3: {endpoint: 'https://videos.e.com', bucket: videos}} => 1:25: `upload.s3.endpoint` contains the bucket, which lipsyncd adds itself
        upload: {s3: {endpoint: 'https://e.com/videos/', bucket: videos}} => 1:25: `upload.s3.endpoint` contains the bucket
        upload: {s3: {endpoint: 'https://[::2]', bucket: videos, path_style: false}} => 1:70: `upload.s3.path_style` must be `true`
        upload: {s3: {endpoint: 5, bucket: videos}} => 1:25: `upload.s3.endpoint` cannot be the number `5`
        upload: {s3: {bucket: My_Videos}} => 1:23: `upload.s3.bucket` is not the name of a bucket
        upload: {s3: {region: ''}} => 1:23: `upload.s3.region` is not the name of a region
        upload: {s3: {path_style: maybe}} => 1:27: `upload.s3.path_style` cannot be the text `maybe`
        upload: {s3: {prefix: /a}} => 1:23: `upload.s3.prefix` is not a prefix of object names
        upload: {s3: {prefix: a/../b}} => 1:23: `upload.s3.prefix` is not a prefix of object names
        upload: {s3: {buket: x}} => 1:15: unknown key `upload.s3.buket` (did you mean `bucket`?)
        upload: {concurrency: 17} => 1:23: `upload.concurrency` is out of range
        upload: {link_ttl: 200h} => 1:20: `upload.link_ttl` is out of range
        upload: {s3: {endpoint: 'https://e.com', bucket: videos}, link_ttl: 1h} => 1:69: `upload.link_ttl` is below `kling.session_ttl`
        kling: {base_url: 'https://u:p@e.com'} => 1:19: `kling.base_url` contains a user name or password
        kling: {base_url: 5} => 1:19: `kling.base_url` cannot be the number `5`
        kling: {base_url: null} => 1:19: `kling.base_url` cannot be null
        kling: {request_timeout: 0s} => 1:26: `kling.request_timeout` is out of range
        kling: {create_settle: 60s} => 1:24: `kling.create_settle` is 1m, which is not above `kling.request_timeout` (1m): a create request could arrive after it was sent again; set create_settle to 1m 30s or more, or lower request_timeout (a duration above
        kling: {create_settle: 0s} => 1:24: `kling.create_settle` is 0s, which is not above `kling.request_timeout` (1m)
        kling: {request_timeout: 2m} => 1:26: `kling.create_settle` is 1m 30s, which is not above `kling.request_timeout` (2m): a create request could arrive after it was sent again; set create_settle to 2m 30s or more
        kling: {request_timeout: 500ms, create_settle: 500ms} => 1:48: `kling.create_settle` is 500ms, which is not above `kling.request_timeout` (500ms)
        kling: {request_timeout: x, create_settle: 1s} => 1:26: `kling.request_timeout` is not a duration
        limits: {concurrency: 0} => 1:23: `limits.concurrency` is out of range (a whole number from 1 to 1000)
        limits: {concurrency: -1} => 1:23: `limits.concurrency` cannot be the number `-1`
        limits: {concurrency: 1.5} => 1:23: `limits.concurrency` cannot be the number `1.5`
        limits: {concurrency: many} => 1:23: `limits.concurrency` cannot be the text `many`
        limits: {create_per_second: 0} => 1:29: `limits.create_per_second` is out of range
        limits: {create_per_second: .nan} => 1:29: `limits.create_per_second` cannot be the number `.nan`
        limits: {units_per_day: -1} => 1:25: `limits.units_per_day` is out of range
        limits: {units_per_day: 0.0000001} => 1:25: `limits.units_per_day` has more than six decimals
        limits: {units_per_day: lots} => 1:25: `limits.units_per_day` cannot be the text `lots`
        poll: {min_interval: 1m} => 1:22: `poll.min_interval` is above `poll.max_interval`
        poll: {min_interval: 1m, max_interval: x} => 1:40: `poll.max_interval` is not a duration
        poll: {max_interval: 1s} => 1:22: `poll.min_interval` is above `poll.max_interval`
        retry: {initial: 2s, max: 1s} => 1:18: `retry.initial` is above `retry.max`
        download: {max_bytes: 2GX} => 1:23: `download.max_bytes` is not a size
        download: {max_bytes: [1]} => 1:23: `download.max_bytes` cannot be a list
        download: {max_bytes: 0} => 1:23: `download.max_bytes` is out of range
        download: {allow_hosts: ['a.example:80']} => 1:25: `download.allow_hosts` contains `a.example:80`, which is not a host
        download: {allow_hosts: ['*']} => 1:25: `download.allow_hosts` contains `*`, which is not a host
        notify: x => 1:9: `notify` cannot be the text `x` (a list of
        notify: [x] => 1:10: `notify` cannot be the text `x`
        notify: [{}] => 1:10: `notify` needs either `webhook` or `command` in each entry
        notify: [{webhok: 'https://e.com'}] => 1:19: `notify` has the unknown key `webhok`, expected one of `webhook`, `format`
        notify: [{command: [a]}, {webhook: 'http://e.com'}] => 1:26: `notify` has a webhook that sends messages unencrypted
        notify: [{webhook: 'https://u:p@e.com'}] => 1:10: `notify` has a webhook with a user name or password (a list
        notify: [{webhook: 'e.com'}] => 1:10: `notify` has a webhook that is no URL: relative URL without a base
        notify: [{webhook: 'https://e.com', events: []}] => 1:10: `notify` has an entry without events
        notify: [{command: [a], events: [job.failed]}] => 1:34: `notify` contains `job.failed`, which is no event (a list
        notify: [{command: [a, 5]}] => 1:24: `notify[0].command[1]` cannot be the number `5` (a list
        notify: [{webhook: 'https://e.com', format: xml}] => 1:45: `notify[0].format` cannot be the text `xml`
        notify: [{command: []}] => 1:10: `notify` has a command without a program
        notify: [{command: [a], format: ntfy}] => 1:10: `notify` has a `format` without a `webhook`
        metrics: {listen: 9464} => 1:19: `metrics.listen` cannot be the number `9464` (`null`, or an IP address with a port, such as `127.0.0.1:9464`
        metrics: {listen: 127.0.0.1} => 1:19: `metrics.listen` is not an IP address with a port (`null`, or
        metrics: {listen: 'localhost:9464'} => 1:19: `metrics.listen` is not an IP address with a port
        metrics: {listen: '::1:9464'} => 1:19: `metrics.listen` is not an IP address with a port
        metrics: {listen: '127.0.0.1:65536'} => 1:19: `metrics.listen` is not an IP address with a port
        metrics: {port: 9464} => 1:11: unknown key `metrics.port` (known here: listen)
        log: {format: xml} => 1:15: `log.format` cannot be the text `xml` (`auto`, `text`, `json` or `journald`)
        ",
    );
}

#[test]
fn all_problems_are_reported_at_once() {
    let problems =
        read(b"watch: {settle: 1}\nlimits:\n  concurrency: 0\n  create_per_second: x\nfoo: 1\n");
    let shown = problems.expect_err("problems").one_line("");
    let places: Vec<&str> = shown.lines().map(|line| &line[..4]).collect();
    assert_eq!(places, ["1:17", "3:16", "4:22", "5:1:"], "{shown}");
}
