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

    /// [`drop_in`](Self::drop_in) of a file that was written an hour ago: a start does not wait until it settles.
    pub fn drop_in_old(&self, name: &str, content: impl AsRef<[u8]>) {
        self.drop_in_at(name, content, SystemTime::now() - Duration::from_secs(3600));
    }

    /// [`drop_in`](Self::drop_in) of a file with this time of its last write.
    pub fn drop_in_at(&self, name: &str, content: impl AsRef<[u8]>, modified: SystemTime) {
        self.drop_in(name, content);
        let file = File::options().write(true).open(self.path("jobs").join(name)).unwrap();
        file.set_modified(modified).unwrap();
    }

    /// Writes a file of the folder as `rsync --inplace` does: the same inode, and a time from long ago at the end.
    pub fn write_in_place(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path("jobs").join(name);
        fs::write(&path, content).unwrap();
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
    }

    /// Changes a text of the configuration file, which must be there.
    pub fn change_config(&self, from: &str, to: &str) {
        let path = self.path("lipsyncd.yaml");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from} is not in the configuration");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
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
