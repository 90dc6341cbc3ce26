//! Where credentials come from, and that no error or debug output contains them.

use std::{ffi::OsString, fs};

use secrecy::ExposeSecret;

use super::*;

fn found(variables: &[(&str, &str)]) -> Result<FoundCredentials, CredentialsError> {
    Credentials::find(&|name| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| OsString::from(value))
    })
}

fn find(variables: &[(&str, &str)]) -> Result<Credentials, CredentialsError> {
    Ok(found(variables)?.credentials)
}

fn token(credentials: &Credentials) -> &str {
    match credentials {
        Credentials::Token(token) => token.expose_secret(),
        Credentials::Keys { .. } => panic!("no token"),
    }
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
        (
            &[][..],
            "no credentials: set KLING_ACCESS_KEY and KLING_SECRET_KEY, or KLING_API_KEY (also",
        ),
        (&[("KLING_ACCESS_KEY", "")], "no credentials: "),
        (&[("KLING_ACCESS_KEY", "a")], "KLING_ACCESS_KEY is set, but KLING_SECRET_KEY is not"),
        (&[("KLING_SECRET_KEY", "a")], "KLING_SECRET_KEY is set, but KLING_ACCESS_KEY is not"),
        (&[("KLING_SECRET_KEY", "a"), ("KLING_API_TOKEN", "b")], "both KLING_API_TOKEN and"),
        (
            &[("KLING_ACCESS_KEY", "a"), ("KLING_SECRET_KEY", "a"), ("KLING_API_KEY", "b")],
            "both KLING_API_KEY and KLING_ACCESS_KEY or KLING_SECRET_KEY are set",
        ),
        (
            &[("KLING_API_KEY", "a"), ("KLING_API_TOKEN", "b")],
            "KLING_API_KEY and KLING_API_TOKEN are set to different values",
        ),
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

#[test]
fn an_api_key_has_two_names() {
    for variables in [
        &[("KLING_API_KEY", "abc")][..],
        &[("KLING_API_TOKEN", "abc")],
        &[("KLING_API_KEY", "abc"), ("KLING_API_TOKEN", "abc\n")],
    ] {
        let found = found(variables).expect("a token");
        assert_eq!((token(&found.credentials), found.notes.len()), ("abc", 0));
        assert_eq!(found.source, "the environment");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let directory = folder.path().to_str().expect("a path of text");
    fs::write(folder.path().join("kling_api_key"), "abc\r\n").expect("a file");
    let variables = [("CREDENTIALS_DIRECTORY", directory), ("KLING_API_TOKEN", "")];
    let from_file = found(&variables).expect("a token");
    assert_eq!(token(&from_file.credentials), "abc");
    assert_eq!(from_file.source, "$CREDENTIALS_DIRECTORY");
    // The same key is the same account under each name.
    assert_eq!(from_file.credentials.account(), "token-ba7816bf");
}

#[test]
fn what_is_copied_with_a_value_is_removed_with_a_note() {
    for value in [
        "\"abc\"",
        "'abc'",
        "Bearer abc",
        "bearer  abc\n",
        "\"Bearer abc\"",
        "KLING_API_KEY=abc",
        "KLING_API_KEY='abc'\n",
    ] {
        let found = found(&[("KLING_API_KEY", value)]).expect(value);
        assert_eq!(token(&found.credentials), "abc", "{value}");
        assert!(found.notes[0].starts_with("KLING_API_KEY is set with quotes"), "{value}");
        assert!(!found.notes[0].contains("abc"));
    }
    let keys = found(&[("KLING_ACCESS_KEY", "\"ak\""), ("KLING_SECRET_KEY", "\u{feff}sk\t")]);
    let keys = keys.expect("keys");
    assert_eq!(keys.notes.len(), 1);
    assert_eq!(
        keys.credentials.account(),
        find(&[("KLING_ACCESS_KEY", "ak"), ("KLING_SECRET_KEY", "sk")]).expect("keys").account()
    );
    // An empty value counts as absent, also between quotes.
    assert!(matches!(find(&[("KLING_API_KEY", "\"\"")]), Err(CredentialsError::Missing)));
}
