//! Every page, as people of all kinds open it: small and large screens, light and dark, by keyboard, without scripts.

use serde_json::json;

use super::env::Page;

/// Every page that shows something, with a text that is on it.
const PAGES: [(&str, &str); 9] = [
    ("/", "Overview"),
    ("/jobs", "spring/en"),
    ("/jobs?state=failed", "spring/it"),
    ("/manifests", "spring.yaml"),
    ("/failures", "audio"),
    ("/spend", "units"),
    ("/job?key=spring%2Fen", "Before and after"),
    ("/job?key=spring%2Fit", "failed"),
    ("/job?key=spring%2Flater", "not_before"),
];

#[test]
fn every_page_is_clean_on_every_screen() {
    let Some(page) = Page::start() else { return };
    for (path, text) in PAGES {
        for (width, height) in [(320, 640), (1280, 800), (2560, 1440)] {
            page.browser.set_size(width, height);
            page.open(path);
            assert!(page.browser.text().contains(text), "{path}: {}", page.browser.text());
            let wide = page.browser.number("document.documentElement.scrollWidth");
            assert!(wide <= f64::from(width), "{path} is {wide} wide on a screen of {width}");
        }
        page.assert_clean(path);
    }
}

#[test]
fn pages_work_without_scripts() {
    let Some(page) = Page::start() else { return };
    page.browser.set_scripts(false);
    for (path, text) in PAGES {
        page.open(path);
        assert!(page.browser.text().contains(text), "{path}: {}", page.browser.text());
    }
    // Each video has controls of its own, and a verdict is a form.
    page.open("/job?key=spring%2Fen");
    page.browser.write("textarea[name=note]", "good");
    page.browser.click("button[value=approved]");
    page.env.until("the verdict", |env| {
        env.run(&["list", "--verdict", "approved"]).out.contains("spring/en")
    });
    page.open("/job?key=spring%2Fen");
    assert!(page.browser.text_of("figure:nth-of-type(2)").contains("approved"));
}

#[test]
fn the_keyboard_reaches_everything() {
    const TAB: &str = "\u{e004}";
    const ENTER: &str = "\u{e007}";
    let Some(page) = Page::start() else { return };
    page.open("/job?key=spring%2Fen");
    page.browser.until("the player", "!document.querySelector('.controls').hidden");
    let reachable = page.browser.number(
        "[...document.querySelectorAll('a[href], button, input:not([type=hidden], [type=radio]), textarea, summary')]
           .filter(it => it.checkVisibility()).length",
    );
    let mut reached = std::collections::BTreeSet::new();
    for _ in 0..100 {
        page.browser.press(TAB);
        let at = page.browser.eval(
            "(() => { const it = document.activeElement; it.dataset.reached ??= String(Math.random());
                return [it.tagName, it.dataset.reached, getComputedStyle(it).outlineStyle]; })()",
        );
        if at[0] == "BODY" {
            break;
        }
        let is_shown = at[2] != "none";
        assert!(is_shown || at[0] == "VIDEO" || at[0] == "MAIN", "the focus is not shown at {at}");
        reached.insert(at[1].to_string());
    }
    assert!(reached.len() as f64 >= reachable, "{} of {reachable}", reached.len());
    // The first stop leads to the content.
    page.open("/job?key=spring%2Fen");
    page.browser.press(TAB);
    page.browser.press(ENTER);
    assert_eq!(page.browser.eval("location.hash"), json!("#main"));
}

#[test]
fn a_lost_daemon_is_reported_until_it_is_back() {
    let Some(mut page) = Page::start() else { return };
    page.open("/");
    let shown = "!document.getElementById('offline').hidden";
    page.browser.until("the stream of changes", "performance.getEntriesByType('resource').some(it => it.name.endsWith('/events')) || document.readyState === 'complete'");
    let port = page.port().to_owned();
    page.env.kill();
    page.browser.until("the page to report it", shown);
    // The browser reports the lost connection, too.
    page.browser.console_errors();
    page.env.change_config("listen: 127.0.0.1:0", &format!("listen: 127.0.0.1:{port}"));
    page.env.start();
    page.browser.until("the page to continue", &format!("!({shown})"));
    // Live again: a new job appears without a click.
    let jobs = "document.getElementById('queue').innerText";
    let before = page.browser.eval(jobs);
    page.env.drop_in("more.yaml", "video: anna.mp4\naudio: welcome-fr.mp3\nsound_volume: 0.5\n");
    page.env.until_state("more", "succeeded");
    page.browser.until("the new job to be counted", &format!("{jobs} !== {before}"));
}
