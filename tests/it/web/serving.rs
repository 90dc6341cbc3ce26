//! The address, the reload, and live updates.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    time::Duration,
};

use super::{ANY_PORT, address, ask};
use crate::support::daemon::{JOB, TestEnv, quick};

#[test]
fn page_is_off_by_default() {
    let mut test_env = TestEnv::new(quick());
    test_env.start();
    assert!(!test_env.log().contains("web page at"), "{}", test_env.log());
}

#[test]
fn used_address_is_reported() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap();
    let test_env = TestEnv::with(quick(), 5, &format!("web: {{ listen: '{at}' }}\n"));
    let ran = test_env.run(&["run"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.err.contains(&format!("web.listen: cannot listen on {at}: ")), "{ran:?}");
}

#[test]
fn reload_moves_the_page_and_changes_its_settings() {
    let mut test_env = TestEnv::with(quick(), 5, ANY_PORT);
    test_env.start();
    let first = address(&test_env);
    let named = [("accept", "text/html")];
    assert_eq!(super::ask_as(&first, "dubs.example.com", ("GET", "/", ""), &named).status, 421);
    test_env.change_config(
        "web: { listen: 127.0.0.1:0 }",
        "web: { listen: 127.0.0.1:0, hosts: [dubs.example.com] }",
    );
    test_env.signal("HUP");
    test_env.until("the name to be known", |_| {
        super::ask_as(&first, "dubs.example.com", ("GET", "/", ""), &named).status == 200
    });

    // Another address of the same port.
    let port = first.rsplit_once(':').unwrap().1;
    test_env.change_config("listen: 127.0.0.1:0", &format!("listen: 127.0.0.2:{port}"));
    test_env.signal("HUP");
    let moved = format!("127.0.0.2:{port}");
    test_env.until("it to move", |test_env| address(test_env) == moved);
    assert_eq!(ask(&moved, "GET", "/", &[]).status, 200);
    assert!(TcpStream::connect(&first).is_err());

    // An address that is in use is refused, and the page stays.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap();
    test_env.change_config(&format!("listen: {moved}"), &format!("listen: {at}"));
    test_env.signal("HUP");
    test_env.until("the reload to be refused", |test_env| {
        test_env.log().contains("the old one stays in use: web.listen: cannot listen on")
    });
    assert_eq!(ask(&moved, "GET", "/", &[]).status, 200);

    test_env.change_config(&format!("listen: {at}"), "listen: null");
    test_env.signal("HUP");
    test_env.until("it to end", |_| TcpStream::connect(&moved).is_err());
    assert!(test_env.is_running());
}

/// Lines of the stream until the connection ends.
fn watch(address: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    write!(stream, "GET /events HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
    let mut lines = BufReader::new(stream);
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        lines.read_line(&mut line).unwrap();
    }
    lines
}

fn next_event(lines: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    while !line.starts_with("event:") {
        line.clear();
        assert!(lines.read_line(&mut line).unwrap() > 0, "the stream ended");
    }
    line.trim().to_owned()
}

#[test]
fn a_change_of_the_database_is_an_event() {
    let mut test_env = TestEnv::with(quick(), 5, ANY_PORT);
    test_env.start();
    let address = address(&test_env);
    let mut all: Vec<_> = (0..20).map(|_| watch(&address)).collect();
    test_env.drop_in_old("x.yaml", JOB);
    for lines in &mut all {
        assert_eq!(next_event(lines), "event: changed");
    }
    test_env.until_state("x", "succeeded");
    drop(all);
    assert_eq!(ask(&address, "GET", "/", &[]).status, 200);
}

#[test]
fn jobs_are_shown_and_the_queue_is_paused() {
    let mut test_env = TestEnv::with(quick(), 5, ANY_PORT);
    test_env.drop_in_old("x & y/<b>.yaml", JOB);
    test_env.start();
    test_env.until_state("x & y/<b>", "succeeded");
    let address = address(&test_env);
    let list = ask(&address, "GET", "/jobs?state=succeeded", &[]);
    assert!(list.body.contains("/job?key=x+%26+y%2F%3Cb%3E"), "{}", list.body);
    let job = ask(&address, "GET", "/job?key=x+%26+y%2F%3Cb%3E", &[]);
    assert_eq!(job.status, 200, "{job:?}");
    assert!(job.body.contains("x &amp; y/&lt;b&gt;") && !job.body.contains("<b>"), "{}", job.body);
    assert!(job.body.contains("request_id"), "{}", job.body);
    for (path, status) in [
        ("/job?key=none", 404),
        ("/job", 400),
        ("/job?key=%FF", 404),
        ("/jobs?state=none", 400),
        ("/jobs?after=x", 400),
        ("/jobs?state=failed", 200),
        ("/jobs?manifest=none", 200),
        ("/jobs?sort=key&label=a%3Db&verdict=none&code=1&state=failed,succeeded", 200),
        ("/jobs?sort=none", 400),
        ("/jobs?sort=units", 400),
        ("/manifests", 200),
        ("/failures", 200),
        ("/spend", 200),
        ("/spend?days=365", 200),
        ("/spend?days=1", 400),
        ("/none", 404),
    ] {
        assert_eq!(ask(&address, "GET", path, &[]).status, status, "{path}");
    }
    assert_eq!(super::post(&address, "/pause", "").status, 303);
    assert!(test_env.run(&["status"]).out.contains("paused by `lipsyncd pause`"));
    assert!(ask(&address, "GET", "/", &[]).body.contains("Resume paid calls"));
    assert_eq!(super::post(&address, "/resume", "").status, 303);
    assert!(ask(&address, "GET", "/", &[]).body.contains("Pause paid calls"));
}

/// Who reviews a result need not be able to read all of the bucket.
#[test]
fn no_page_shows_the_signature_of_a_signed_link() {
    let mut test_env = TestEnv::with(quick(), 5, ANY_PORT);
    let signed = "X-Amz-Algorithm=a&X-Amz-Credential=c&X-Amz-Date=d&X-Amz-Expires=9&X-Amz-SignedHeaders=host\
                  &X-Amz-Signature=secret-mac";
    test_env.drop_in_old("x.yaml", JOB.replace("duration_ms=", &format!("{signed}&duration_ms=")));
    test_env.start();
    test_env.until_state("x", "succeeded");
    let address = address(&test_env);
    for path in ["/", "/jobs", "/job?key=x", "/retry?job=x", "/manifests"] {
        let page = ask(&address, "GET", path, &[]).body;
        assert!(page.contains("<main") && !page.contains("secret-mac"), "{path}: {page}");
    }
}
