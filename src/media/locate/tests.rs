//! Real folders with links, FIFOs and files that change.

use std::{
    os::unix::{ffi::OsStrExt, fs::symlink, net::UnixListener},
    process::Command,
};

use super::*;

struct Folders {
    folder: tempfile::TempDir,
    locator: Locator,
}

/// `jobs/promo/` with `own.mp3`, `media/` with `shared.mp3`, and `secret.mp3` outside of both.
fn folders() -> Folders {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path);
    fs::create_dir_all(at("jobs/promo")).unwrap();
    fs::create_dir_all(at("media/ä b")).unwrap();
    for file in ["jobs/promo/own.mp3", "media/shared.mp3", "media/ä b/1%.mp3", "secret.mp3"] {
        fs::write(at(file), file).unwrap();
    }
    let locator = Locator { jobs_dir: at("jobs"), media_dirs: vec![at("media"), at("absent")] };
    Folders { folder, locator }
}

impl Folders {
    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn locate(&self, as_written: &str) -> Result<Located, LocateError> {
        self.locator.locate(&self.at("jobs/promo"), as_written)
    }

    fn public(&self, as_written: &str) -> String {
        self.locate(as_written).unwrap().public_path.display().to_string()
    }
}

#[test]
fn a_file_is_looked_up_beside_the_manifest_and_then_in_the_media_folders() {
    let folders = folders();
    assert_eq!(folders.public("own.mp3"), "promo/own.mp3");
    assert_eq!(folders.public("../promo/own.mp3"), "promo/own.mp3");
    assert_eq!(folders.public("shared.mp3"), "shared.mp3");
    assert_eq!(folders.public(&folders.at("media/shared.mp3").display().to_string()), "shared.mp3");
    fs::write(folders.at("jobs/promo/shared.mp3"), "nearer").unwrap();
    let near = folders.locate("shared.mp3").unwrap();
    assert_eq!((near.stamp.bytes(), near.public_path), (6, "promo/shared.mp3".into()));
}

#[test]
fn a_missing_file_is_reported_with_the_searched_folders() {
    let folders = folders();
    symlink(folders.at("nowhere.mp3"), folders.at("jobs/promo/dangling.mp3")).unwrap();
    for name in ["later.mp3", "dangling.mp3", "own.mp3/deeper.mp3"] {
        let error = folders.locate(name).unwrap_err();
        let LocateError::Missing { looked_in, .. } = &error else { panic!("{error}") };
        assert_eq!(
            looked_in,
            &[folders.at("jobs/promo"), folders.at("media"), folders.at("absent")]
        );
        assert!(error.to_string().starts_with(&format!("there is no file `{name}` (looked in /")));
    }
    let error = folders.locate("/nowhere/x.mp3").unwrap_err();
    assert_eq!(error.to_string(), "there is no file `/nowhere/x.mp3`");
    assert_eq!(error.describe("audio"), "there is no audio file `/nowhere/x.mp3`");
}

#[test]
fn a_name_in_the_other_unicode_form_is_the_same_name() {
    let folders = folders();
    let (composed, decomposed) = ("Pr\u{e9}nom", "Pre\u{301}nom");
    fs::create_dir(folders.at("media").join(decomposed)).unwrap();
    // As macOS names them, and as other systems do.
    for file in ["u\u{308}ber.mp3", "\u{e9}t\u{e9}.mp3"] {
        fs::write(folders.at("media").join(decomposed).join(file), file).unwrap();
    }
    for folder in [composed, decomposed] {
        for (name, file) in [
            ("\u{fc}ber.mp3", "u\u{308}ber.mp3"),
            ("u\u{308}ber.mp3", "u\u{308}ber.mp3"),
            ("e\u{301}te\u{301}.mp3", "\u{e9}t\u{e9}.mp3"),
        ] {
            assert_eq!(folders.public(&format!("{folder}/{name}")), format!("{decomposed}/{file}"));
        }
    }
    // The exact name comes first, and others are not the same name.
    fs::write(folders.at("media").join(decomposed).join("\u{fc}ber.mp3"), "").unwrap();
    assert!(folders.public(&format!("{composed}/\u{fc}ber.mp3")).ends_with("/\u{fc}ber.mp3"));
    for name in ["UBER.mp3", "uber.mp3", "\u{dc}ber.mp3", "../Pr\u{e9}nom.mp3"] {
        let error = folders.locate(&format!("{composed}/{name}")).unwrap_err();
        assert!(matches!(error, LocateError::Missing { .. }), "{error}");
    }
}

#[test]
fn no_file_outside_the_folders_is_used() {
    let folders = folders();
    symlink(folders.at("secret.mp3"), folders.at("jobs/promo/link.mp3")).unwrap();
    symlink(folders.at(""), folders.at("media/way")).unwrap();
    let absolute = folders.at("secret.mp3").display().to_string();
    for name in ["link.mp3", "../../secret.mp3", "way/secret.mp3", &absolute, "/etc/passwd"] {
        let error = folders.locate(name).unwrap_err();
        assert!(matches!(error, LocateError::Outside { .. }), "{error}");
        assert!(error.to_string().contains("must be in jobs_dir or one of media.dirs"));
    }
    // A name that only begins like an allowed folder's.
    fs::create_dir(folders.at("media-private")).unwrap();
    fs::write(folders.at("media-private/x.mp3"), "").unwrap();
    assert!(matches!(
        folders.locate("../../media-private/x.mp3"),
        Err(LocateError::Outside { .. })
    ));
}

#[test]
fn a_link_from_one_folder_into_another_is_used() {
    let folders = folders();
    symlink(folders.at("media/shared.mp3"), folders.at("jobs/promo/link.mp3")).unwrap();
    assert_eq!(folders.public("link.mp3"), "shared.mp3");
    fs::rename(folders.at("media"), folders.at("disk")).unwrap();
    symlink(folders.at("disk"), folders.at("media")).unwrap();
    assert_eq!(folders.public("shared.mp3"), "shared.mp3");
}

#[test]
fn pipes_sockets_and_folders_are_refused_without_waiting() {
    let folders = folders();
    let fifo = folders.at("media/fifo.mp4");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let _socket = UnixListener::bind(folders.at("media/socket.mp3")).unwrap();
    let message = |name| folders.locate(name).unwrap_err().to_string();
    assert_eq!(message("fifo.mp4"), "`fifo.mp4` is a FIFO, not a file");
    assert_eq!(message("socket.mp3"), "`socket.mp3` is a socket, not a file");
    assert_eq!(message("ä b"), "`ä b` is a folder, not a file");
    assert_eq!(message(""), "`` is a folder, not a file");
    // A reader that opens it directly does not wait either.
    let error = crate::media::video::probe(&fifo).unwrap_err();
    assert_eq!(error.to_string(), "the video cannot be read: it is not a regular file");
}

#[test]
fn a_device_is_refused() {
    let locator = Locator { jobs_dir: "/dev".into(), media_dirs: Vec::new() };
    let error = locator.locate(Path::new("/dev"), "null").unwrap_err();
    assert_eq!(error.to_string(), "`null` is a device, not a file");
}

#[test]
fn a_file_that_was_changed_or_replaced_is_not_opened_as_the_one_located() {
    let folders = folders();
    let located = folders.locate("own.mp3").unwrap();
    assert_eq!(io::read_to_string(located.open().unwrap()).unwrap(), "jobs/promo/own.mp3");
    assert_eq!(folders.locate("own.mp3").unwrap(), located);

    fs::write(folders.at("copy"), "jobs/promo/own.mp3").unwrap();
    fs::rename(folders.at("copy"), folders.at("jobs/promo/own.mp3")).unwrap();
    assert!(matches!(located.open(), Err(LocateError::Changed(_))));
    let other = folders.locate("own.mp3").unwrap();
    assert_ne!(other.stamp, located.stamp);

    // As long as before, and with the same time.
    let modified = fs::metadata(&other.path).unwrap().modified().unwrap();
    fs::write(&other.path, "jobs/promo/OWN.mp3").unwrap();
    File::options().write(true).open(&other.path).unwrap().set_modified(modified).unwrap();
    assert!(matches!(other.open(), Err(LocateError::Changed(_))));

    fs::write(&other.path, "longer than it was before").unwrap();
    assert!(matches!(other.open(), Err(LocateError::Changed(_))));
    fs::remove_file(&other.path).unwrap();
    assert!(matches!(other.open(), Err(LocateError::Changed(_))));
}

#[test]
fn a_url_encodes_any_name() {
    let folders = folders();
    let located = folders.locate("ä b/1%.mp3").unwrap();
    assert_eq!(
        public_url("https://cdn.example.com/clips/", &located.public_path),
        "https://cdn.example.com/clips/%C3%A4%20b/1%25.mp3"
    );
    let odd = Path::new(std::ffi::OsStr::from_bytes(b"a?b#c/\xff+&.mp4"));
    assert_eq!(public_url("http://h", odd), "http://h/a%3Fb%23c/%FF%2B%26.mp4");
    assert_eq!(public_url("http://h", Path::new("../a/./b")), "http://h/a/b");
}
