//! How the daemon is started where it is: by systemd, where the configuration and the units are the package's,
//! or by hand. It only looks whether files are there; systemd itself is not asked.

use std::path::{Path, PathBuf};

use rustix::process::geteuid;

/// Where the package has its configurations.
const CONFIGS: &str = "/etc/lipsyncd";
/// Where units lie: an administrator's own, the packages', and those of a package on an older system.
const UNITS: [&str; 3] = ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

/// What to type to start the daemon of this configuration.
pub(super) fn start(config: Option<&Path>) -> String {
    let installed = |unit: &str| UNITS.iter().any(|folder| Path::new(folder).join(unit).exists());
    match unit(config, installed) {
        Some(unit) if geteuid().is_root() => format!("systemctl start {unit}"),
        Some(unit) => format!("sudo systemctl start {unit}"),
        None => "lipsyncd run".to_owned(),
    }
}

/// The unit that goes by this configuration; `installed` tells of a unit's file whether it is there.
fn unit(config: Option<&Path>, installed: impl Fn(&str) -> bool) -> Option<String> {
    let unit = name(config?)?;
    let file = if unit.contains('@') { "lipsyncd@.service" } else { "lipsyncd.service" };
    installed(file).then_some(unit)
}

/// What the package's unit of this configuration is called; none where that is not one of the package's.
pub(super) fn name(config: &Path) -> Option<String> {
    let file: PathBuf = config.components().collect();
    match file.file_stem()?.to_str().filter(|_| file.parent() == Some(Path::new(CONFIGS)))? {
        "lipsyncd" => Some("lipsyncd".to_owned()),
        account => Some(format!("lipsyncd@{account}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packages_configurations_have_units_where_those_are_there() {
        let unit = |config: &str, there| unit(Some(Path::new(config)), |_| there);
        assert_eq!(unit("/etc/lipsyncd/lipsyncd.yaml", true).unwrap(), "lipsyncd");
        assert_eq!(unit("/etc/lipsyncd/north.yaml", true).unwrap(), "lipsyncd@north");
        for (config, there) in [
            ("/etc/lipsyncd/lipsyncd.yaml", false),
            ("/srv/dub/lipsyncd.yaml", true),
            ("/etc/lipsyncd/old/lipsyncd.yaml", true),
        ] {
            assert_eq!(unit(config, there), None, "{config}");
        }
    }

    #[test]
    fn without_a_unit_it_is_started_by_hand() {
        assert_eq!(start(Some(Path::new("/srv/dub/lipsyncd.yaml"))), "lipsyncd run");
        assert_eq!(start(None), "lipsyncd run");
    }
}
