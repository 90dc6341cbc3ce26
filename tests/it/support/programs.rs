//! Programs that `.ci/install` installs for the tests.

use std::{
    env,
    path::{Path, PathBuf},
};

/// Returns where a program is: on PATH, or where `.ci/install` puts it.
pub fn find(name: &str) -> Option<PathBuf> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/bin");
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain([tools]);
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}
