//! The pictures in README and docs, taken from the real page.

use std::{env, fs, path::Path};

use super::env::Page;

const PICTURES: [(&str, &str); 3] =
    [("overview", "/"), ("jobs", "/jobs"), ("before-and-after", "/job?key=spring%2Ffr")];

/// `LIPSYNCD_UPDATE_DOCS=1` writes them to `docs/images`.
#[test]
fn pictures_show_the_page_as_it_is() {
    let Some(page) = Page::start() else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/images");
    let is_update = env::var_os("LIPSYNCD_UPDATE_DOCS").is_some();
    page.browser.set_size(1200, 800);
    for (name, path) in PICTURES {
        page.open(path);
        if path.starts_with("/job?") {
            page.browser.until(
                "the videos",
                "[...document.querySelectorAll('#player video')].every(video => video.readyState === 4)",
            );
            page.browser.eval("document.querySelector('[data-position]').value = 1.2, document.querySelector('[data-position]').dispatchEvent(new Event('input'))");
            page.browser.until(
                "the videos to be there",
                "[...document.querySelectorAll('#player video')].every(video => video.currentTime > 1 && !video.seeking)",
            );
            page.browser.eval("document.getElementById('player').scrollIntoView()");
        }
        let picture = page.browser.picture();
        assert!(picture.starts_with(b"\x89PNG"), "{name}");
        let file = folder.join(format!("page-{name}.png"));
        if is_update {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&file, picture).unwrap();
        }
        assert!(file.is_file(), "{}: LIPSYNCD_UPDATE_DOCS=1 writes it", file.display());
    }
}
