//! Before and after: played together, and what people think of them.

use std::{
    fs,
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::json;

use super::env::Page;

/// The greatest distance between two videos that play together, in seconds.
const DRIFT_MAX: f64 = 0.1;

/// How often a slow machine may try.
const PLAYS_MAX: usize = 5;

const READY: &str =
    "[...document.querySelectorAll('#player video')].every(video => video.readyState === 4)";
/// How far the videos are apart.
const DRIFT: &str = "(() => { const times = [...document.querySelectorAll('#player video')].map(video => video.currentTime);
    return Math.max(...times) - Math.min(...times); })()";
const PLAY: &str = "document.querySelector('[data-play]')";
const POSITION: &str = "document.querySelector('[data-position]')";
const TIMES: &str =
    "[...document.querySelectorAll('#player video')].map(video => video.currentTime)";
const PLAYING: &str =
    "[...document.querySelectorAll('#player video')].every(video => !video.paused)";
const PAUSED: &str =
    "[...document.querySelectorAll('#player video, #player audio')].every(media => media.paused)";

fn times(page: &Page) -> Vec<f64> {
    serde_json::from_value(page.browser.eval(TIMES)).unwrap()
}

/// Looks at the videos for a while. Returns the greatest drift.
fn watch(page: &Page, length: Duration) -> f64 {
    let began = Instant::now();
    let mut greatest: f64 = 0.0;
    while began.elapsed() < length {
        greatest = greatest.max(page.browser.number(DRIFT));
        sleep(Duration::from_millis(20));
    }
    greatest
}

/// Plays from a position, in seconds, and checks that the videos stay together. A machine that does other work may be too slow once.
fn assert_together(page: &Page, from: f64, what: &str) {
    let mut best = f64::INFINITY;
    for _ in 0..PLAYS_MAX {
        page.browser.eval(&format!(
            "(() => {{ const position = document.querySelector('[data-position]'); position.value = {from};
              position.dispatchEvent(new Event('input')); }})()"
        ));
        if page.browser.text_of("[data-play]") == "Play" {
            page.browser.click("[data-play]");
        }
        let advance =
            format!("{PLAYING} && {TIMES}.every(time => time > {from} + 0.2 && time < {from} + 3)");
        page.browser.until("all to play from there", &advance);
        best = best.min(watch(page, Duration::from_millis(1500)));
        if best <= DRIFT_MAX {
            println!("greatest drift {what}: {best:.3} s");
            return;
        }
    }
    panic!("{what}: the videos are {best} s apart");
}

#[test]
fn before_and_after_play_pause_and_seek_together() {
    let Some(page) = Page::start() else { return };
    let browser = &page.browser;
    page.open("/job?key=spring%2Ffr");
    browser.until("both videos to be ready", READY);
    assert_eq!(browser.eval("document.querySelectorAll('#player video').length"), json!(2));
    let before = "document.querySelector('[data-video=before]')";
    // The new audio is where the request puts it: at 300 ms. The page looks itself: the clip is short.
    let audio = "document.querySelector('#player audio')";
    browser.eval(&format!(
        "setInterval(() => {{ const apart = {audio}.currentTime + 0.3 - {before}.currentTime;
          if (!{audio}.paused && Math.abs(apart) <= {DRIFT_MAX}) window.audioIsInPlace = true; }}, 20)"
    ));
    browser.click("[data-play]");
    browser.until("both to play", PLAYING);
    browser.until("both to advance", &format!("{TIMES}.every(time => time > 0.3)"));
    assert_together(&page, 0.0, "from the begin");
    browser.until("the new audio to be at its place", "window.audioIsInPlace === true");
    // They are apart when they are paused.
    browser.eval(&format!("(() => {{ {before}.currentTime -= 0.2; {PLAY}.click(); }})()"));
    browser.until("all to pause", PAUSED);
    browser.until("all to show the same moment", &format!("{DRIFT} < 0.002"));
    // A person moves the position by the keyboard: to the end, and back to the begin.
    browser.write("[data-position]", "\u{e010}");
    browser.until("all to be at the end", &format!("{TIMES}.every(time => time > 2)"));
    browser.write("[data-position]", "\u{e011}");
    browser.until("all to be at the begin", &format!("{TIMES}.every(time => time < 0.01)"));
    // A seek while they play moves all, and they play on.
    browser.click("[data-play]");
    browser.until("both to play", PLAYING);
    assert_together(&page, 1.5, "after a seek");
    browser.until("all to stop at the end", PAUSED);
    assert!(times(&page).iter().all(|time| *time > 1.5));
    assert_eq!(browser.text_of("[data-play]"), "Play");
    page.assert_clean("the player");
}

/// Hands are faster than videos move.
#[test]
fn what_is_asked_for_during_a_move_counts() {
    let Some(page) = Page::start() else { return };
    let browser = &page.browser;
    page.open("/job?key=spring%2Ffr");
    browser.until("both videos to be ready", READY);
    let move_to = |seconds: f64| {
        format!("{POSITION}.value = {seconds}; {POSITION}.dispatchEvent(new Event('input'));")
    };
    browser.click("[data-play]");
    browser.until("both to play", PLAYING);
    // The last position counts, also after a pause.
    let (first, last) = (move_to(0.5), move_to(1.5));
    browser.eval(&format!("(() => {{ {first} {last} {PLAY}.click(); }})()"));
    let there = format!("{PAUSED} && {TIMES}.every(time => Math.abs(time - 1.5) < 0.01)");
    browser.until("all to be at the last position", &there);
    // They play on after a pause that was taken back, and then rest for good. The page does it, because the clip is short.
    browser.eval(&format!(
        "(() => {{ {PLAY}.click(); let step = 0;
          const timer = setInterval(() => {{
            if (step === 0 && {PLAYING}) {{
              step = 1;
              {first} {PLAY}.click(); {PLAY}.click();
            }} else if (step === 1 && {PLAYING} && {TIMES}.every(time => time > 0.7)) {{
              clearInterval(timer);
              {PLAY}.click();
              window.plays = 0;
              document.querySelectorAll('#player video').forEach(video => video.addEventListener('play', () => window.plays += 1));
              setTimeout(() => window.rested = true, 300);
            }}
          }}, 10); }})()"
    ));
    browser.until("some turns of a player that still runs", "window.rested === true");
    assert_eq!(browser.eval("window.plays"), json!(0));
    assert_eq!(browser.text_of("[data-play]"), "Play");
}

#[test]
fn one_of_them_is_heard() {
    let Some(page) = Page::start() else { return };
    let browser = &page.browser;
    page.open("/job?key=spring%2Ffr");
    browser.until("both videos to be ready", READY);
    let muted =
        "[...document.querySelectorAll('#player video, #player audio')].map(media => media.muted)";
    // The source, its new audio, and the result.
    assert_eq!(browser.eval(muted), json!([true, true, false]));
    browser.click("input[value=before]");
    assert_eq!(browser.eval(muted), json!([false, false, true]));
    // 0.2 and 1.5, where 1 is the most that a browser plays.
    let volumes = "[...document.querySelectorAll('#player figure:first-child > *')].filter(it => it.volume !== undefined).map(it => it.volume.toFixed(3))";
    assert_eq!(browser.eval(volumes), json!(["0.133", "1.000"]));
}

#[test]
fn results_are_approved_and_rejected() {
    let Some(page) = Page::start() else { return };
    let (browser, env) = (&page.browser, &page.env);
    page.open("/job?key=spring%2Fen");
    browser.write("textarea[name=note]", "Lips are late <b>at</b> the end");
    browser.click("button[value=rejected]");
    browser.until(
        "the verdict to be shown",
        "document.querySelector('figcaption .verdict-rejected') !== null",
    );
    assert!(browser.address().starts_with("/job?key=spring%2Fen#take-"), "{}", browser.address());
    assert_eq!(browser.text_of(".note"), "Lips are late <b>at</b> the end");
    let listed = env.run(&["list", "--verdict", "rejected", "--json"]);
    let jobs: serde_json::Value = serde_json::from_str(&listed.out).unwrap();
    assert_eq!(jobs[0]["key"], "spring/en");
    assert_eq!(jobs[0]["verdict_note"], "Lips are late <b>at</b> the end");
    let metadata = || {
        let text = fs::read(env.path("output/spring/en.json")).unwrap();
        serde_json::from_slice::<serde_json::Value>(&text).unwrap()["verdict"].clone()
    };
    env.until("the verdict in the metadata", |_| metadata()["verdict"] == "rejected");
    assert_eq!(metadata()["note"], "Lips are late <b>at</b> the end");
    let shown = env.run(&["show", "spring/en"]).out;
    assert!(shown.contains("rejected: Lips are late"), "{shown}");
    // The note stays in the field, for a change of mind.
    browser.click("button[value=approved]");
    browser.until(
        "the verdict to be shown",
        "document.querySelector('figcaption .verdict-approved') !== null",
    );
    env.until("the verdict in the metadata", |_| metadata()["verdict"] == "approved");
    let unreviewed = env.run(&["list", "--verdict", "none", "--json"]);
    let keys: Vec<serde_json::Value> = serde_json::from_str(&unreviewed.out).unwrap();
    assert_eq!(keys.len(), 3, "{}", unreviewed.out);
    browser.click("button[value=none]");
    browser.until(
        "the verdict to be gone",
        "document.querySelector('figcaption [class*=verdict]') === null",
    );
    env.until("no verdict in the metadata", |_| metadata().is_null());
    page.assert_clean("the verdict");
}

#[test]
fn takes_are_played_side_by_side() {
    let Some(page) = Page::start() else { return };
    let (browser, env) = (&page.browser, &page.env);
    page.open("/job?key=spring%2Fen");
    browser.click("button[value=rejected]");
    browser.until(
        "the verdict to be shown",
        "document.querySelector('figcaption .verdict-rejected') !== null",
    );
    let retried = env.run(&["retry", "spring/en", "--yes"]);
    assert_eq!(retried.code, Some(0), "{retried:?}");
    env.until("another take", |env| {
        env.job("spring/en").is_some_and(|job| job.attempt == 2 && job.state == "succeeded")
    });
    page.open("/job?key=spring%2Fen");
    browser.until(
        "three videos to be ready",
        &format!("{READY} && document.querySelectorAll('#player video').length === 3"),
    );
    let captions =
        browser.eval("[...document.querySelectorAll('figcaption')].map(it => it.innerText)");
    assert_eq!(
        captions,
        json!(["Before: the source with the new audio", "After: take 2", "After: take 1 rejected"])
    );
    assert_together(&page, 0.0, "of three");
    // Each take has a verdict of its own.
    browser.click("#player figure:nth-of-type(2) button[value=approved]");
    browser.until(
        "the verdict to be shown",
        "document.querySelector('figcaption .verdict-approved') !== null",
    );
    let verdicts =
        browser.eval("[...document.querySelectorAll('figcaption span')].map(it => it.innerText)");
    assert_eq!(verdicts, json!(["approved", "rejected"]));
    page.assert_clean("takes");
}

/// The simulator's result for a remote video has no picture.
#[test]
fn what_cannot_be_played_is_reported() {
    let Some(page) = Page::start() else { return };
    let browser = &page.browser;
    page.open("/job?key=spring%2Fremote");
    browser.until("the problem to be shown", "!document.getElementById('player-problem').hidden");
    assert!(browser.text_of("#player-problem").contains("cannot play"), "{}", browser.text());
    // The source is linked, and not loaded: the page asks nobody else for anything.
    let link = browser.eval("document.querySelector('#player figure a').href");
    assert_eq!(link, json!("https://cdn.example.com/v.mp4?duration_ms=9000"));
    assert_eq!(browser.eval("document.querySelectorAll('#player video').length"), json!(1));
    page.assert_clean("a remote source");
    // Files that somebody removed or edited.
    let (file, text) = (page.env.path("output/spring/en.mp4"), || page.browser.text_of("#player"));
    let content = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    page.open("/job?key=spring%2Fen");
    assert!(text().contains("spring/en.mp4 is missing. lipsyncd fetch restores it"), "{}", text());
    fs::write(&file, &content[1..]).unwrap();
    page.open("/job?key=spring%2Fen");
    assert!(text().contains("was changed after it was delivered"), "{}", text());
    page.assert_clean("an edited file");
    fs::write(&file, [&content[1..], b"x"].concat()).unwrap();
    page.open("/job?key=spring%2Fen");
    browser.until("the problem to be shown", "!document.getElementById('player-problem').hidden");
    fs::write(&file, &content).unwrap();
    page.open("/job?key=spring%2Fen");
    browser.until("both videos to be ready", READY);
}

#[test]
fn results_are_reviewed_one_after_the_other() {
    let Some(page) = Page::start() else { return };
    page.open("/job?key=spring%2Ffr");
    for next in ["spring/de", "spring/remote", "spring/en"] {
        assert_eq!(page.browser.text_of("#player > p a"), next);
        page.browser.click("button[value=approved]");
        page.browser.until(
            "the verdict",
            "document.querySelector('figcaption .verdict-approved') !== null",
        );
        page.browser.click("#player > p a");
        page.browser
            .until("the next job", &format!("document.querySelector('h1').innerText === '{next}'"));
    }
    page.browser.click("button[value=rejected]");
    page.browser
        .until("the verdict", "document.querySelector('figcaption .verdict-rejected') !== null");
    assert_eq!(
        page.browser.eval("document.querySelector('#player > p a')"),
        serde_json::Value::Null
    );
}

#[test]
fn another_take_is_asked_for_after_its_price_was_shown() {
    let Some(page) = Page::start() else { return };
    let (browser, env) = (&page.browser, &page.env);
    let paid = env.ledger().tasks.len();
    page.open("/job?key=spring%2Fen");
    browser.click("#state a[href^='/retry']");
    browser
        .until("the question", "document.querySelector('form[action=\"/retry\"] button') !== null");
    assert!(browser.text().contains("2.05 units"), "{}", browser.text());
    page.assert_clean("the question");
    assert_eq!(env.ledger().tasks.len(), paid, "nothing is paid before the answer");
    browser.click("form[action='/retry'] button");
    env.until("another take", |env| {
        env.job("spring/en").is_some_and(|job| job.attempt == 2 && job.state == "succeeded")
    });
    assert_eq!(env.ledger().tasks.len(), paid + 1);
    assert_eq!(browser.console_errors(), [""; 0]);
}
