//! The demo's folder: clips, manifests and a configuration, as a user has them.

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use crate::{
    cli::{CommandError, ExitCode, Result},
    config::Config,
};

const FILES: [(&str, &[u8]); 10] = [
    ("media/anna.mp4", include_bytes!("clips/anna.mp4")),
    ("media/bruno.mp4", include_bytes!("clips/bruno.mp4")),
    ("jobs/voices/welcome-en.mp3", include_bytes!("clips/welcome-en.mp3")),
    ("jobs/voices/welcome-fr.mp3", include_bytes!("clips/welcome-fr.mp3")),
    ("jobs/voices/welcome-de.mp3", include_bytes!("clips/welcome-de.mp3")),
    ("jobs/voices/welcome-es.wav", include_bytes!("clips/welcome-es.wav")),
    ("jobs/voices/welcome-pt.m4a", include_bytes!("clips/welcome-pt.m4a")),
    ("jobs/voices/too-short-it.mp3", include_bytes!("clips/too-short-it.mp3")),
    ("jobs/anna.yaml", include_bytes!("manifests/anna.yaml")),
    ("jobs/bruno.yaml", include_bytes!("manifests/bruno.yaml")),
];

pub(super) struct Folder {
    pub(super) root: PathBuf,
}

impl Folder {
    pub(super) fn unpack(dir: Option<&Path>) -> Result<Self> {
        let root = match dir {
            Some(dir) => empty(dir)?,
            None => {
                let made = tempfile::Builder::new().prefix("lipsyncd-demo-").tempdir();
                made.map_err(|error| cannot(Path::new("the demo's folder"), &error))?.keep()
            }
        };
        let folder = Self { root };
        for (name, bytes) in FILES {
            folder.put(name, bytes)?;
        }
        Ok(folder)
    }

    pub(super) fn configuration(&self) -> PathBuf {
        self.root.join("lipsyncd.yaml")
    }

    /// Writes the configuration for the API at `base_url`, and reads it as every command does.
    /// `page`: where the web page is served, if it is.
    pub(super) fn configure(&self, base_url: &str, page: Option<SocketAddr>) -> Result<Config> {
        let page = page.map(|at| format!("web: {{ listen: \"{at}\" }}\n")).unwrap_or_default();
        let text = format!(
            "# The configuration of the demo.\n\
             kling: {{ base_url: \"{base_url}\" }}\n\
             media: {{ dirs: [media], public_base_url: \"{base_url}/media/\" }}\n\
             watch: {{ settle: 200ms, media_settle: 200ms }}\n\
             limits: {{ concurrency: 3, identify_per_second: 5, create_per_second: 5, query_per_second: 20 }}\n\
             poll: {{ min_interval: 250ms, max_interval: 2s }}\n{page}"
        );
        self.put("lipsyncd.yaml", text.as_bytes())?;
        match Config::find_and_load(Some(&self.configuration()), &|_| None) {
            Ok((config, _)) => Ok(config),
            Err(error) => Err(CommandError::rendered(ExitCode::CannotRun, error.render(false))),
        }
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.root.join(name);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        made.and_then(|()| fs::write(&path, bytes)).map_err(|error| cannot(&path, &error))
    }
}

/// Creates the folder that the user named; refuses one with files, so nothing is overwritten.
fn empty(dir: &Path) -> Result<PathBuf> {
    fs::create_dir_all(dir).map_err(|error| cannot(dir, &error))?;
    let dir = dir.canonicalize().map_err(|error| cannot(dir, &error))?;
    let mut entries = fs::read_dir(&dir).map_err(|error| cannot(&dir, &error))?;
    if entries.next().is_some() {
        let what = format!("--dir: {} is not empty", dir.display());
        return Err(CommandError::new(ExitCode::Usage, what).hint("name a new folder"));
    }
    Ok(dir)
}

fn cannot(path: &Path, error: &io::Error) -> CommandError {
    CommandError::new(ExitCode::CannotRun, format!("cannot write {}: {error}", path.display()))
}
