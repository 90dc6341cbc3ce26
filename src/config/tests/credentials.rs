//! Where credentials come from, and that no error or debug output contains them.

use std::{ffi::OsString, fs};

use secrecy::ExposeSecret;

use super::*;

fn find(variables: &[(&str, &str)]) -> Result<Credentials, CredentialsError> {
    Credentials::find(&|name| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| OsString::from(value))
    })
}

#[test]
fn keys_or_a_token_come_from_the_environment() {
    let keys = find(&[
        ("KLING_ACCESS_KEY", " AK\n"),
        ("KLING_SECRET_KEY", "SK"),
        ("KLING_API_TOKEN", " "),
    ]);
    match keys.expect("keys") {
        Credentials::Keys { access_key, secret_key } => {
            assert_eq!(access_key.expose_secret(), "AK");
            assert_eq!(secret_key.expose_secret(), "SK");
        }
        other => panic!("{other:?}"),
    }
    let token = find(&[("KLING_API_TOKEN", "T")]).expect("a token");
    assert!(matches!(&token, Credentials::Token(token) if token.expose_secret() == "T"));
}

#[test]
fn missing_and_conflicting_credentials_are_named() {
    for (variables, expected) in [
        (&[][..], "no credentials: set KLING_ACCESS_KEY and KLING_SECRET_KEY, or KLING_API_TOKEN,"),
        (&[("KLING_ACCESS_KEY", "")], "no credentials: "),
        (&[("KLING_ACCESS_KEY", "a")], "KLING_ACCESS_KEY is set, but KLING_SECRET_KEY is not"),
        (&[("KLING_SECRET_KEY", "a")], "KLING_SECRET_KEY is set, but KLING_ACCESS_KEY is not"),
        (&[("KLING_SECRET_KEY", "a"), ("KLING_API_TOKEN", "b")], "both KLING_API_TOKEN and"),
    ] {
        let error = find(variables).expect_err(expected).to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn no_error_and_no_debug_output_shows_a_value() {
    for value in ["sec ret", "sec\nret", "secrét", "sec\u{7}ret"] {
        let error = find(&[("KLING_API_TOKEN", value)]).expect_err("malformed");
        let shown = format!("{error} {error:?}");
        assert!(shown.starts_with("KLING_API_TOKEN contains a character"), "{shown}");
        assert!(!shown.contains("sec"), "{shown}");
    }
    let keys = find(&[("KLING_ACCESS_KEY", "public-part"), ("KLING_SECRET_KEY", "secret-part")]);
    let shown = format!("{:?}", keys.expect("keys"));
    assert!(!shown.contains("-part"), "{shown}");
}

#[test]
fn files_of_systemd_replace_variables() {
    let folder = tempfile::tempdir().expect("a folder");
    let directory = folder.path().to_str().expect("a path of text");
    fs::write(folder.path().join("kling_access_key"), "AK\n").expect("a file");
    fs::write(folder.path().join("kling_secret_key"), "SK\n").expect("a file");
    let from_files = find(&[("CREDENTIALS_DIRECTORY", directory)]).expect("keys");
    let from_variables =
        find(&[("KLING_ACCESS_KEY", "AK"), ("KLING_SECRET_KEY", "x")]).expect("keys");
    assert_eq!(from_files.account(), from_variables.account());

    fs::write(folder.path().join("kling_secret_key"), b"\xff\xfe").expect("a file");
    let error = find(&[("CREDENTIALS_DIRECTORY", directory)]).expect_err("no text");
    assert!(matches!(error, CredentialsError::Malformed("KLING_SECRET_KEY")), "{error}");

    fs::remove_file(folder.path().join("kling_secret_key")).expect("removed");
    fs::create_dir(folder.path().join("kling_secret_key")).expect("a folder");
    let error = find(&[("CREDENTIALS_DIRECTORY", directory)]).expect_err("a folder");
    assert!(matches!(error, CredentialsError::Unreadable { .. }), "{error}");
}

/// Names of accounts are kept in users' databases: they must stay what they are.
#[test]
fn an_account_has_a_stable_name() {
    let account = |variables| find(variables).expect("credentials").account();
    let keys = account(&[("KLING_ACCESS_KEY", "abc"), ("KLING_SECRET_KEY", "x")]);
    assert_eq!(keys, "key-ba7816bf");
    assert_eq!(account(&[("KLING_API_TOKEN", "abc")]), "token-ba7816bf");
}
