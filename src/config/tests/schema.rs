//! The JSON Schema accepts what the reader accepts, and refuses what an editor can know to be wrong.

use boon::{Compiler, Schemas};

use super::*;

#[test]
fn the_schema_agrees_with_the_reader() {
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource("config.json", schema()).expect("a resource");
    let index = compiler.compile("config.json", &mut schemas).expect("a valid schema");
    let is_valid = |text: &str| {
        let value: serde_yaml::Value = serde_yaml::from_str(text).expect("YAML");
        let value = serde_json::to_value(value).expect("JSON");
        schemas.validate(&value, index).is_ok()
    };
    for text in [
        include_str!("../../../lipsyncd.example.yaml"),
        include_str!("../../../debian/lipsyncd.yaml"),
        "",
        "watch: null\n",
        "watch: {settle: 1m 30s, on_change: run}\nretention: {history: null}\n",
        "watch: {settle: PT1M30S}\npoll: {max_interval: '00:00:30'}\nretention: {history: 12 weeks}\n",
        "download: {max_bytes: 1000}\nlimits: {create_per_second: 0.5, units_per_day: 1.5}\nprices: {per_5s: 0.5}\n",
        "upload: {s3: {endpoint: https://s3.example.com, bucket: my-videos, prefix: a/b/}}\n",
        "upload: {s3: null}\n",
        "notify: [{webhook: 'http://10.0.0.1/x', format: ntfy}, {command: [a], events: [queue.paused]}]\n",
        "web: {listen: '127.0.0.1:8470', hosts: [dubs.example.com], read_only: true, password_file: pass}\n",
        "metrics: {listen: '[::1]:9464'}\nkling: {base_url: HTTPS://e.com}\n",
    ] {
        let _valid = good(text);
        assert!(is_valid(text), "{text}");
    }
    for text in [
        "[]",
        "jobdir: x",
        "watch: {settel: 1s}",
        "watch: 5",
        "watch: {settle: 1}",
        "watch: {settle: '1'}",
        "watch: {settle: fast}",
        "watch: {settle: 5 parsecs}",
        "retention: {history: 90}",
        "watch: {on_change: stop}",
        "media: {dirs: /srv}",
        "media: {public_base_url: m.e.com}",
        "upload: {s3: {bucket: My Videos}}",
        "upload: {s3: {prefix: //}}",
        "upload: {s3: {endpoints: null}}",
        "limits: {concurrency: 0}",
        "limits: {concurrency: 1.5}",
        "limits: {create_per_second: 0}",
        "limits: {units_per_day: -1}",
        "notify: [{webhok: 'https://e.com'}]",
        "notify: [{command: [a], format: json}]",
        "notify: [{command: [a], events: [job.failed]}]",
        "web: {listen: 8470}",
        "web: {hosts: dubs.example.com}",
        "web: {read_only: 1}",
        "metrics: {listen: 9464}",
        "log: {format: xml}",
    ] {
        assert!(read(text.as_bytes()).is_err(), "{text}");
        assert!(!is_valid(text), "{text}");
    }
}

#[test]
fn the_schema_has_every_default() {
    let schema = schema();
    for setting in settings() {
        let key = setting.key.replace('.', "/properties/");
        let shown = schema.pointer(&format!("/properties/{key}")).expect("a property");
        let default = shown.get("default").map_or("null".to_owned(), ToString::to_string);
        assert_eq!(default, crate::manifest::to_json(setting.default).to_string(), "{key}");
        let description = shown["description"].as_str().unwrap();
        assert!(description.ends_with(&format!("Default: `{}`.", setting.default)), "{key}");
    }
}
