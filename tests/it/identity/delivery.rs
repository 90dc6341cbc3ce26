//! Results that are deleted, edited or asked for again.

use std::fs;

use lipsyncd::sim::Endpoint;

use super::{env::Env, samples::single};

/// A daemon that has finished `x`, and its result.
fn finished(name: &str) -> (Env, Vec<u8>) {
    let mut env = Env::new();
    env.drop_in_old("x.yaml", single(name));
    env.start();
    env.until_all(&["x".to_owned()], "succeeded");
    let result = env.result("x");
    (env, result)
}

/// Changes a delivered file as a person does; returns what is in the file then.
fn edit_result(env: &Env, key: &str) -> Vec<u8> {
    let mut bytes = env.result(key);
    bytes.extend(b"\x00\x00\x00\x10freecut!cut!");
    fs::write(env.result_path(key), &bytes).unwrap();
    bytes
}

#[test]
fn fetch_brings_a_deleted_result_back() {
    let (env, result) = finished("fetch");
    fs::remove_file(env.result_path("x")).unwrap();
    env.command_done(&["fetch", "x"]);
    env.until("the result to be back", |_| env.result_path("x").exists());
    env.until_all(&["x".to_owned()], "succeeded");
    assert_eq!(env.result("x"), result);
    env.assert_paid(1, "after fetch");
}

#[test]
fn copy_of_an_edited_result_is_fetched() {
    let (env, result) = finished("edited-source");
    let edited = edit_result(&env, "x");
    let downloads = env.ledger().accepted(Endpoint::Download);
    env.drop_in("y.yaml", single("edited-source"));
    env.until_all(&["y".to_owned()], "succeeded");
    env.assert_paid(1, "for the second job");
    assert_eq!(env.result("y"), result, "the copy is not of the edited file");
    assert!(env.ledger().accepted(Endpoint::Download) > downloads, "the result was not fetched");
    assert_eq!(env.result("x"), edited, "the edited file is left alone");
}

#[test]
fn copy_of_a_deleted_result_is_fetched() {
    let (env, result) = finished("deleted-source");
    fs::remove_file(env.result_path("x")).unwrap();
    env.drop_in("y.yaml", single("deleted-source"));
    env.until_all(&["y".to_owned()], "succeeded");
    env.assert_paid(1, "for the second job");
    assert_eq!(env.result("y"), result);
}

#[test]
fn edit_of_a_copy_leaves_the_first_result() {
    let (env, result) = finished("edited-copy");
    env.drop_in("y.yaml", single("edited-copy"));
    env.until_all(&["y".to_owned()], "succeeded");
    env.assert_paid(1, "for the second job");
    edit_result(&env, "y");
    assert_eq!(env.result("x"), result);
}

#[test]
fn retry_leaves_an_edited_result_alone() {
    let (env, _) = finished("edited-retry");
    let edited = edit_result(&env, "x");
    env.command_done(&["retry", "x", "--yes"]);
    env.until("the retry to end", |env| env.state("x") == "failed");
    env.assert_paid(1, "while an edited file is at the place of the result");
    assert!(env.problem("x").contains("move it away"), "{}", env.problem("x"));
    assert_eq!(fs::read(env.path("output/x.mp4")).unwrap(), edited);
    fs::rename(env.path("output/x.mp4"), env.path("output/x-edited.mp4")).unwrap();
    env.command_done(&["retry", "x", "--yes"]);
    env.until_all(&["x".to_owned()], "succeeded");
    env.assert_paid(2, "after the edited file was moved away");
    assert_eq!(fs::read(env.path("output/x-edited.mp4")).unwrap(), edited);
}
