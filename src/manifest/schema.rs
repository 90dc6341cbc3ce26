//! The JSON Schema of a manifest, made from the table of keys: for editors, which complete and check with it.
//!
//! `patternErrorMessage` and `defaultSnippets` are extensions that editors with the YAML language server know.

use serde_json::{Map, Value, json};

use super::keys::{KeyDefault, ManifestKey, TABLE};

/// Returns the JSON Schema of a manifest: a single job, or a batch.
#[must_use]
pub fn schema() -> Value {
    let definitions: Map<_, _> =
        TABLE.iter().map(|key| (key.name.to_owned(), key_schema(key))).collect();
    let is_batch = json!({"anyOf": [{"required": ["jobs"]}, {"required": ["defaults"]}]});
    let notes = json!({"^x-": true});
    let mut single = mapping(&|key| key != "id");
    single["patternProperties"] = notes.clone();
    single["required"] = json!(SOURCES);
    let mut batch_job = mapping(&|_| true);
    batch_job["required"] = json!(["id"]);
    let mut defaults = mapping(&|key| key != "id");
    defaults["type"] = json!(["object", "null"]);
    let batch_keys = json!({
        "defaults": {"description": "Keys for all jobs; a job's own key wins.", "$ref": "#/$defs/defaults"},
        "jobs": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/batch_job"}},
    });
    let batch = json!({
        "type": "object",
        "required": ["jobs"],
        "properties": batch_keys,
        "patternProperties": notes,
        "additionalProperties": false,
        "allOf": SOURCES.map(unless_default),
    });
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "lipsyncd manifest",
        "description": "One job (`video` and `audio`), or a batch (`jobs`, and optionally `defaults`).",
        "type": "object",
        "if": is_batch,
        "then": {"$ref": "#/$defs/batch"},
        "else": {"$ref": "#/$defs/single"},
        // In an empty file, an editor offers the keys of both kinds.
        "allOf": [{"if": {"maxProperties": 0}, "then": {"properties": batch_keys}}],
        "$defs": definitions,
    });
    for (name, definition) in
        [("single", single), ("batch", batch), ("batch_job", batch_job), ("defaults", defaults)]
    {
        schema["$defs"][name] = definition;
    }
    schema
}

/// What each job needs, from its own keys or from `defaults`.
const SOURCES: [&str; 2] = ["video", "audio"];

/// Every job of a batch needs the key unless `defaults` has it.
fn unless_default(key: &str) -> Value {
    let in_defaults = json!({"type": "object", "required": [key]});
    json!({
        "if": {"required": ["defaults"], "properties": {"defaults": in_defaults}},
        "else": {"properties": {"jobs": {"items": {"required": [key]}}}},
    })
}

fn mapping(is_allowed: &dyn Fn(&str) -> bool) -> Value {
    let keys = TABLE.iter().filter(|key| is_allowed(key.name));
    let properties: Map<_, _> = keys
        .map(|key| (key.name.to_owned(), json!({"$ref": format!("#/$defs/{}", key.name)})))
        .collect();
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

fn key_schema(key: &ManifestKey) -> Value {
    let mut schema = key.value_type.schema();
    if key.default != KeyDefault::Required {
        schema = or_null(schema);
    }
    schema["description"] = json!(format!("{} {}", key.meaning, key.rule()));
    let example = to_json(key.example);
    if example.is_object() {
        // Editors show an example that is a mapping as `[object Object]`.
        let label = key.example.replace('"', "");
        schema["defaultSnippets"] = json!([{"label": label, "body": example}]);
    } else {
        schema["examples"] = json!([example]);
    }
    explain_patterns(&mut schema, &key.allowed());
    if let KeyDefault::Value(value) = key.default {
        schema["default"] = to_json(value);
    }
    schema
}

/// `null` resets a key to its own default.
fn or_null(mut schema: Value) -> Value {
    match schema.get_mut("type") {
        Some(Value::Array(types)) => types.push(json!("null")),
        Some(one) => *one = json!([one.take(), "null"]),
        None => {
            if let Some(Value::Array(forms)) = schema.get_mut("anyOf") {
                forms.push(json!({"type": "null"}));
            }
        }
    }
    schema
}

/// Makes editors show what is allowed where a text does not match a pattern; otherwise they show the pattern.
pub(crate) fn explain_patterns(schema: &mut Value, allowed: &str) {
    match schema {
        Value::Object(fields) => {
            fields.values_mut().for_each(|value| explain_patterns(value, allowed));
            if fields.contains_key("pattern") {
                fields.insert(
                    "patternErrorMessage".to_owned(),
                    json!(format!("Allowed: {allowed}.")),
                );
            }
        }
        Value::Array(values) => {
            values.iter_mut().for_each(|value| explain_patterns(value, allowed));
        }
        _ => {}
    }
}

/// A value of the table as JSON. A YAML parser is not needed for that, and would make the program larger.
pub(crate) fn to_json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| json!(text))
}
