//! Finds the file that a manifest may mean when there is no file of the name that it gives.
//!
//! Lists folders, each once until the names are forgotten, and only folders that manifests may use: a hint must not
//! show names of other folders of the machine.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use percent_encoding::percent_decode_str;

use super::{Locator, unicode_form::as_seen};

/// No more names of one folder are compared.
const NAMES_MAX: usize = 20_000;
/// No more folders in front of a name are left out.
const PARTS_MAX: usize = 16;

/// NamesInFolder in folders, by how people see them.
#[derive(Debug, Default)]
pub struct NearNames {
    /// None: the folder cannot be listed, or is not one of those that manifests may use.
    folders: HashMap<PathBuf, Option<NamesInFolder>>,
}

type NamesInFolder = HashMap<String, String>;

impl NearNames {
    /// Returns the path of a file that differs from `as_written` in a way that people overlook: upper case, blanks,
    /// invisible characters, separators, percent-encoding, or an ending that is one of `endings`.
    pub fn find(
        &mut self,
        locator: &Locator,
        manifest_dir: &Path,
        as_written: &str,
        endings: &[&str],
    ) -> Option<String> {
        let slashes = as_written.replace('\\', "/");
        let decoded = percent_decode_str(&slashes).decode_utf8_lossy().into_owned();
        // The file may be here, without the folders in front of it.
        let ends = decoded.match_indices('/').map(|(at, _)| &decoded[at + 1..]).take(PARTS_MAX);
        let variants: Vec<&str> = [&*slashes, &*decoded].into_iter().chain(ends).collect();
        let folders = [manifest_dir].into_iter().chain(locator.media_dirs.iter().map(|dir| &**dir));
        let folders: Vec<&Path> = folders.collect();
        variants.iter().find_map(|path| {
            folders.iter().find_map(|folder| {
                // An absolute path is searched below the folder that it names.
                let below = Path::new(path).strip_prefix(folder).ok().and_then(Path::to_str);
                match below {
                    None if path.starts_with('/') => None,
                    None => self.below(locator, folder, path, endings),
                    Some(below) => {
                        let found = self.below(locator, folder, below, endings)?;
                        folder.join(found).to_str().map(str::to_owned)
                    }
                }
            })
        })
    }

    /// Forgets all names: folders change.
    pub fn forget(&mut self) {
        self.folders.clear();
    }

    fn below(
        &mut self,
        locator: &Locator,
        folder: &Path,
        path: &str,
        endings: &[&str],
    ) -> Option<String> {
        let (mut place, mut found) = (folder.to_owned(), Vec::new());
        let mut parts = path.split('/').filter(|part| !matches!(*part, "" | ".")).peekable();
        while let Some(part) = parts.next() {
            let name = if part == ".." {
                part.to_owned()
            } else {
                let names = self.names(locator, &place)?;
                let is_last = parts.peek().is_none();
                let near = names.get(&as_seen(part));
                let other = || is_last.then(|| other_ending(names, part, endings)).flatten();
                near.or_else(other)?.clone()
            };
            place.push(&name);
            found.push(name);
        }
        place.is_file().then(|| found.join("/"))
    }

    fn names(&mut self, locator: &Locator, folder: &Path) -> Option<&NamesInFolder> {
        if !self.folders.contains_key(folder) {
            self.folders.insert(folder.to_owned(), list(locator, folder));
        }
        self.folders.get(folder)?.as_ref()
    }
}

fn list(locator: &Locator, folder: &Path) -> Option<NamesInFolder> {
    locator.within(&fs::canonicalize(folder).ok()?)?;
    let entries = fs::read_dir(folder).ok()?.take(NAMES_MAX).flatten();
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    // Of several names that look the same, always the same one is found.
    names.sort_unstable_by(|a, b| b.cmp(a));
    Some(names.into_iter().map(|name| (as_seen(&name), name)).collect())
}

/// The name with another ending: `en.wav` for `en.mp3`.
fn other_ending<'n>(names: &'n NamesInFolder, name: &str, endings: &[&str]) -> Option<&'n String> {
    let (stem, _) = name.rsplit_once('.')?;
    endings.iter().find_map(|ending| names.get(&as_seen(&format!("{stem}{ending}"))))
}
