//! The address and the server behind it.

use std::net::{TcpListener, TcpStream};

use super::{ANY_PORT, Scrape, address, ask};
use crate::support::daemon::{JOB, Ran, TestEnv, quick};

#[test]
fn metrics_page_is_served_and_index_names_it() {
    let mut test_env = TestEnv::with(quick(), 5, ANY_PORT);
    test_env.start();
    let address = address(&test_env);
    let metrics = ask(&address, "GET", "/metrics");
    assert_eq!(metrics.status, 200);
    let kind = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert!(metrics.head.contains(kind), "{}", metrics.head);
    assert!(metrics.head.contains("connection: close"), "{}", metrics.head);
    let first = ask(&address, "GET", "/");
    assert_eq!((first.status, first.body.contains("/metrics")), (200, true));
    assert_eq!(ask(&address, "GET", "/else").status, 404);
    let posted = ask(&address, "POST", "/metrics");
    assert_eq!((posted.status, posted.head.contains("allow: get")), (405, true));
    assert_eq!(ask(&address, "GET", "/metrics?what=ever").status, 200);
}

#[test]
fn silent_connections_do_not_block_others() {
    let mut test_env = TestEnv::with(quick(), 5, ANY_PORT);
    test_env.start();
    let address = address(&test_env);
    let silent: Vec<_> = (0..12).map(|_| TcpStream::connect(&address).unwrap()).collect();
    assert_eq!(Scrape::of(&test_env).value("lipsyncd_database_problem"), 0.0);
    drop(silent);
}

fn listen_at(test_env: &TestEnv, listen: &str) {
    test_env.configure(5, &format!("metrics: {{ listen: {listen} }}\n"));
    test_env.signal("HUP");
}

#[test]
fn reload_changes_the_address_and_keeps_the_counters() {
    let mut test_env = TestEnv::with(quick(), 5, ANY_PORT);
    test_env.start();
    test_env.drop_in_old("x.yaml", JOB);
    test_env.until_state("x", "succeeded");
    let (first, before) = (address(&test_env), Scrape::of(&test_env));
    // Another address of the same port.
    let port = first.rsplit_once(':').unwrap().1;
    listen_at(&test_env, &format!("0.0.0.0:{port}"));
    test_env
        .until("it to move", |test_env| test_env.log().contains("everybody who reaches 0.0.0.0"));
    let moved = address(&test_env);
    assert_eq!(moved, format!("0.0.0.0:{port}"));
    let after = Scrape::of(&test_env);
    for same in
        ["lipsyncd_api_calls_total{call=\"create\",code=\"0\"}", "process_start_time_seconds"]
    {
        assert_eq!(after.value(same), before.value(same), "{same}");
    }

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    listen_at(&test_env, &taken.local_addr().unwrap().to_string());
    test_env.until("the reload to be refused", |test_env| {
        test_env
            .log()
            .contains("the new configuration was refused, the old one stays in use: metrics.listen")
    });
    assert_eq!(Scrape::of(&test_env).value("lipsyncd_database_problem"), 0.0);

    listen_at(&test_env, "null");
    test_env.until("it to end", |_| TcpStream::connect(&moved).is_err());
    assert!(test_env.is_running());
}

#[test]
fn metrics_are_off_by_default() {
    let mut test_env = TestEnv::new(quick());
    test_env.start();
    assert!(!test_env.log().contains("metrics at"), "{}", test_env.log());
}

#[test]
fn used_address_is_reported_before_anything_starts() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap();
    let test_env = TestEnv::with(quick(), 5, &format!("metrics: {{ listen: '{at}' }}\n"));
    let ran = test_env.run(&["run"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.err.contains(&format!("metrics.listen: cannot listen on {at}: ")), "{ran:?}");
    assert!(ran.err.contains("set another address"), "{ran:?}");
    assert!(!test_env.path("lipsyncd.db").exists());
}

#[test]
fn second_daemon_is_told_of_the_first_and_not_of_its_port() {
    let mut test_env = TestEnv::with(quick(), 5, ANY_PORT);
    test_env.start();
    let settings = std::fs::read_to_string(test_env.path("lipsyncd.yaml")).unwrap();
    let same = settings.replace("127.0.0.1:0", &address(&test_env));
    std::fs::write(test_env.path("same.yaml"), same).unwrap();
    let ran = Ran::from(test_env.command_with("same.yaml", &["run"]).output().unwrap());
    assert_eq!(ran.code, Some(3), "{ran:?}");
    let first = format!("another lipsyncd (PID {}) uses", test_env.pid());
    assert!(ran.err.contains(&first), "{ran:?}");
}

#[test]
fn invalid_address_is_a_configuration_error() {
    let test_env = TestEnv::with(quick(), 5, "metrics: { listen: localhost }\n");
    let ran = test_env.run(&["run"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("`metrics.listen` is not an IP address with a port"), "{ran:?}");
}
