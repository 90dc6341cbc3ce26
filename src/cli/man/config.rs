//! `lipsyncd.yaml(5)`: the configuration, made from the example file's own words.

use super::page::Page;
use crate::config::settings;

/// The page.
pub(super) fn page() -> String {
    let mut page = Page::new("lipsyncd.yaml", "5");
    page.name("lipsyncd.yaml", "configuration of lipsyncd");
    page.heading("DESCRIPTION");
    page.paragraph(
        "The configuration is looked for at `--config` FILE, else at `$LIPSYNCD_CONFIG`, \
         `./lipsyncd.yaml` and `/etc/lipsyncd/lipsyncd.yaml`. Without any, the defaults hold. Commands \
         and the daemon read the same one.",
    );
    page.paragraph(
        "It is a YAML file. Every key may be left out. An unknown key, a key that stands twice and a \
         value that is not allowed are errors, and each is told with its line and column: the daemon \
         then ends with exit status 2, before it does anything. Commands do so, too.",
    );
    page.paragraph(
        "Relative paths start at the file's folder; `~` is not expanded. Durations have units: `500ms`, \
         `1s`, `1m 30s`, `24h`. Sizes have them, too: `500MB`, `2GiB`.",
    );
    page.paragraph(
        "Credentials never stand in this file. They come from the environment or from files in \
         `$CREDENTIALS_DIRECTORY`; see `lipsyncd`(1).",
    );
    page.heading("KEYS");
    page.paragraph("A key `watch.settle` is the key `settle` of the mapping `watch`.");
    for setting in settings() {
        let meaning = sentence(setting.meaning);
        let text =
            format!("{meaning} Allowed: {}. Default: `{}`.", setting.allowed, setting.default);
        page.item(setting.key, &text);
    }
    page.heading("EXAMPLES");
    page.paragraph(
        "A spending cap of 50 units a day, and videos that a web server of one's own serves:",
    );
    page.example(
        "jobs_dir: /srv/dubbing/jobs\n\
         output_dir: /srv/dubbing/output\n\
         state_db: /var/lib/lipsyncd/lipsyncd.db\n\
         media:\n  dirs: [/srv/dubbing/media]\n  public_base_url: https://media.example.com/\n\
         limits:\n  concurrency: 20\n  units_per_day: 50",
    );
    page.paragraph("To try manifests against `lipsyncd simulate`, which costs nothing:");
    page.example("kling:\n  base_url: http://127.0.0.1:8787\nstate_db: trial.db");
    page.see_also(&["lipsyncd(1)", "lipsyncd-manifest(5)", "systemd.exec(5)"]);
    page.finish()
}

/// A phrase as a sentence.
fn sentence(phrase: &str) -> String {
    let mut letters = phrase.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
