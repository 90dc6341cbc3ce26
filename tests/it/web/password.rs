//! `web.password_file`.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::{HttpAnswer, address, ask, ask_as};
use crate::support::daemon::{TestEnv, quick};

const PASSWORD: &str = "9f86d081884c7d659a2feaa0c55ad015";

fn write_password(test_env: &TestEnv, text: &str, mode: u32) {
    let path = test_env.path("password");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
}

fn with_password(listen: &str) -> TestEnv {
    let more = format!("web: {{ listen: '{listen}', password_file: password }}\n");
    let test_env = TestEnv::with(quick(), 5, &more);
    write_password(&test_env, &format!("{PASSWORD}\n"), 0o600);
    test_env
}

fn log_in(address: &str, password: &str, next: &str) -> HttpAnswer {
    let form = format!("password={password}&next={next}");
    let same = [("origin", &*format!("http://{address}"))];
    ask_as(address, address, ("POST", "/login", &form), &same)
}

fn cookie(answer: &HttpAnswer) -> String {
    let cookie = answer.header("set-cookie").unwrap_or_else(|| panic!("{answer:?}"));
    for part in ["; HttpOnly", "; SameSite=Strict", "; Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    cookie.split(';').next().unwrap().to_owned()
}

#[test]
fn every_page_needs_a_session() {
    let mut test_env = with_password("127.0.0.1:0");
    test_env.start();
    let address = address(&test_env);
    let page = [("accept", "text/html")];
    for path in ["/", "/jobs", "/job?key=x", "/failures", "/spend", "/retry", "/nothing"] {
        let answer = ask(&address, "GET", path, &page);
        assert_eq!(answer.status, 303, "{path}");
        assert!(answer.header("location").unwrap().starts_with("/login?next=%2F"), "{answer:?}");
        assert_eq!(ask(&address, "GET", path, &[]).status, 401, "{path}");
    }
    assert_eq!(ask(&address, "GET", "/events", &[]).status, 401);
    assert_eq!(super::post(&address, "/pause", "").status, 401);
    for forged in
        ["lipsyncd_session=", "lipsyncd_session=x", "lipsyncd_session=x; lipsyncd_session=y"]
    {
        assert_eq!(ask(&address, "GET", "/", &[("cookie", forged)]).status, 401, "{forged}");
    }
    assert_eq!(ask(&address, "GET", "/assets/style.css", &[]).status, 200);
    assert_eq!(ask(&address, "GET", "/login", &[]).status, 200);

    let answer = log_in(&address, PASSWORD, "%2Fjobs%3Fstate%3Dfailed");
    assert_eq!(answer.header("location"), Some("/jobs?state=failed"), "{answer:?}");
    let cookie = cookie(&answer);
    assert!(!answer.header("set-cookie").unwrap().contains("Secure"));
    let known = [("cookie", &*cookie)];
    assert_eq!(ask(&address, "GET", "/", &known).status, 200);
    assert_eq!(ask(&address, "GET", "/nothing", &known).status, 404);
    // A login leads to this site only.
    let answer = log_in(&address, PASSWORD, "%2F%2Fevil.example%2F");
    assert_eq!(answer.header("location"), Some("/"), "{answer:?}");

    let both = [("cookie", &*cookie), ("sec-fetch-site", "same-origin")];
    assert_eq!(ask_as(&address, &address, ("POST", "/logout", ""), &both).status, 303);
    assert_eq!(ask(&address, "GET", "/", &known).status, 401);
    let log = test_env.log();
    assert!(!log.contains(PASSWORD) && !log.contains(&cookie[17..]), "{log}");
}

/// A hash of "password": a test vector of the reference implementation.
const HASH: &str =
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

#[test]
fn guessing_is_delayed() {
    let mut test_env = with_password("127.0.0.1:0");
    write_password(&test_env, HASH, 0o600);
    test_env.start();
    let address = address(&test_env);
    assert_eq!(log_in(&address, "wrong", "").status, 403);
    let delayed = log_in(&address, "password", "");
    // Also with the right password: otherwise a guesser would learn something.
    assert_eq!(delayed.status, 429, "{delayed:?}");
    assert!(delayed.header("retry-after").is_some() && delayed.header("set-cookie").is_none());
    let all: Vec<u16> = std::thread::scope(|scope| {
        let guess = || scope.spawn(|| log_in(&address, "guess", "").status);
        let guesses: Vec<_> = (0..20).map(|_| guess()).collect();
        guesses.into_iter().map(|guess| guess.join().unwrap()).collect()
    });
    let checked = all.iter().filter(|status| **status == 403).count();
    assert!(checked <= 1, "{all:?}");
    test_env.until("the right password to be accepted", |_| {
        log_in(&address, "password", "").status == 303
    });
    assert!(test_env.log().contains("a wrong password was sent from 127.0.0.1"));
}

/// All people behind a reverse proxy, and all users of this machine, have one address.
#[test]
fn a_guesser_does_not_keep_out_who_has_a_random_password() {
    let mut test_env = with_password("127.0.0.1:0");
    test_env.start();
    let address = address(&test_env);
    assert_eq!(log_in(&address, "wrong", "").status, 403);
    assert_eq!(log_in(&address, PASSWORD, "").status, 303);
    // That does not end the delay of the guesser.
    assert_eq!(log_in(&address, "wrong", "").status, 429);
}

#[test]
fn a_new_password_ends_all_sessions() {
    let mut test_env = with_password("127.0.0.1:0");
    test_env.start();
    let address = address(&test_env);
    let cookie = cookie(&log_in(&address, PASSWORD, ""));
    let status = |cookie: &str| ask(&address, "GET", "/", &[("cookie", cookie)]).status;
    assert_eq!(status(&cookie), 200);
    write_password(&test_env, HASH, 0o600);
    test_env.signal("HUP");
    test_env.until("the session to end", |_| status(&cookie) == 401);
    assert_eq!(log_in(&address, PASSWORD, "").status, 403);
    test_env.until("the new password to be accepted", |_| {
        log_in(&address, "password", "").status == 303
    });
}

#[test]
fn other_machines_reach_the_page_only_with_a_password() {
    let test_env = TestEnv::with(quick(), 5, "web: { listen: '0.0.0.0:0' }\n");
    let ran = test_env.run(&["run"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("`web.password_file` is missing"), "{ran:?}");
    let mut test_env = with_password("0.0.0.0:0");
    write_password(&test_env, "hunter2", 0o600);
    let ran = test_env.run(&["run"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("openssl rand -hex 16") && !ran.err.contains("hunter2"), "{ran:?}");
    write_password(&test_env, PASSWORD, 0o644);
    let ran = test_env.run(&["run"]);
    assert!(ran.err.contains("chmod o-r "), "{ran:?}");
    write_password(&test_env, PASSWORD, 0o600);
    test_env.start();
    let address = address(&test_env);
    let local = address.replace("0.0.0.0", "127.0.0.1");
    assert_eq!(ask(&local, "GET", "/", &[]).status, 401);
}
