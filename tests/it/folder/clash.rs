//! Two manifests that want the same: the later one is refused, until the first goes away.

use crate::support::daemon::{House, JOB, quick, slow};

#[test]
fn an_output_that_is_taken_is_refused_by_name_and_freed_with_its_owner() {
    let mut house = House::with(slow(), 1, "");
    house.start();
    house.drop_in("busy.yaml", JOB);
    house.until("busy to be sent", |house| house.ledger().tasks.len() == 1);
    house.drop_in("a.yaml", format!("{JOB}output: same.mp4\n"));
    house.until("a to be known", |house| house.job("a").is_some());
    house.drop_in("b.yaml", format!("{JOB}output: same.mp4\n"));
    house.until("b.yaml to be refused", |house| house.refusal("b.yaml").is_some());
    let refusal = house.refusal("b.yaml").unwrap();
    assert!(refusal.contains("same.mp4") && refusal.contains("job a"), "{refusal}");
    assert!(house.job("b").is_none());
    house.take_out("a.yaml");
    house.until("b.yaml to be read again, untouched", |house| house.is_accepted("b.yaml"));
    house.until("b to succeed", |house| {
        house.finish_tasks();
        house.state("b") == "succeeded"
    });
    house.assert_whole("same.mp4");
}

#[test]
fn an_output_is_freed_by_an_edit_by_a_cancel_and_over_a_restart() {
    let mut house = House::with(slow(), 1, "");
    house.start();
    house.drop_in("busy.yaml", JOB);
    house.until("busy to be sent", |house| house.ledger().tasks.len() == 1);
    for round in ["edit", "cancel", "restart"] {
        let (first, second) = (format!("{round}-a"), format!("{round}-b"));
        let text = format!("{JOB}external_task_id: {round}-mine\n");
        house.drop_in(&format!("{first}.yaml"), &text);
        house.until("the first to be known", |house| house.job(&first).is_some());
        house.drop_in(&format!("{second}.yaml"), &text);
        let refused = format!("{second}.yaml");
        house.until("the second to be refused", |house| house.refusal(&refused).is_some());
        let refusal = house.refusal(&refused).unwrap();
        assert!(refusal.contains(&format!("job {first}")), "{refusal}");
        match round {
            "edit" => house.drop_in(&format!("{first}.yaml"), JOB),
            "cancel" => assert_eq!(house.run(&["cancel", &first]).code, Some(0)),
            _ => {
                house.kill();
                house.take_out(&format!("{first}.yaml"));
                house.start();
            }
        }
        house.until("the second to be accepted", |house| house.is_accepted(&refused));
    }
}

#[test]
fn a_key_that_is_taken_is_refused_by_name_and_freed_with_its_owner() {
    let mut house = House::new(quick());
    house.start();
    house.drop_in("a.yaml", JOB);
    house.until_state("a", "succeeded");
    house.drop_in("a.yml", JOB);
    house.until("a.yml to be refused", |house| house.refusal("a.yml").is_some());
    let refusal = house.refusal("a.yml").unwrap();
    assert!(refusal.contains("job a") && refusal.contains("a.yaml"), "{refusal}");
    house.take_out("a.yaml");
    house.until("a.yml to be accepted", |house| house.is_accepted("a.yml"));
    assert_eq!(house.job("a").unwrap().manifest, "a.yml");
    assert_eq!(house.ledger().tasks.len(), 1, "it asks for the same");
}

#[test]
fn a_check_finds_what_the_daemon_would_refuse() {
    let house = House::new(quick());
    house.drop_in("a.yaml", format!("{JOB}external_task_id: mine\n"));
    house.drop_in("b.yaml", format!("{JOB}external_task_id: mine\n"));
    house.drop_in("c.yaml", format!("{JOB}output: a.mp4\n"));
    house.drop_in("a.yml", JOB);
    let ran = house.run(&["check"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    for name in ["b.yaml:1:1: ", "c.yaml:1:1: ", "a.yml:1:1: "] {
        assert!(ran.err.contains(name), "{name}: {}", ran.err);
    }
}
