//! The JSON Schema of `lipsyncd.yaml`, made from the table of keys and the example: for editors.

use serde_json::{Map, Value, json};

use super::{example::settings, keys::KEYS};
use crate::manifest::{explain_patterns, to_json};

/// Returns the JSON Schema of a configuration.
#[must_use]
pub fn schema() -> Value {
    let mut schema = section(json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "lipsyncd configuration",
        "description": "Every key may be left out.",
    }));
    for setting in settings() {
        let Some(key) = KEYS.iter().find(|key| key.name == setting.key) else { continue };
        let mut value = (key.schema)();
        explain_patterns(&mut value, setting.allowed);
        let (meaning, allowed, default) = (setting.meaning, setting.allowed, setting.default);
        value["description"] =
            json!(format!("{meaning}. Allowed: {allowed}. Default: `{default}`."));
        // The YAML language server (1.25) fails to complete the keys beside a default that is null.
        let default = to_json(default);
        if !default.is_null() {
            value["default"] = default;
        }
        let (sections, name) = key.name.rsplit_once('.').unwrap_or(("", key.name));
        let mut parent = &mut schema;
        for section_name in sections.split('.').filter(|name| !name.is_empty()) {
            parent = &mut parent["properties"][section_name];
            if parent.is_null() {
                *parent = section(json!({}));
            }
        }
        parent["properties"][name] = value;
    }
    schema
}

/// A mapping of known keys, which may be empty.
fn section(mut schema: Value) -> Value {
    schema["type"] = json!(["object", "null"]);
    schema["properties"] = Value::Object(Map::new());
    schema["additionalProperties"] = json!(false);
    schema
}
