//! The way to the API: `kling.base_url` as people copy it, API keys, regions, and proxies.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    process::Command,
    sync::mpsc::{Receiver, channel},
    thread,
};

use lipsyncd::sim::{Endpoint, FaultRule, SimConfig};

use super::DoctorRun;
use crate::support::{
    daemon::{JOB, Ran, TestEnv, quick},
    refusal,
};

/// No request reaches it: a proxy on this machine is in between.
const HOST: &str = "api-singapore.klingai.com";

/// Starts a proxy on this machine that answers each request so. Returns its host and port, and the requests.
fn proxy(answer: &'static str) -> (String, Receiver<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (requests, received) = channel();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let lines = BufReader::new(connection.try_clone().unwrap()).lines();
            let head = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            let _closed = write!(connection, "HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n");
            if requests.send(head).is_err() {
                return;
            }
        }
    });
    (address, received)
}

/// Doctor of an API on the internet, with these variables.
fn doctor(variables: &[(&str, &str)]) -> DoctorRun {
    let test_env = TestEnv::new(quick());
    test_env.set_base_url(&format!("https://{HOST}"));
    let mut command = test_env.command(&["doctor", "--json"]);
    command.envs(variables.iter().copied());
    DoctorRun::of(command)
}

#[test]
fn proxy_that_refuses_connect_is_named_with_its_answer() {
    for (answer, fix) in [
        ("403 Forbidden", "allow api-singapore.klingai.com:443 in the proxy"),
        ("407 Proxy Authentication Required", "put user and password into HTTPS_PROXY"),
    ] {
        let (address, requests) = proxy(answer);
        let url = format!("http://somebody:s3cret-word@{address}");
        let found = doctor(&[("HTTPS_PROXY", &url)]);
        assert_eq!(found.ran.code, Some(1));
        let message = format!("http://{address} refused CONNECT {HOST}:443 with HTTP {answer}");
        found.expect("proxy", "error", &message, fix);
        let api = format!("no connection to {HOST} through the proxy http://{address}: ");
        found.expect("api", "error", &api, "");
        found.expect("result hosts", "ok", "not checked: a proxy resolves the names", "");
        assert!(!found.ran.out.contains("s3cret") && !found.ran.out.contains("somebody"));
        for request in requests.iter().take(2) {
            assert_eq!(request[0], format!("CONNECT {HOST}:443 HTTP/1.1"));
            assert!(request.iter().any(|line| line.to_lowercase().starts_with("proxy-auth")));
        }
    }
}

#[test]
fn proxy_that_does_not_answer_is_named() {
    let found = doctor(&[("https_proxy", "http://127.0.0.1:1")]);
    found.expect(
        "proxy",
        "error",
        "http://127.0.0.1:1, through which",
        "curl -sv http://127.0.0.1:1",
    );
    let found = doctor(&[("ALL_PROXY", "socks5://127.0.0.1:1")]);
    found.expect("proxy", "error", "socks5://127.0.0.1:1 is set", "unset ALL_PROXY");
}

#[test]
fn proxy_is_not_named_where_none_is_used() {
    let test_env = TestEnv::new(quick());
    let mut command = test_env.command(&["doctor", "--json"]);
    // An API on this machine is called directly.
    command.env("HTTPS_PROXY", "http://127.0.0.1:1").env("HTTP_PROXY", "http://127.0.0.1:1");
    let found = DoctorRun::of(command);
    assert_eq!((found.ran.code, found.checks("proxy").len()), (Some(0), 0), "{:#}", found.json);
}

#[test]
fn base_url_with_version_or_endpoint_is_corrected_with_a_note() {
    for tail in ["/v1", "/v1/", "/v1/videos/advanced-lip-sync"] {
        let test_env = TestEnv::new(quick());
        let base = test_env.sim.base_url().trim_end_matches('/').to_owned();
        test_env.set_base_url(&format!("{base}{tail}"));
        test_env.drop_in("x.yaml", JOB);
        let found = DoctorRun::run(&test_env);
        assert_eq!(found.ran.code, Some(0), "{:#}", found.json);
        found.expect("configuration", "warning", &format!("it uses {base}"), "corrected value");
        found.expect("api", "ok", &format!("{base} answered"), "");
        let checked = test_env.run(&["check"]);
        assert_eq!(checked.code, Some(0), "{checked:?}");
        assert!(checked.err.contains("warning: kling.base_url is "), "{checked:?}");
        let ran = test_env.run(&["run", "--once"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(ran.err.contains(&format!("it uses {base}")), "{ran:?}");
        assert_eq!(test_env.ledger().tasks.len(), 1);
    }
}

/// The binary with these credential files and no variables but this folder.
fn with_files(test_env: &TestEnv, files: &[(&str, &str)], arguments: &[&str]) -> Command {
    let folder = test_env.path("systemd-credentials");
    fs::create_dir_all(&folder).unwrap();
    for (name, value) in files {
        fs::write(folder.join(name), value).unwrap();
    }
    let mut command = test_env.command(arguments);
    for name in ["KLING_ACCESS_KEY", "KLING_SECRET_KEY"] {
        command.env_remove(name);
    }
    command.env("CREDENTIALS_DIRECTORY", folder);
    command
}

#[test]
fn file_of_an_api_key_is_enough() {
    const KEY: &str = "api-key-c0ffee-0123456789";
    let config = SimConfig { bearer_token: Some(KEY.to_owned()), ..quick() };
    let test_env = TestEnv::new(config);
    test_env.drop_in("x.yaml", JOB);
    let files = [("kling_api_key", "Bearer api-key-c0ffee-0123456789\n")];
    let found = DoctorRun::of(with_files(&test_env, &files, &["doctor", "--json"]));
    assert_eq!(found.ran.code, Some(0), "{:#}", found.json);
    let message = "an API key, sent as bearer token, from $CREDENTIALS_DIRECTORY, account token-";
    found.expect("credentials", "ok", message, "");
    found.expect("credentials", "warning", "KLING_API_KEY is set with", "store the value alone");
    let ran: Ran = with_files(&test_env, &files, &["run", "--once"]).output().unwrap().into();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.contains("KLING_API_KEY is set with quotes, `Bearer`"), "{ran:?}");
    for text in [&found.ran.out, &ran.err] {
        assert!(!text.contains("c0ffee"), "{text}");
    }
    // Two values for one key.
    let mut both = with_files(&test_env, &files, &["run", "--once"]);
    let ran: Ran = both.env("KLING_API_TOKEN", "another-c0ffee").output().unwrap().into();
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("KLING_API_KEY and KLING_API_TOKEN are set to different values"));
    assert!(!ran.err.contains("c0ffee"), "{ran:?}");
}

#[test]
fn refused_keys_may_belong_to_another_region() {
    let mut test_env = TestEnv::new(quick());
    test_env.sim.control(|sim| sim.add_fault(FaultRule::always(Endpoint::Any, refusal(1002))));
    let found = DoctorRun::run(&test_env);
    found.expect("api", "error", "code 1002", "https://api-beijing.klingai.com");
    test_env.drop_in("x.yaml", JOB);
    test_env.start();
    let hint = "the keys may belong to the host of another region: check kling.base_url";
    test_env
        .until("the pause to be shown", |test_env| test_env.run(&["status"]).out.contains(hint));
}
