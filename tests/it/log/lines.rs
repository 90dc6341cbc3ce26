//! One line for each change of a job, with its key first and its fields beside it.

use lipsyncd::sim::{Call, Fault, FaultRule};
use serde_json::Value;

use crate::support::daemon::{House, JOB, clip, quick};

/// The lines of a log in JSON.
fn lines(house: &House) -> Vec<Value> {
    let log = house.log();
    let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

fn message(line: &Value) -> &str {
    line["message"].as_str().unwrap()
}

/// The lines of a job that tell of a change, as `from → to`.
fn changes(house: &House, key: &str) -> Vec<String> {
    let of_job = |line: &Value| line["job"] == key && line["to_state"].is_string();
    let told = lines(house).into_iter().filter(of_job);
    told.map(|line| {
        let text = |name: &str| line[name].as_str().unwrap_or("new").to_owned();
        assert_eq!(line["level"], "INFO", "{line}");
        let (from, to) = (text("from_state"), text("to_state"));
        assert!(message(&line).starts_with(&format!("{key}: {from} → {to}: ")), "{line}");
        format!("{from} → {to}")
    })
    .collect()
}

fn json_house() -> House {
    House::with(quick(), 5, "log: { format: json }\n")
}

#[test]
fn a_job_is_followed_from_state_to_state() {
    let mut house = json_house();
    house.drop_in("a.yaml", JOB);
    house.start();
    house.until_state("a", "succeeded");
    let job = house.database().unwrap().query_row(
        "SELECT task_id FROM job_overview WHERE key = 'a'",
        [],
        |row| row.get::<_, String>(0),
    );
    let task_id = job.unwrap();
    house.until("its last line", |house| {
        changes(house, "a").last().is_some_and(|last| last.ends_with("→ succeeded"))
    });
    let told = changes(&house, "a");
    for change in ["queued → identified", "identified → creating", "creating → submitted"] {
        assert!(told.iter().any(|told| told == change), "{told:?}");
    }
    let all = lines(&house);
    let accepted = all.iter().find(|line| line["to_state"] == "submitted").unwrap();
    assert_eq!(accepted["manifest"], "a.yaml");
    assert_eq!(accepted["task_id"], task_id.as_str());
    assert!(accepted["request_id"].is_string(), "{accepted}");
    assert_eq!(accepted["code"], 0);
    for line in all.iter().filter(|line| line["job"].is_string()) {
        assert!(line["manifest"].is_string(), "{line}");
        assert!(!line.to_string().contains("Some("), "{line}");
    }
}

#[test]
fn what_a_job_waits_for_and_what_people_do_is_told() {
    let mut house = json_house();
    house.start();
    let has = |what: &str| {
        let what = what.to_owned();
        move |house: &House| lines(house).iter().any(|line| message(line).contains(&what))
    };
    assert_eq!(house.run(&["pause"]).code, Some(0));
    house.until("the pause", has("the line is paused: paused by `lipsyncd pause`"));
    house
        .drop_in("a.yaml", JOB.replace("https://cdn.example.com/a.mp3?duration_ms=5000", "en.mp3"));
    house.until(
        "the wait",
        has("a: new → waiting: found in its manifest; waits: there is no audio file `en.mp3`"),
    );
    house.drop_in("en.mp3", clip("welcome-en.mp3"));
    house.until("the sound", has("a: waiting → queued: its media are there"));
    house.drop_in("b.yaml", JOB);
    house.drop_in("c.yaml", JOB);
    let shares =
        "c: new → queued: found in its manifest; its media are there; shares the task of b";
    house.until("the shared task", has(shares));
    assert_eq!(house.run(&["cancel", "a"]).code, Some(0));
    house.until("the cancel", has("a: queued → cancelled: cancelled by `lipsyncd cancel`"));
    assert_eq!(house.run(&["retry", "a", "--yes"]).code, Some(0));
    house.until("the retry", has("a: cancelled → queued: retry: take 1 begins"));
    assert_eq!(house.run(&["resume"]).code, Some(0));
    house.until("the end of the pause", has("its pause was ended by a person"));
    house.until_state("a", "succeeded");
    house.take_out("a.yaml");
    house.until("the removal", has("a.yaml: no longer in the folder"));
}

#[test]
fn a_refusal_is_told_with_what_support_asks_for() {
    let mut house = json_house();
    let refusal = Fault::Code { code: 1201, status: None, retry_after_s: None, message: None };
    house.sim.control(|sim| sim.add_fault(FaultRule::once(Call::Identify, refusal)));
    house.drop_in("a.yaml", JOB);
    house.start();
    house.until_state("a", "failed");
    house.until("its line", |house| lines(house).iter().any(|line| line["to_state"] == "failed"));
    let all = lines(&house);
    let failed = all.iter().find(|line| line["to_state"] == "failed").unwrap();
    assert_eq!((&failed["job"], &failed["code"]), (&"a".into(), &1201.into()));
    let request_id = failed["request_id"].as_str().unwrap();
    let history: String = house
        .database()
        .unwrap()
        .query_row("SELECT request_id FROM job_history WHERE to_state = 'failed'", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(request_id, history);
}

#[test]
fn a_daemon_that_begins_in_a_pause_says_so() {
    let mut house = House::new(quick());
    house.start();
    assert_eq!(house.run(&["pause"]).code, Some(0));
    house.until("the pause", |house| house.log().contains("the line is paused"));
    house.kill();
    house.start();
    house.until("the pause again", |house| house.log().matches("the line is paused").count() == 2);
}
