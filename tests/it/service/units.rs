//! The shipped units: both have the same settings, and all of them exist in Debian 12.

use std::{collections::BTreeSet, fs, path::Path};

fn unit(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd").join(name)).unwrap()
}

/// The text of a unit without comments.
fn directives(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

#[test]
fn second_account_has_the_same_unit_with_its_own_paths() {
    let (first, more) = (unit("lipsyncd.service"), unit("lipsyncd@.service"));
    let own = more
        .replace("/etc/lipsyncd/%i.yaml", "/etc/lipsyncd/lipsyncd.yaml")
        .replace("/etc/lipsyncd/%i.credentials", "/etc/lipsyncd/credentials")
        .replace("lipsyncd-%i", "lipsyncd")
        .replace(" (%i)", "");
    let makes_its_folder = |line: &&str| line.starts_with("ExecStartPre=");
    let own: Vec<_> = directives(&own).into_iter().filter(|line| !makes_its_folder(line)).collect();
    assert_eq!(own, directives(&first));
    let makes = directives(&more).into_iter().find(makes_its_folder).unwrap();
    // Root would follow a link that the user created there, and change the owner of its target.
    assert!(makes.contains("=+/usr/bin/setpriv --reuid=lipsyncd "), "{makes}");
}

#[test]
fn each_directive_of_the_sandbox_has_a_reason_above_it() {
    let text = unit("lipsyncd.service");
    let sandbox = text.split("# The sandbox denies").nth(1).unwrap();
    let paragraphs = sandbox.split('#').skip(1);
    for paragraph in paragraphs {
        let directives = paragraph.lines().skip(1).filter(|line| line.contains('=')).count();
        assert!(directives <= 8, "one reason for too many directives: {paragraph}");
    }
}

#[test]
fn newer_settings_than_debian_12_are_only_in_the_drop_in() {
    let newer = unit("lipsyncd.service.d/newer-systemd.conf");
    let names = |text: &str| -> BTreeSet<String> {
        directives(text)
            .iter()
            .filter_map(|line| Some(line.split_once('=')?.0.to_owned()))
            .collect()
    };
    let too_new = ["RestartSteps", "RestartMaxDelaySec", "RefreshOnReload"];
    let (newer, first) = (names(&newer), names(&unit("lipsyncd.service")));
    for name in too_new {
        assert!(newer.contains(name) && !first.contains(name), "{name}");
    }
}
