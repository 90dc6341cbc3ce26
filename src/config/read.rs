//! The text of `lipsyncd.yaml` to a [`Config`], or every problem in it with its location.
//!
//! The tree with locations is the manifests' own; the types are serde's. So one YAML reader is used for both,
//! and serde's message about a field gets the location of that field.

use serde_yaml::{Mapping, Value};

use super::{
    base_url, check,
    example::EXAMPLE,
    keys::{KEYS, allowed},
    settings::Config,
};
use crate::manifest::{
    Problem, Problems,
    problem::{ProblemCollector, did_you_mean, quoted},
    yaml::{self, Entry, Node, NodeKind, ScalarType},
};

impl Default for Config {
    #[expect(clippy::expect_used, reason = "a constant that a test reads")]
    fn default() -> Self {
        serde_yaml::from_value(Value::Mapping(defaults())).expect("the example shows every key")
    }
}

pub(super) fn read(bytes: &[u8]) -> Result<Config, Problems> {
    let mut problems = ProblemCollector::default();
    let text = yaml::decode(bytes)?;
    let mut config = Config::default();
    if let Some(root) = yaml::parse(text, &mut problems) {
        let defaults = defaults();
        let mut settings = defaults.clone();
        match &root.kind {
            NodeKind::Mapping(entries) => section(entries, "", &mut settings, &mut problems),
            _ if root.is_null() => {}
            _ => {
                problems.add(root.text_problem().unwrap_or_else(|| {
                    let what = format!("the configuration cannot be {}", root.in_words());
                    Problem::at(root.location, what).help("a mapping of settings")
                }));
            }
        }
        let invalid;
        (config, invalid) = typed(&mut settings, &defaults, &root, &mut problems);
        for (key, what) in check::problems(&config) {
            // An invalid value was replaced by its default, which must not be compared with other values.
            if !invalid.iter().any(|invalid| what.contains(invalid) || key == invalid) {
                problems.add(problem(&root, key, &what));
            }
        }
    }
    // The configuration has no warnings.
    _ = problems.conclude()?;
    correct_base_url(&mut config);
    Ok(config)
}

fn correct_base_url(config: &mut Config) {
    let Some(corrected) = base_url::corrected(&config.kling.base_url) else { return };
    let [given, used] =
        [&config.kling.base_url, &corrected].map(|url| url.as_str().trim_end_matches('/'));
    config.notes.push(format!(
        "kling.base_url is {given}, but lipsyncd appends /v1 and the path of each call itself; it uses {used}"
    ));
    config.kling.base_url = corrected;
}

/// The example's values, read by our own reader: serde_yaml's parser would make the program larger.
fn defaults() -> Mapping {
    match yaml::parse(EXAMPLE, &mut ProblemCollector::default()).map(|root| value_of(&root)) {
        Some(Value::Mapping(defaults)) => defaults,
        _ => Mapping::new(),
    }
}

const CREDENTIAL_HELP: &str = "credentials are never in this file: set KLING_API_KEY, or KLING_ACCESS_KEY and \
    KLING_SECRET_KEY, for a bucket S3_ACCESS_KEY and S3_SECRET_KEY, in the environment";

/// Whether people give this name to a credential.
fn is_credential(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["access_key", "secret", "api_key", "token", "password"].iter().any(|word| key.contains(word))
}

/// The address of a web page that is set up without one.
const WEB_LISTEN: &str = "127.0.0.1:8470";

/// Puts the settings of a mapping over the defaults. Reports unknown keys and leaves them out.
fn section(entries: &[Entry], path: &str, settings: &mut Mapping, problems: &mut ProblemCollector) {
    let known = keys_under(path);
    for entry in entries {
        if !known.contains(&&*entry.key) {
            let help = match did_you_mean(&entry.key, known.iter().copied()) {
                Some(meant) => meant,
                None if is_credential(&entry.key) => CREDENTIAL_HELP.to_owned(),
                None => format!("known here: {}", known.join(", ")),
            };
            let what = format!("unknown key {}", quoted(&join(path, &entry.key)));
            problems.add(Problem::at(entry.key_location, what).help(help));
            continue;
        }
        let key = join(path, &entry.key);
        match (entry.value.entries(), settings.get_mut(&*entry.key)) {
            (Some(entries), Some(Value::Mapping(settings))) => {
                section(entries, &key, settings, problems);
                let has_address = entries.iter().any(|entry| &*entry.key == "listen");
                if key == "web" && !has_address {
                    settings.insert(Value::from("listen"), Value::from(WEB_LISTEN));
                }
            }
            // A section whose keys are all commented out counts as absent.
            (None, Some(Value::Mapping(_))) if entry.value.is_null() => {}
            (None, _) if entry.value.is_refused() => {}
            (None, Some(Value::Mapping(_))) if let Some(problem) = entry.value.text_problem() => {
                problems.add(problem);
            }
            _ => _ = settings.insert(Value::from(&*entry.key), value_of(&entry.value)),
        }
    }
}

/// Returns a value as serde's.
fn value_of(node: &Node) -> Value {
    match &node.kind {
        NodeKind::Sequence(items) => {
            Value::Sequence(items.iter().map(|item| value_of(item)).collect())
        }
        NodeKind::Mapping(entries) => {
            let value = |entry: &Entry| (Value::from(&*entry.key), value_of(&entry.value));
            Value::Mapping(entries.iter().map(value).collect())
        }
        NodeKind::Scalar(scalar) => match (scalar.class(), scalar.integer(), scalar.decimal()) {
            (ScalarType::Absent | ScalarType::Null, ..) => Value::Null,
            (ScalarType::Bool(truth), ..) => Value::Bool(truth),
            (ScalarType::Number, Some(integer), _) => Value::from(integer),
            (ScalarType::Number, None, Some(decimal)) => Value::from(decimal),
            _ => Value::from(scalar.text.as_str()),
        },
        NodeKind::Refused => Value::Null,
    }
}

/// Returns the settings by serde's types, and the names of the invalid ones. Serde stops at the first error:
/// each is reported and replaced by its default, until all are valid.
fn typed(
    settings: &mut Mapping,
    defaults: &Mapping,
    root: &Node,
    problems: &mut ProblemCollector,
) -> (Config, Vec<String>) {
    let mut invalid = Vec::new();
    loop {
        let value = Value::Mapping(settings.clone());
        let error = match serde_path_to_error::deserialize::<_, Config>(value) {
            Ok(config) => return (config, invalid),
            Err(error) => error,
        };
        let path = error.path().to_string();
        // An error in a list is reported for the setting: `media.dirs[1]` is `media.dirs`.
        let key = path.split('[').next().unwrap_or_default();
        let message = error.inner().to_string();
        problems.add(type_problem(root, key, &path, &message));
        if !reset(settings, defaults, key) {
            return (Config::default(), invalid);
        }
        invalid.push(key.to_owned());
    }
}

/// `path` is the key, in a list with the place in it: `media.dirs[1]`, `notify[0].events[2]`.
fn type_problem(root: &Node, key: &str, path: &str, message: &str) -> Problem {
    let mut problem = problem(root, key, message);
    let mut node = find(root, key);
    for part in path.strip_prefix(key).unwrap_or_default().split(['.', '[', ']']) {
        let inner = match (node.map(|node| &node.kind), part.parse::<usize>()) {
            (Some(NodeKind::Sequence(items)), Ok(index)) => items.get(index),
            _ => node.and_then(|node| node.get(part)),
        };
        if let Some(inner) = inner {
            node = Some(&**inner);
            problem.location = Some(inner.location);
        }
    }
    if let Some(unknown) = message.strip_prefix("unknown field ") {
        problem.what = format!("`{key}` has the unknown key {unknown}");
    }
    let is_of_serde = ["invalid ", "unknown variant", "untagged", "data did not"];
    if is_of_serde.iter().any(|start| message.starts_with(start))
        && let Some(node) = node
    {
        let name = if path.contains("].") { path } else { key };
        problem.what = format!("`{name}` cannot be {}", node.shown());
    }
    problem
}

/// A problem of a setting, at its location; of two that do not fit together, at the location of one.
fn problem(root: &Node, key: &str, what: &str) -> Problem {
    let other = what.split('`').nth(1).unwrap_or_default();
    let node = find(root, key).or_else(|| find(root, other));
    let what = format!("`{key}` {what}");
    let problem = match node {
        Some(node) => Problem::at(node.location, what),
        None => Problem::of_file(what),
    };
    match allowed(key) {
        Some(allowed) => problem.help(allowed),
        None => problem.help(format!("a mapping of {}", keys_under(key).join(", "))),
    }
}

fn find<'a>(root: &'a Node, key: &str) -> Option<&'a Node> {
    key.split('.').try_fold(root, |node, part| node.get(part).map(|node| &**node))
}

/// Sets a key to its default; returns true if it had another value.
fn reset(settings: &mut Mapping, defaults: &Mapping, key: &str) -> bool {
    let (name, rest) = key.split_once('.').unwrap_or((key, ""));
    match (settings.get_mut(name), defaults.get(name)) {
        (Some(Value::Mapping(settings)), Some(Value::Mapping(defaults))) if !rest.is_empty() => {
            reset(settings, defaults, rest)
        }
        (Some(value), Some(default)) => std::mem::replace(value, default.clone()) != *default,
        _ => false,
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn keys_under(path: &str) -> Vec<&'static str> {
    let mut keys = Vec::new();
    for key in &KEYS {
        let rest = match path {
            "" => Some(key.name),
            _ => key.name.strip_prefix(path).and_then(|rest| rest.strip_prefix('.')),
        };
        let name = rest.and_then(|rest| rest.split('.').next());
        keys.extend(name.filter(|name| keys.last() != Some(name)));
    }
    keys
}
