//! The folder of manifests, changed as its users do.

use std::{
    fs::{self, File},
    time::{Duration, SystemTime},
};

use super::TestEnv;

impl TestEnv {
    /// Puts a complete file into the folder of manifests at once, by a rename, as a careful program does.
    pub fn drop_in(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path("jobs").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let part = path.with_extension("part");
        fs::write(&part, content).unwrap();
        fs::rename(&part, &path).unwrap();
    }

    /// [`drop_in`](Self::drop_in) of a file that was written an hour ago, so that the daemon does not wait until it settles.
    pub fn drop_in_old(&self, name: &str, content: impl AsRef<[u8]>) {
        self.drop_in(name, content);
        let file = File::options().write(true).open(self.path("jobs").join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
    }

    /// Moves something within the folder of manifests.
    pub fn move_in(&self, from: &str, to: &str) {
        let to = self.path("jobs").join(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::rename(self.path("jobs").join(from), to).unwrap();
    }

    pub fn remove(&self, name: &str) {
        fs::remove_file(self.path("jobs").join(name)).unwrap();
    }
}
