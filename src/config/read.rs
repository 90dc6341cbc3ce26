//! The text of `lipsyncd.yaml` to a [`Config`], or every fault of it with its place.
//!
//! The tree with places is the manifests' own; the types are serde's. So a file is read once by one
//! idea of YAML, and serde's word on a field is led back to where that field stands.

use serde_yaml::{Mapping, Value};

use super::{Config, check};
use crate::manifest::{
    Problem, Problems,
    problem::{ProblemCollector, did_you_mean, quoted},
    yaml::{self, Entry, Node, NodeKind, ScalarType},
};

/// Reads a whole file. Paths stay as written.
pub(super) fn read(bytes: &[u8]) -> Result<Config, Problems> {
    let mut problems = ProblemCollector::default();
    let text = yaml::decode(bytes)?;
    let mut config = Config::default();
    if let Some(root) = yaml::parse(text, &mut problems) {
        let mut settings = match &root.kind {
            NodeKind::Mapping(entries) => section(entries, "", &mut problems),
            _ if is_null(&root) => Mapping::new(),
            _ => {
                let what = format!("the configuration cannot be {}", root.in_words());
                problems.add(Problem::at(root.location, what).help("a mapping of settings"));
                Mapping::new()
            }
        };
        let taken_out;
        (config, taken_out) = typed(&mut settings, &root, &mut problems);
        for (key, what) in check::faults(&config) {
            // In the place of a faulty value stands its default, which nothing can be measured by.
            if !taken_out.iter().any(|faulty| what.contains(faulty) || key == faulty) {
                problems.add(fault(&root, key, &what));
            }
        }
    }
    problems.conclude()?;
    Ok(config)
}

/// A mapping of settings as serde's value, without the unknown ones; those are told.
fn section(entries: &[Entry], path: &str, problems: &mut ProblemCollector) -> Mapping {
    let known = keys_under(path);
    let mut mapping = Mapping::new();
    for entry in entries {
        if !known.contains(&&*entry.key) {
            let help = did_you_mean(&entry.key, known.iter().copied())
                .unwrap_or_else(|| format!("known here: {}", known.join(", ")));
            let what = format!("unknown key {}", quoted(&join(path, &entry.key)));
            problems.add(Problem::at(entry.key_location, what).help(help));
            continue;
        }
        let key = join(path, &entry.key);
        let is_section = check::allowed(&key).is_none();
        let value = match entry.value.entries() {
            Some(entries) if is_section => Value::Mapping(section(entries, &key, problems)),
            // A section whose keys are all commented out is as good as absent.
            _ if is_section && is_null(&entry.value) => continue,
            _ => value_of(&entry.value),
        };
        mapping.insert(Value::from(&*entry.key), value);
    }
    mapping
}

/// A setting's value as serde's. No setting is a mapping, so that its content does not matter.
fn value_of(node: &Node) -> Value {
    match &node.kind {
        NodeKind::Sequence(items) => {
            Value::Sequence(items.iter().map(|item| value_of(item)).collect())
        }
        NodeKind::Mapping(_) => Value::Mapping(Mapping::new()),
        NodeKind::Scalar(scalar) => match (scalar.class(), scalar.integer(), scalar.decimal()) {
            (ScalarType::Absent | ScalarType::Null, ..) => Value::Null,
            (ScalarType::Bool(truth), ..) => Value::Bool(truth),
            (ScalarType::Number, Some(integer), _) => Value::from(integer),
            (ScalarType::Number, None, Some(decimal)) => Value::from(decimal),
            _ => Value::from(scalar.text.as_str()),
        },
    }
}

fn is_null(node: &Node) -> bool {
    let class = node.scalar().map(|scalar| scalar.class());
    matches!(class, Some(ScalarType::Absent | ScalarType::Null))
}

/// The settings by serde's types. Serde stops at the first fault: each is told and taken out, until
/// the rest is audio. With the names of those.
fn typed(
    settings: &mut Mapping,
    root: &Node,
    problems: &mut ProblemCollector,
) -> (Config, Vec<String>) {
    let mut taken_out = Vec::new();
    loop {
        let value = Value::Mapping(settings.clone());
        let error = match serde_path_to_error::deserialize::<_, Config>(value) {
            Ok(config) => return (config, taken_out),
            Err(error) => error,
        };
        let path = error.path().to_string();
        // Of a list the whole setting is told: `media.dirs[1]` is `media.dirs`.
        let key = path.split('[').next().unwrap_or_default();
        let message = error.inner().to_string();
        let place_of_item = path.split_once('[').map(|(_, rest)| rest.trim_end_matches(']'));
        let item = place_of_item.and_then(|index| index.parse::<usize>().ok());
        problems.add(type_fault(root, key, item, &message));
        if !take_out(settings, key) {
            return (Config::default(), taken_out);
        }
        taken_out.push(key.to_owned());
    }
}

fn type_fault(root: &Node, key: &str, item: Option<usize>, message: &str) -> Problem {
    let mut problem = fault(root, key, message);
    let mut node = find(root, key);
    if let Some(index) = item
        && let Some(NodeKind::Sequence(items)) = node.map(|node| &node.kind)
        && let Some(item) = items.get(index)
    {
        node = Some(&**item);
        problem.location = Some(item.location);
    }
    let serdes_own = ["invalid ", "unknown variant", "untagged", "data did not"];
    if serdes_own.iter().any(|start| message.starts_with(start))
        && let Some(node) = node
    {
        problem.what = format!("`{key}` cannot be {}", node.shown());
    }
    problem
}

/// A fault of a setting, where it stands; of two that do not fit together, where one stands.
fn fault(root: &Node, key: &str, what: &str) -> Problem {
    let other = what.split('`').nth(1).unwrap_or_default();
    let node = find(root, key).or_else(|| find(root, other));
    let what = format!("`{key}` {what}");
    let problem = match node {
        Some(node) => Problem::at(node.location, what),
        None => Problem::whole(what),
    };
    match check::allowed(key) {
        Some(allowed) => problem.help(allowed),
        None => problem.help(format!("a mapping of {}", keys_under(key).join(", "))),
    }
}

fn find<'a>(root: &'a Node, key: &str) -> Option<&'a Node> {
    key.split('.').try_fold(root, |node, part| node.get(part).map(|node| &**node))
}

/// Whether it was there.
fn take_out(settings: &mut Mapping, key: &str) -> bool {
    match key.split_once('.') {
        Some((section, rest)) => match settings.get_mut(section) {
            Some(Value::Mapping(settings)) => take_out(settings, rest),
            _ => false,
        },
        None => settings.remove(key).is_some(),
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The names of the settings and sections right under a section.
fn keys_under(path: &str) -> Vec<&'static str> {
    let mut keys = Vec::new();
    for (key, _) in check::ALLOWED {
        let rest = match path {
            "" => Some(*key),
            _ => key.strip_prefix(path).and_then(|rest| rest.strip_prefix('.')),
        };
        let name = rest.and_then(|rest| rest.split('.').next());
        keys.extend(name.filter(|name| keys.last() != Some(name)));
    }
    keys
}
