//! What the page plays: published results and local sources, by range, and nothing else.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::symlink,
};

use super::{ANY_PORT, address, ask};
use crate::support::{
    daemon::{TestEnv, clip, quick},
    sha256,
};

/// A daemon with the result of a local video, and the address of its page.
pub(super) fn with_a_result(more: &str) -> (TestEnv, String) {
    let mut env = TestEnv::new(quick());
    let public = format!("{}/media/", env.sim.base_url());
    env.configure(5, &format!("media: {{ dirs: [media], public_base_url: \"{public}\" }}\n{more}"));
    fs::write(env.path("media/anna.mp4"), clip("anna.mp4")).unwrap();
    fs::write(env.path("media/en.mp3"), clip("welcome-en.mp3")).unwrap();
    env.drop_in_old("en.yaml", "video: anna.mp4\naudio: en.mp3\n");
    env.start();
    env.until_state("en", "succeeded");
    let address = address(&env);
    (env, address)
}

/// The addresses of the result, the source and the new audio of the only job, as its page has them.
pub(super) fn media(at: &str) -> [String; 3] {
    let page = ask(at, "GET", "/job?key=en", &[]).body;
    ["/media/result/", "/media/video/", "/media/audio/"].map(|beginning| {
        let (_, after) = page.split_once(&format!("src=\"{beginning}")).unwrap();
        format!("{beginning}{}", after.split('"').next().unwrap())
    })
}

/// Status, head and body of an answer.
fn get(at: &str, path: &str, range: Option<&str>) -> (u16, String, Vec<u8>) {
    let mut stream = TcpStream::connect(at).unwrap();
    let range = range.map(|range| format!("Range: {range}\r\n")).unwrap_or_default();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n{range}\r\n")
        .unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
    (head[9..12].parse().unwrap(), head, bytes[end + 4..].to_vec())
}

fn status(at: &str, path: &str) -> u16 {
    get(at, path, None).0
}

#[test]
fn media_are_served_by_range() {
    let (env, at) = with_a_result(ANY_PORT);
    let result = fs::read(env.path("output/en.mp4")).unwrap();
    let contents = [result, clip("anna.mp4"), clip("welcome-en.mp3")];
    for ((path, content), kind) in
        media(&at).iter().zip(contents).zip(["video/mp4", "video/mp4", "audio/mpeg"])
    {
        let (status, head, body) = get(&at, path, None);
        assert_eq!((status, body == content), (200, true), "{path}: {head}");
        for line in [
            &format!("content-type: {kind}"),
            "accept-ranges: bytes",
            "x-content-type-options: nosniff",
            "cross-origin-resource-policy: same-origin",
        ] {
            assert!(head.contains(line), "{path}: {line}: {head}");
        }
        let (status, head, body) = get(&at, path, Some("bytes=100-199"));
        assert_eq!((status, body.as_slice()), (206, &content[100..200]), "{head}");
        assert!(
            head.contains(&format!("content-range: bytes 100-199/{}", content.len())),
            "{head}"
        );
        let (status, _, body) = get(&at, path, Some("bytes=-5"));
        assert_eq!((status, body.as_slice()), (206, &content[content.len() - 5..]));
        assert_eq!(get(&at, path, Some("bytes=99999999-")).0, 416);
        assert_eq!(ask(&at, "HEAD", path, &[]).status, 200);
    }
}

#[test]
fn no_other_file_is_served() {
    let (env, at) = with_a_result(ANY_PORT);
    let [result, video, _] = media(&at);
    let (before, digest) = result.rsplit_once('/').unwrap();
    let secret = sha256(&fs::read(env.path("lipsyncd.yaml")).unwrap());
    for path in [
        "/media/result/",
        "/media/result/1",
        "/media/result/1/..",
        "/media/result/../../etc/passwd",
        "/media/result/1/../../../../etc/passwd",
        "/media/result/1/%2e%2e%2f%2e%2e%2flipsyncd.yaml",
        "/media/result/1/..%2f..%2flipsyncd.db",
        "/media/result/99/0",
        "/media/result/-1/0",
        "/media/result/9223372036854775808/0",
        "/media/result/1%00/0",
        "/media/video/../lipsyncd.yaml",
        "/media/video/99",
        "/media/video/1/",
        "/media/video/1%2f..%2f2",
        "/media/audio/x",
        "/output/en.mp4",
        "/media/anna.mp4",
        &format!("{before}/{secret}"),
        &format!("{before}/{}", digest.to_uppercase()),
        &format!("{before}/{}", &digest[..63]),
        &format!("{result}/x"),
    ] {
        assert!(matches!(status(&at, path), 400 | 404), "{path} {}", status(&at, path));
    }
    assert_eq!((status(&at, &result), status(&at, &video)), (200, 200));
}

/// Also not where the link leads to the very bytes.
#[test]
fn links_and_edited_files_are_not_followed() {
    let (env, at) = with_a_result(ANY_PORT);
    let [result, video, audio] = media(&at);
    let (place, aside) = (env.path("output/en.mp4"), env.path("moved.mp4"));
    let content = fs::read(&place).unwrap();
    fs::rename(&place, &aside).unwrap();
    assert_eq!(status(&at, &result), 404, "it is missing");
    symlink(&aside, &place).unwrap();
    assert_eq!(status(&at, &result), 404, "a link to its bytes");
    fs::remove_file(&place).unwrap();
    symlink("/etc/passwd", &place).unwrap();
    assert_eq!(status(&at, &result), 404, "a link to another file");
    fs::remove_file(&place).unwrap();
    fs::create_dir(&place).unwrap();
    assert_eq!(status(&at, &result), 404, "a folder");
    fs::remove_dir(&place).unwrap();
    // An editor keeps the size.
    let mut edited = content.clone();
    *edited.last_mut().unwrap() ^= 1;
    fs::write(&place, &edited).unwrap();
    assert_eq!(status(&at, &result), 404, "an edited file");
    fs::write(&place, &content).unwrap();
    assert_eq!(status(&at, &result), 200);

    // A source outside the folders of media.
    let source = env.path("media/anna.mp4");
    fs::remove_file(&source).unwrap();
    symlink("/etc/passwd", &source).unwrap();
    assert_eq!(status(&at, &video), 404);
    fs::remove_file(&source).unwrap();
    symlink(env.path("lipsyncd.db"), &source).unwrap();
    assert_eq!(status(&at, &video), 404);
    fs::remove_file(env.path("media/en.mp3")).unwrap();
    assert!(
        std::process::Command::new("mkfifo")
            .arg(env.path("media/en.mp3"))
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(status(&at, &audio), 404, "a pipe");
}

#[test]
fn a_linked_folder_of_the_output_is_not_entered() {
    let (env, at) = with_a_result(ANY_PORT);
    env.drop_in("sub/fr.yaml", "video: anna.mp4\naudio: en.mp3\nsound_volume: 0.5\n");
    env.until_state("sub/fr", "succeeded");
    let page = ask(&at, "GET", "/job?key=sub%2Ffr", &[]).body;
    let (_, after) = page.split_once("src=\"/media/result/").unwrap();
    let path = format!("/media/result/{}", after.split('"').next().unwrap());
    assert_eq!(status(&at, &path), 200);
    fs::rename(env.path("output/sub"), env.path("elsewhere")).unwrap();
    symlink(env.path("elsewhere"), env.path("output/sub")).unwrap();
    assert_eq!(status(&at, &path), 404);
}
