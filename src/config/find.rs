//! Where the configuration is looked for, and what can go wrong.

use std::{
    env,
    ffi::OsString,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use super::{read, settings::Config};
use crate::manifest::{BYTES_MAX, Problems};

const IMPLICIT: [&str; 2] = ["lipsyncd.yaml", "/etc/lipsyncd/lipsyncd.yaml"];

/// Why there is no usable configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file that was named, or that exists, cannot be read.
    #[error("cannot read the configuration `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file has errors.
    #[error("{}", problems.one_line(&path.display().to_string()))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Its text, for excerpts.
        text: String,
        /// Every error in it.
        problems: Problems,
    },
    /// Relative paths cannot be resolved.
    #[error("cannot find the working directory")]
    NoDirectory(#[source] io::Error),
}

impl ConfigError {
    /// Renders the error for a terminal, with excerpts of the file. Ends in a newline.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        match self {
            Self::Invalid { path, text, problems } => {
                problems.render(&path.display().to_string(), text, color)
            }
            Self::Unreadable { source, .. } | Self::NoDirectory(source) => {
                format!("error: {self}: {source}\n")
            }
        }
    }
}

impl Config {
    /// Returns the settings and the file they come from: `explicit` (`--config`), else `$LIPSYNCD_CONFIG`,
    /// `./lipsyncd.yaml`, `/etc/lipsyncd/lipsyncd.yaml`, else the defaults and none. All paths are
    /// made absolute: they start at the file's folder, the defaults' at the working directory.
    ///
    /// # Errors
    /// A file that was named has to exist; a file that exists has to be readable and without errors. A file in a
    /// working directory that this user may not read counts as absent.
    pub fn find_and_load(
        explicit: Option<&Path>,
        env: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<(Self, Option<PathBuf>), ConfigError> {
        let here = env::current_dir().map_err(ConfigError::NoDirectory)?;
        Self::find_from(&here, explicit, env)
    }

    /// The same from a given working directory, which has to be absolute.
    pub(super) fn find_from(
        here: &Path,
        explicit: Option<&Path>,
        env: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<(Self, Option<PathBuf>), ConfigError> {
        let by_environment = || env("LIPSYNCD_CONFIG").filter(|path| !path.is_empty());
        let named = explicit.map(Path::to_owned).or_else(|| by_environment().map(PathBuf::from));
        let candidates = match &named {
            Some(path) => vec![here.join(path)],
            None => IMPLICIT.iter().map(|path| here.join(path)).collect(),
        };
        for path in candidates {
            match bytes_of(&path) {
                Ok(bytes) => return Ok((Self::load(&bytes, &path)?, Some(path))),
                Err(error) if named.is_none() && (is_absent(&error) || is_hidden(&path)) => {}
                Err(source) => return Err(ConfigError::Unreadable { path, source }),
            }
        }
        Ok((Self::default().rooted_at(here), None))
    }

    fn load(bytes: &[u8], path: &Path) -> Result<Self, ConfigError> {
        let config = read::read(bytes).map_err(|problems| ConfigError::Invalid {
            path: path.to_owned(),
            text: String::from_utf8_lossy(bytes).into_owned(),
            problems,
        })?;
        Ok(config.rooted_at(path.parent().unwrap_or(Path::new("/"))))
    }

    fn rooted_at(mut self, folder: &Path) -> Self {
        for target in &mut self.notify {
            target.root_at(folder);
        }
        let paths = [&mut self.jobs_dir, &mut self.output_dir, &mut self.state_db];
        let others = self.media.dirs.iter_mut().chain(&mut self.web.password_file);
        for path in paths.into_iter().chain(others) {
            *path = folder.join(&*path);
        }
        self
    }
}

/// Returns true if this user may not even see whether the file exists, for example in another user's home, from
/// which a command is run as the daemon's user.
fn is_hidden(path: &Path) -> bool {
    path.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

/// Reads the file, and at most one byte more than is allowed.
fn bytes_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
