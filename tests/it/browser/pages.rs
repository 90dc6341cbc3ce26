//! Every page, as people of all kinds open it: small and large screens, light and dark, by keyboard, without scripts.

use std::fs;

use serde_json::json;

use super::env::{PASSWORD, Page};
use crate::support::daemon::clip;

/// Every page that shows something, with a text that is on it.
const PAGES: [(&str, &str); 12] = [
    ("/", "Overview"),
    ("/jobs", "spring/en"),
    ("/jobs?state=failed", "spring/it"),
    ("/manifests", "spring.yaml"),
    ("/failures", "audio"),
    ("/spend", "units"),
    ("/job?key=spring%2Fen", "Before and after"),
    ("/job?key=spring%2Fit", "failed"),
    ("/job?key=spring%2Flater", "not_before"),
    ("/retry?job=spring%2Fit", "Retry"),
    ("/cancel?job=spring%2Flater", "Cancel"),
    ("/dismiss?job=spring%2Fit", "Dismiss"),
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

/// What a person can name or write, with markup in it.
const MARKUP: &str = "<img src=x onerror=hacked=1><b>";

#[test]
fn texts_of_others_are_only_texts() {
    let media = format!("media/{MARKUP}.mp4");
    let manifest = format!(
        "video: '{MARKUP}.mp4'\naudio: '{MARKUP}.mp3'\nlabels: {{ '{MARKUP}': '{MARKUP}' }}\noutput: 'x{MARKUP}.mp4'\n"
    );
    let Some(page) = Page::start() else { return };
    let (env, browser) = (&page.env, &page.browser);
    fs::write(env.path(&media), clip("anna.mp4")).unwrap();
    fs::write(env.path(&media).with_extension("mp3"), clip("welcome-en.mp3")).unwrap();
    env.drop_in(&format!("{MARKUP}/ok{MARKUP}.yaml"), &manifest);
    env.drop_in(&format!("bad{MARKUP}.yaml"), format!("video: '{MARKUP}'\n{MARKUP}: 1\n"));
    let short = manifest.replace(&format!("{MARKUP}.mp3"), &format!("short{MARKUP}.mp3"));
    fs::write(env.path(&format!("media/short{MARKUP}.mp3")), clip("too-short-it.mp3")).unwrap();
    env.drop_in("short.yaml", short.replace("output: 'x", "output: 'y"));
    let key = format!("{MARKUP}/ok{MARKUP}");
    env.until_state(&key, "succeeded");
    env.until_state("short", "failed");
    let job = url::form_urlencoded::byte_serialize(key.as_bytes()).collect::<String>();
    page.open(&format!("/job?key={job}"));
    browser.write("textarea[name=note]", MARKUP);
    browser.click("button[value=rejected]");
    browser.until("the verdict", "document.querySelector('figcaption .verdict-rejected') !== null");
    for path in [
        "/",
        "/jobs",
        "/jobs?label=%3Cb%3E%3D%3Cb%3E&manifest=%3Cb%3E",
        "/manifests",
        "/failures",
        "/job?key=short",
        "/job?key=%3Cimg%20src%3Dx%20onerror%3Dhacked%3D1%3E",
        &format!("/job?key={job}"),
        &format!("/retry?job={job}"),
        "/%3Cimg%20src=x%20onerror=hacked=1%3E",
    ] {
        page.open(path);
        let markup = browser.eval("document.querySelectorAll('img, b:not([class]):not(.counts b), script:not([src])').length");
        assert_eq!((markup, browser.eval("window.hacked")), (json!(0), json!(null)), "{path}");
        let errors = browser.console_errors();
        let unexpected =
            errors.iter().filter(|error| !error.contains("404") && !error.contains("400"));
        assert_eq!(unexpected.count(), 0, "{path}: {errors:?}");
    }
}

#[test]
fn a_person_logs_in_and_out() {
    let web = "web: { listen: 127.0.0.1:0, password_file: password }\n";
    let Some(page) = Page::with(web) else { return };
    let browser = &page.browser;
    page.open("/job?key=spring%2Fen");
    browser.until("the login", "document.getElementById('password') !== null");
    page.assert_clean("the login");
    browser.write("#password", PASSWORD);
    browser.click("form.stack button");
    browser.until("the page that was asked for", "document.getElementById('player') !== null");
    assert_eq!(browser.address(), "/job?key=spring%2Fen");
    page.assert_clean("a page after the login");
    browser.click("form[action='/logout'] button");
    browser.until("the login", "document.getElementById('password') !== null");
    page.open("/");
    assert!(browser.address().starts_with("/login"), "{}", browser.address());
}
