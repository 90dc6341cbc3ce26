//! `spend`: what was paid, in each form.

use super::*;
use lipsyncd::job::{Charge, Cost};

/// Drives a job to its end at `at_ms`; its Identify Face call costs 0.05 units, and the task `cost`.
async fn pay(store: &Store, key: &str, cost: Cost, at_ms: i64) {
    let moment = Moment { now_ms: at_ms, ..MOMENT };
    let mut outcomes = until_submitted(&session(store).await, &format!("task of {key}"));
    outcomes.push(Outcome::TaskSucceeded { charge: Some(Charge { cost, ..Charge::units(0) }) });
    let mut task = task(store, key).await;
    for outcome in outcomes {
        let answer = answer(&outcome);
        let transition = apply(&task, outcome, &moment, &POLICY).unwrap();
        task = store.record(transition, answer, at_ms).await.unwrap();
    }
}

fn for_customer(key: &str, customer: Option<&str>) -> WantedJob {
    let mut job = wanted(key);
    let labels = customer.map(|customer| ("customer".to_owned(), customer.to_owned()));
    job.spec.labels = labels.into_iter().collect();
    job
}

/// Two manifests, three days, two customers; NOW_MS is on 2026-03-01.
async fn paid(money_micro: i64) -> CommandEnv {
    const DAY_MS: i64 = 86_400_000;
    let env = CommandEnv::new();
    let store = env.store();
    let acme = Some("Acme, \"Inc\"");
    let jobs = ["spring, 2026/a", "spring, 2026/b"].map(|key| for_customer(key, acme));
    accept(&store, manifest("spring, 2026.yaml", jobs.to_vec())).await;
    let more = vec![
        for_customer("z/c", Some("Bolt")),
        for_customer("z/d", None),
        for_customer("z/never", None),
    ];
    accept(&store, manifest("z.yaml", more)).await;
    let cost = |units_micro| Cost { units_micro, money_micro };
    pay(&store, "spring, 2026/a", cost(1_000_000), NOW_MS - 2 * DAY_MS).await;
    pay(&store, "spring, 2026/b", cost(500_000), NOW_MS - DAY_MS).await;
    pay(&store, "z/c", cost(1_500_000), NOW_MS - DAY_MS).await;
    pay(&store, "z/d", cost(1), NOW_MS).await;
    env
}

#[tokio::test]
async fn days_are_a_table_with_their_sum() {
    let env = paid(0).await;
    let ran = env.run(&["spend"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let expected = "
         TASKS      TASK UNITS  IDENTIFY UNITS           UNITS  DAY (UTC)
             1               1            0.05            1.05  2026-02-27
             2               2             0.1             2.1  2026-02-28
             1        0.000001            0.05        0.050001  2026-03-01
             4        3.000001             0.2        3.200001  total
";
    assert_eq!(format!("\n{}", ran.out), expected);
    let month = env.run(&["spend", "--since", "2026-02-28", "--until", "2026-02", "--csv"]);
    let expected = "day,tasks,task_units,identify_units,units,task_money,identify_money,money\r\n\
                    2026-02-28,2,2,0.1,2.1,0,0,0\r\n";
    assert_eq!((month.code, month.out.as_str()), (0, expected));
}

#[tokio::test]
async fn money_is_shown_where_it_was_charged() {
    let env = paid(7_250_000).await;
    let table = env.run(&["spend", "--by", "manifest"]).out;
    let expected = "
         TASKS           UNITS           MONEY  MANIFEST
             2             1.6            14.5  spring, 2026.yaml
             2        1.600001            14.5  z.yaml
             4        3.200001              29  total
";
    assert_eq!(format!("\n{table}"), expected);
    let json = env.run(&["spend", "--since", "2026-03", "--json"]).json();
    let day = serde_json::json!({
        "day": "2026-03-01", "tasks": 1, "identify_units": 0.05, "identify_money": null,
        "units": 0.050001, "money": 7.25,
    });
    assert_eq!((&json["rows"][0], &json["rows"][1]), (&day, &serde_json::Value::Null));
    assert_eq!((&json["by"], &json["until"]), (&"day".into(), &serde_json::Value::Null));
    assert_eq!(json["since"], "2026-03-01T00:00:00.000Z");
    assert_eq!(json["total"]["money"], 7.25);
}

#[tokio::test]
async fn a_label_makes_the_rows_also_for_jobs_without_it() {
    let env = paid(0).await;
    let csv = env.run(&["spend", "--by", "label=customer", "--csv"]).out;
    let expected = "customer,tasks,units,money\r\n,1,0.050001,0\r\n\"Acme, \"\"Inc\"\"\",2,1.6,0\r\nBolt,1,1.55,0\r\n";
    assert_eq!(csv, expected);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    assert_eq!(reader.records().nth(1).unwrap().unwrap().get(0), Some("Acme, \"Inc\""));
    let table = env.run(&["spend", "--by", "label=customer", "--since", "2026-03-01"]).out;
    assert!(table.contains("  (without customer)\n") && !table.contains("Bolt"), "{table}");
    let json = env.run(&["spend", "--by", "label=customer", "--json"]).json();
    assert_eq!(
        (&json["rows"][0]["value"], &json["by"]),
        (&serde_json::Value::Null, &"label=customer".into())
    );
    let total: f64 =
        json["rows"].as_array().unwrap().iter().map(|row| row["units"].as_f64().unwrap()).sum();
    assert!((total - json["total"]["units"].as_f64().unwrap()).abs() < 1e-9, "{json}");
}

#[tokio::test]
async fn nothing_paid_and_wrong_times_are_said() {
    let env = paid(0).await;
    for arguments in [
        &["--since", "2030-01-01"][..],
        &["--since", "2h"],
        &["--until", "2020-01", "--by", "manifest"],
    ] {
        let ran = env.run(&[&["spend"], arguments].concat());
        assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{arguments:?}");
        assert!(ran.err.ends_with("nothing was paid\n"), "{}", ran.err);
    }
    assert!(env.run(&["spend", "--since", "2h"]).err.contains("note: days are UTC and complete"));
    let json = env.run(&["spend", "--since", "2030-01-01", "--json"]).json();
    assert_eq!((&json["rows"], &json["total"]["units"]), (&serde_json::json!([]), &0.0.into()));
    for (arguments, said) in [
        (&["--since", "last week"][..], "a day such as `2026-11-01`, or a month such as `2026-11`"),
        (&["--by", "customer"], "allowed: `day`, `manifest`, or `label=NAME`"),
        (&["--since", "2026-03", "--until", "2026-02"], "is not before --until"),
        (&["--csv", "--json"], "cannot be used with"),
    ] {
        let ran = env.run(&[&["spend"], arguments].concat());
        assert!(ran.code == 2 && ran.err.contains(said), "{arguments:?}: {}", ran.err);
    }
}
