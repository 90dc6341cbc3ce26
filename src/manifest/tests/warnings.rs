//! What is probably not as meant: the manifest is accepted, with warnings.

use super::*;

fn warnings(text: &str) -> Vec<String> {
    let warnings = good(text).warnings.map(|warnings| warnings.one_line("m.yaml"));
    warnings.unwrap_or_default().lines().map(str::to_owned).collect()
}

fn of_video(url: &str) -> String {
    let shown = warnings(&format!("video: {url}\naudio: a.mp3\n"));
    assert!(shown.len() < 2, "{shown:?}");
    shown.concat()
}

#[test]
fn an_address_that_kling_cannot_reach_is_a_warning() {
    for host in [
        "localhost:8000",
        "a.localhost",
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.5",
        "169.254.1.1",
        "100.64.0.1",
        "0.0.0.0",
        "[::1]",
        "[fd00::1]",
        "[fe80::1]",
        "[::ffff:10.0.0.1]",
        "2130706433",
        "nas",
        "nas.local",
        "media.internal.",
        "NAS.lan",
    ] {
        let shown = of_video(&format!("http://{host}/v.mp4"));
        assert!(
            shown.starts_with("m.yaml:1:8: warning: `video` is at a private address ("),
            "{host}: {shown}"
        );
        assert!(
            shown.ends_with("(Kling downloads it from the internet: use a public URL)"),
            "{shown}"
        );
    }
    for host in [
        "cdn.example.com",
        "8.8.8.8",
        "172.32.0.1",
        "100.128.0.1",
        "[2606:4700::1]",
        "local.example",
    ] {
        assert_eq!(of_video(&format!("http://{host}/v.mp4")), "", "{host}");
    }
}

#[test]
fn a_page_that_shows_a_file_is_a_warning() {
    for (url, service) in [
        ("https://drive.google.com/file/d/1abc/view?usp=sharing", "Google Drive"),
        ("https://www.dropbox.com/scl/fi/x/v.mp4?rlkey=1&dl=0", "Dropbox"),
        ("https://1drv.ms/v/s!x", "OneDrive"),
        ("https://corp-my.sharepoint.com/:v:/g/x", "OneDrive"),
        ("https://we.tl/t-x", "WeTransfer"),
        ("https://www.youtube.com/watch?v=1", "YouTube"),
        ("https://youtu.be/1", "YouTube"),
        ("https://github.com/a/b/blob/main/v.mp4", "GitHub"),
    ] {
        let shown = of_video(url);
        let start = format!("m.yaml:1:8: warning: `video` is a page of {service}, not a file (");
        assert!(shown.starts_with(&start), "{url}: {shown}");
    }
    for url in [
        "https://drive.google.com/uc?export=download&id=1",
        "https://www.dropbox.com/scl/fi/x/v.mp4?rlkey=1&dl=1",
        "https://github.com/a/b/raw/main/v.mp4",
        "https://raw.githubusercontent.com/a/b/main/v.mp4",
        "https://netflix.com/v.mp4",
        "https://mydropbox.com/v.mp4?dl=0",
    ] {
        assert_eq!(of_video(url), "", "{url}");
    }
}

#[test]
fn warnings_have_places_and_refuse_nothing() {
    let text = "defaults:\n  video: https://e.com/v.mp4,\njobs:\n\
                - {id: a, audio: 'http://nas/a.mp3', callback_url: http://10.0.0.1/}\n- {id: b, audio: b.mp3}\n";
    assert_eq!(good(text).jobs.len(), 2);
    assert_eq!(
        warnings(text),
        [
            "m.yaml:2:10: warning: `video` ends in `,` (remove it, unless the URL really ends so)",
            "m.yaml:4:18: warning: `audio` is at a private address (nas) (Kling downloads it from the internet: use a public URL)",
            "m.yaml:4:52: warning: `callback_url` is at a private address (10.0.0.1) (Kling sends reports from the internet: use a public URL)",
        ]
    );
    // An error does not hide warnings, and many warnings do not hide an error.
    let jobs: String =
        (0..200).map(|n| format!("- {{id: j{n}, audio: http://nas/{n}.mp3}}\n")).collect();
    let many = format!("jobs:\n{jobs}- {{id: j0, video: v.mp4, audio: a.mp3}}\n");
    let problems = read(many.as_bytes(), "m.yaml").unwrap_err();
    assert_eq!((problems.len(), problems.errors()), (301, 201));
}
