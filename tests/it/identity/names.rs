//! Names that belong to one job or one request: outputs and `external_task_id`.

use super::{env::Env, samples::single};

fn with(name: &str, more: &str) -> String {
    format!("{}{more}\n", single(name))
}

/// Whether a text names this job, as a word.
fn names_job(text: &str, key: &str) -> bool {
    let ends = |c: char| !(c.is_alphanumeric() || "-_./".contains(c));
    text.split(ends).any(|word| word.trim_end_matches('.') == key)
}

#[test]
fn output_of_another_request_is_an_error() {
    let mut env = Env::new();
    env.drop_in_old("first-job.yaml", with("output-one", "output: same.mp4"));
    env.start();
    env.until_all(&["first-job".to_owned()], "succeeded");
    let before = env.result("first-job");
    env.drop_in("other.yaml", with("output-two", "output: same.mp4"));
    env.scanned();
    env.until("other to have an error", |_| !env.problem("other").is_empty());
    let problem = env.problem("other");
    assert!(problem.contains("same.mp4") && names_job(&problem, "first-job"), "{problem}");
    let checked = env.run(&["check"]);
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert!(names_job(&checked.err, "first-job"), "{checked:?}");
    env.assert_paid(1, "with an error");
    assert_eq!(env.result("first-job"), before);
}

#[test]
fn output_of_the_same_request_is_shared() {
    let mut env = Env::new();
    for key in ["first-job", "other"] {
        env.drop_in_old(&format!("{key}.yaml"), with("output-shared", "output: same.mp4"));
    }
    env.start();
    env.until_all(&["first-job", "other"].map(str::to_owned), "succeeded");
    env.scanned();
    env.assert_paid(1, "for one output");
    assert_eq!(env.result_path("first-job"), env.result_path("other"));
    env.assert_all_results_kept();
}

fn assert_name_is_taken(env: &Env) {
    env.drop_in("other.yaml", with("id-two", "external_task_id: my-name"));
    env.scanned();
    env.until("other to have an error", |_| !env.problem("other").is_empty());
    let problem = env.problem("other");
    assert!(problem.contains("my-name") && names_job(&problem, "first-job"), "{problem}");
    env.assert_paid(1, "with an error");
}

#[test]
fn own_name_of_another_request_is_an_error() {
    let mut env = Env::new();
    env.drop_in_old("first-job.yaml", with("id-one", "external_task_id: my-name"));
    env.start();
    env.until_all(&["first-job".to_owned()], "succeeded");
    assert_eq!(env.paid_names(), ["my-name"]);
    assert_name_is_taken(&env);
}

#[test]
fn own_name_of_a_job_that_left_is_an_error() {
    let mut env = Env::new();
    env.drop_in_old("first-job.yaml", with("id-one", "external_task_id: my-name"));
    env.start();
    env.until_all(&["first-job".to_owned()], "succeeded");
    env.remove("first-job.yaml");
    env.scanned();
    assert_name_is_taken(&env);
}
