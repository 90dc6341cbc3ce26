//! Attacks, each of them refused.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use super::{ANY_PORT, address, ask, ask_as, post, send};
use crate::support::daemon::{JOB, TestEnv, quick};

fn started(more: &str) -> (TestEnv, String) {
    let mut test_env = TestEnv::with(quick(), 5, more);
    test_env.start();
    let address = address(&test_env);
    (test_env, address)
}

/// Paths that change something.
const CHANGES: [&str; 8] = [
    "/logout",
    "/pause",
    "/resume",
    "/retry",
    "/cancel",
    "/dismiss",
    "/undo-dismissal",
    "/verdict",
];

#[test]
fn pages_of_other_sites_change_nothing() {
    let (_test_env, address) = started(ANY_PORT);
    let port = address.rsplit_once(':').unwrap().1;
    let other_port = format!("http://127.0.0.1:{}", port.parse::<u32>().unwrap() - 1);
    let own = format!("http://{address}");
    for path in CHANGES {
        for headers in [
            // A form and a fetch of another site.
            &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")][..],
            &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")],
            // Another port of this host.
            &[("sec-fetch-site", "same-site"), ("origin", &other_port)],
            &[("origin", &other_port)],
            // Without the headers of browsers.
            &[],
            &[("referer", &own)],
            &[("origin", "null")],
            &[("sec-fetch-site", "none")],
            &[("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-origin")],
            &[("sec-fetch-site", "cross-site"), ("origin", &own)],
        ] {
            let answer = ask_as(&address, &address, ("POST", path, "key=x"), headers);
            assert_eq!(answer.status, 403, "{path} {headers:?}");
        }
        assert_ne!(post(&address, path, "").status, 403);
        // No form of a page sends GET. The questions are pages of their own.
        let status = ask(&address, "GET", path, &[]).status;
        assert!(matches!(status, 400 | 405), "{path}: {status}");
    }
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "X"] {
        let answer = ask(&address, method, "/", &[("sec-fetch-site", "same-origin")]);
        assert!(matches!(answer.status, 400 | 405 | 421), "{method}: {answer:?}");
        assert!(answer.header("access-control-allow-origin").is_none());
    }
}

#[test]
fn other_names_of_this_machine_are_refused() {
    let (_test_env, address) = started("web: { listen: 127.0.0.1:0, hosts: [Dubs.example.com] }\n");
    let port = address.rsplit_once(':').unwrap().1;
    let get = ("GET", "/", "");
    for own in [
        "localhost",
        "LOCALHOST:1",
        "127.0.0.1",
        "[::1]:80",
        "dubs.example.com",
        "dubs.example.com:443",
    ] {
        assert_eq!(ask_as(&address, own, get, &[]).status, 200, "{own}");
    }
    for other in [
        "evil.example",
        &format!("evil.example:{port}"),
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "xdubs.example.com",
        "0.0.0.0",
        "192.0.2.1",
        "localhost:80@evil.example",
        "",
    ] {
        for method in ["GET", "POST"] {
            let same = [("sec-fetch-site", "same-origin"), ("origin", &*format!("http://{other}"))];
            let answer = ask_as(&address, other, (method, "/logout", ""), &same);
            assert_eq!(answer.status, 421, "{method} {other}: {answer:?}");
        }
    }
    for request in [
        "GET / HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(),
        "GET / HTTP/1.0\r\n\r\n".to_owned(),
        format!(
            "GET / HTTP/1.1\r\nHost: {address}\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
        ),
        format!(
            "GET http://evil.example/ HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
        ),
    ] {
        let answer = send(&address, request.as_bytes());
        assert!(matches!(answer.status, 400 | 421), "{request}: {answer:?}");
    }
}

#[test]
fn every_answer_limits_what_browsers_do_with_it() {
    let (_test_env, address) = started(ANY_PORT);
    let own = &*address;
    for (host, method, path) in [
        (own, "GET", "/"),
        (own, "GET", "/nothing"),
        (own, "GET", "/assets/style.css"),
        (own, "PUT", "/"),
        (own, "POST", "/"),
        ("evil.example", "GET", "/"),
    ] {
        let answer = ask_as(own, host, (method, path, ""), &[]);
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{host} {method} {path}");
        }
        let policy = answer.header("content-security-policy").unwrap();
        for part in [
            "default-src 'none'",
            "script-src 'self';",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe-"), "{policy}");
        assert!(answer.header("cache-control").is_some());
    }
    let page = ask(&address, "GET", "/", &[]).body;
    for inline in
        ["<style", " style=", "<script>", " onclick=", "javascript:", "http://", "https://"]
    {
        assert!(!page.contains(inline), "{inline} in {page}");
    }
}

#[test]
fn a_read_only_page_changes_nothing() {
    let (_test_env, address) = started("web: { listen: 127.0.0.1:0, read_only: true }\n");
    for path in ["/", "/pause", "/retry", "/nothing", "/logout/../pause", "//logout", "/logout/"] {
        let answer = post(&address, path, "");
        assert_eq!(answer.status, 403, "{path}: {answer:?}");
        assert!(answer.body.contains("web.read_only"), "{answer:?}");
    }
    assert_eq!(ask(&address, "GET", "/", &[]).status, 200);
}

#[test]
fn paths_lead_nowhere_else() {
    let (_test_env, address) = started(ANY_PORT);
    for path in [
        "/../lipsyncd.db",
        "/..%2flipsyncd.db",
        "/assets/../../lipsyncd.yaml",
        "/assets/..%2f..%2flipsyncd.yaml",
        "/assets/%2e%2e/%2e%2e/etc/passwd",
        "/assets//etc/passwd",
        "/%00",
        "/assets/style.css%00.html",
        "/.git/config",
    ] {
        let answer = ask(&address, "GET", path, &[]);
        assert!(matches!(answer.status, 400 | 404), "{path}: {answer:?}");
    }
}

#[test]
fn oversized_requests_are_refused() {
    let (mut test_env, address) = started(ANY_PORT);
    let long = "x".repeat(64 << 10);
    let status = ask(&address, "GET", "/", &[("x-long", &long)]).status;
    assert!(matches!(status, 0 | 431), "{status}");
    let status = ask(&address, "GET", &format!("/?{long}"), &[]).status;
    assert!(matches!(status, 0 | 414 | 431), "{status}");
    let many: Vec<(String, &str)> = (0..200).map(|at| (format!("x-{at}"), "y")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (&**name, *value)).collect();
    assert!(matches!(ask(&address, "GET", "/", &many).status, 0 | 431));
    let form = "x".repeat(1 << 20);
    assert!(matches!(post(&address, "/logout", &form).status, 0 | 413));
    assert_eq!(ask(&address, "GET", "/", &[]).status, 200);
    assert!(test_env.is_running());
}

/// More connections than are served at once, of clients that send nothing, half a head, and half a form.
#[test]
fn slow_clients_keep_nobody_out() {
    let (mut test_env, address) = started(ANY_PORT);
    let half = [
        String::new(),
        "GET / HTTP/1.1\r\nHost: ".to_owned(),
        format!(
            "POST /logout HTTP/1.1\r\nHost: {address}\r\nSec-Fetch-Site: same-origin\r\nContent-Length: 10\r\n\r\nx"
        ),
    ];
    let mut slow = Vec::new();
    for at in 0..300 {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.write_all(half[at % half.len()].as_bytes()).unwrap();
        slow.push(stream);
    }
    // Nobody has closed them: the daemon does.
    assert_eq!(ask(&address, "GET", "/", &[]).status, 200);
    let mut first = slow.swap_remove(0);
    first.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut rest = Vec::new();
    let _reset = first.read_to_end(&mut rest);
    assert!(test_env.is_running());
}

/// Open files of the daemon.
fn open_files(test_env: &TestEnv) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", test_env.pid())).unwrap().count()
}

/// Far more connections than are served at once. The jobs do not notice.
#[test]
fn ten_thousand_connections_do_not_stop_the_daemon() {
    const THREADS: usize = 20;
    const EACH: usize = 500;
    let (mut test_env, address) = started(ANY_PORT);
    let before = open_files(&test_env);
    let to = address.parse().unwrap();
    let most = std::thread::scope(|scope| {
        let attack = || {
            // The system's queue is full soon: then a connection is not even answered.
            let tries =
                (0..EACH).map(|_| TcpStream::connect_timeout(&to, Duration::from_millis(5)));
            tries.filter_map(Result::ok).collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(attack)).collect();
        test_env.drop_in_old("x.yaml", JOB);
        test_env.until_state("x", "succeeded");
        let most = open_files(&test_env);
        let open: Vec<TcpStream> =
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert!(open.len() > 256, "only {} connections were open", open.len());
        most.max(open_files(&test_env))
    });
    assert!(most < before + 256 + 64, "{before} open files before, {most} during the attack");
    test_env.until("the page to be served again", |_| ask(&address, "GET", "/", &[]).status == 200);
    assert!(test_env.is_running());
}
