//! How problems of the configuration are reported.

use super::*;

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
        upload: {s3: {endpoint: 'https://s3.example.com', bucket: my.videos, path_style: false}} => 1:82: `upload.s3.path_style` must be `true`
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
        limits: {money_per_day: -1} => 1:25: `limits.money_per_day` is out of range
        prices: {identify: cheap} => 1:20: `prices.identify` cannot be the text `cheap`
        prices: {per_5s: -0.5} => 1:18: `prices.per_5s` is out of range
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
        web: {listen: '0.0.0.0:8470'} => 1:15: `web.password_file` is missing: `web.listen` is an address that other machines reach
        web: {listen: localhost} => 1:15: `web.listen` is not an IP address with a port (`null`, or
        web: {hosts: ['*.example.com']} => 1:14: `web.hosts` contains `*.example.com`: name each host (a list of
        web: {hosts: ['dubs.example.com:8470']} => 1:14: `web.hosts` contains `dubs.example.com:8470`, which is not a host
        web: {read_only: 1} => 1:18: `web.read_only` cannot be the number `1`
        web: {password_file: ''} => 1:22: `web.password_file` is empty
        metrics: {listen: 9464} => 1:19: `metrics.listen` cannot be the number `9464` (`null`, or an IP address with a port, such as `127.0.0.1:9464`
        metrics: {listen: 127.0.0.1} => 1:19: `metrics.listen` is not an IP address with a port (`null`, or
        metrics: {listen: 'localhost:9464'} => 1:19: `metrics.listen` is not an IP address with a port
        metrics: {listen: '::1:9464'} => 1:19: `metrics.listen` is not an IP address with a port
        metrics: {listen: '127.0.0.1:65536'} => 1:19: `metrics.listen` is not an IP address with a port
        upload: {s3: {secret_access_key: x}} => 1:15: unknown key `upload.s3.secret_access_key` (credentials are never in this file: set KLING_API_KEY, or
        kling: {api_key: x} => 1:9: unknown key `kling.api_key` (credentials are never in this file
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
