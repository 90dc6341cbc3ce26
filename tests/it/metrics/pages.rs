//! The dashboard, the alerts and the page about metrics name only metrics that exist.

use std::{collections::BTreeSet, fs, path::Path};

use super::{ANY_PORT, Scrape};
use crate::support::daemon::{TestEnv, quick};

const DASHBOARD: &str = "docs/grafana-dashboard.json";
const ALERTS: &str = "docs/prometheus-alerts.yaml";
const PAGE: &str = "docs/metrics.md";

fn text(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A daemon with a cap, so that every metric is there.
fn all() -> Scrape {
    let mut test_env = TestEnv::with(quick(), 5, ANY_PORT);
    let settings = fs::read_to_string(test_env.path("lipsyncd.yaml")).unwrap();
    let capped = settings
        .replace("concurrency: 5,", "concurrency: 5, units_per_day: 100, money_per_day: 50,");
    fs::write(test_env.path("lipsyncd.yaml"), capped).unwrap();
    test_env.start();
    let scrape = Scrape::of(&test_env);
    assert_eq!(scrape.value("lipsyncd_units_per_day_cap"), 100.0);
    scrape
}

/// The names of lipsyncd's metrics in a text.
fn ours(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let ours = words.filter(|word| word.starts_with("lipsyncd_") || word.starts_with("process_"));
    ours.map(str::to_owned).collect()
}

/// Every text under `key`, however deep.
fn under(value: &serde_json::Value, key: &str, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(members) => {
            for (name, member) in members {
                match member.as_str() {
                    Some(text) if name == key => found.push(text.to_owned()),
                    _ => under(member, key, found),
                }
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| under(item, key, found)),
        _ => {}
    }
}

fn queries(document: &serde_json::Value) -> BTreeSet<String> {
    let mut found = Vec::new();
    for key in ["expr", "definition", "query"] {
        under(document, key, &mut found);
    }
    ours(&found.join("\n"))
}

#[test]
fn dashboard_alerts_and_page_name_the_exported_metrics() {
    let exported = all();
    let names = exported.names();
    let dashboard = queries(&serde_json::from_str(&text(DASHBOARD)).unwrap());
    let alerts = queries(&serde_yaml::from_str(&text(ALERTS)).unwrap());
    assert!(dashboard.len() > 15 && alerts.len() > 8, "{dashboard:?} {alerts:?}");
    for (path, used) in [(DASHBOARD, dashboard), (ALERTS, alerts)] {
        let unknown: Vec<_> = used.difference(&names).collect();
        assert!(unknown.is_empty(), "{path} queries metrics that are not exported: {unknown:?}");
    }
    let page = text(PAGE);
    for (name, kind) in &exported.families {
        let row = format!("| `{name}` | {kind} |");
        assert!(page.contains(&row), "{PAGE} has no row that begins with {row}");
    }
    let families: BTreeSet<String> = exported.families.keys().cloned().chain(names).collect();
    let gone: Vec<_> = ours(&page).difference(&families).cloned().collect();
    assert!(gone.is_empty(), "{PAGE} describes metrics that are not exported: {gone:?}");
}

/// An alert must tell the operator what to type.
#[test]
fn every_alert_has_a_summary_and_names_the_next_command() {
    let alerts: serde_json::Value = serde_yaml::from_str(&text(ALERTS)).unwrap();
    let groups = alerts["groups"].as_array().unwrap().iter();
    let rules: Vec<_> = groups.flat_map(|group| group["rules"].as_array().unwrap()).collect();
    assert!(rules.len() > 8);
    for rule in rules {
        let said = |what: &str| rule["annotations"][what].as_str().unwrap_or_default().to_owned();
        assert!(!said("summary").is_empty(), "{rule}");
        let named = ["`lipsyncd ", "`systemctl ", "`journalctl ", "`df "];
        assert!(named.iter().any(|command| said("description").contains(command)), "{rule}");
        assert!(rule["labels"]["severity"].is_string(), "{rule}");
    }
}
