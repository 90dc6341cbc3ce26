//! How the daemon is started: by systemd, if configuration and unit are the package's, or by hand. Only checks
//! which files exist; does not ask systemd.

use std::path::{Path, PathBuf};

use rustix::process::geteuid;

const CONFIGS: &str = "/etc/lipsyncd";
/// Folders of units: the administrator's, the packages', and the packages' on older systems.
const UNITS: [&str; 3] = ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

pub(super) fn start_command(config: Option<&Path>) -> String {
    let installed = |unit: &str| UNITS.iter().any(|folder| Path::new(folder).join(unit).exists());
    match unit(config, installed) {
        Some(unit) if geteuid().is_root() => format!("systemctl start {unit}"),
        Some(unit) => format!("sudo systemctl start {unit}"),
        None => "lipsyncd run".to_owned(),
    }
}

/// Returns the unit of this configuration; `installed` says whether a unit file exists.
fn unit(config: Option<&Path>, installed: impl Fn(&str) -> bool) -> Option<String> {
    let unit = name(config?)?;
    let file = if unit.contains('@') { "lipsyncd@.service" } else { "lipsyncd.service" };
    installed(file).then_some(unit)
}

/// Returns the name of the package's unit for this configuration; none if the configuration is not the package's.
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
    fn the_packages_configurations_have_units_if_the_unit_files_exist() {
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
    fn without_a_unit_the_daemon_is_started_by_hand() {
        assert_eq!(start_command(Some(Path::new("/srv/dub/lipsyncd.yaml"))), "lipsyncd run");
        assert_eq!(start_command(None), "lipsyncd run");
    }
}
