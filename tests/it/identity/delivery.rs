//! Results that are deleted, edited or asked for again.

use std::fs;

use lipsyncd::sim::Call;

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
    let downloads = env.ledger().accepted(Call::Download);
    env.drop_in("y.yaml", single("edited-source"));
    env.until_all(&["y".to_owned()], "succeeded");
    env.assert_paid(1, "for the second job");
    assert_eq!(env.result("y"), result, "the copy is not of the edited file");
    assert!(env.ledger().accepted(Call::Download) > downloads, "the result was not fetched");
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
fn retry_keeps_an_edited_result() {
    let (env, _) = finished("edited-retry");
    let edited = edit_result(&env, "x");
    env.command_done(&["retry", "x", "--yes"]);
    env.until("the second take to be paid", |house| house.ledger().tasks.len() == 2);
    env.until("the new result to be delivered", |_| {
        let newest = env.ledger().tasks.pop().unwrap().task_id;
        !env.results()[&newest].is_empty()
    });
    env.until_all_ended();
    env.assert_paid(2, "after retry");
    let kept = |path: &std::path::PathBuf| fs::read(path).unwrap() == edited;
    assert!(env.output_files().iter().any(kept), "{:?}", env.output_files());
    env.assert_all_results_kept();
}
