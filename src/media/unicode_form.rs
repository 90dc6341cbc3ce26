//! Names that are the same to people and differ in their bytes.
//!
//! macOS writes `é` as two characters (NFD), other systems as one (NFC). Copies keep the bytes, so a name of one form
//! often finds no file of the other form.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};

/// Returns the existing path whose parts are canonically equivalent (Unicode) to the parts of `name`, below `folder`.
pub(super) fn in_other_form(folder: &Path, name: &str) -> Option<PathBuf> {
    if name.is_ascii() {
        return None;
    }
    let mut path = folder.to_owned();
    for part in Path::new(name).components() {
        let Component::Normal(part) = part else {
            path.push(part);
            continue;
        };
        let part = part.to_str()?;
        let composed = ComposingNormalizerBorrowed::new_nfc().normalize(part);
        let decomposed = DecomposingNormalizerBorrowed::new_nfd().normalize(part);
        let forms = [part, &*composed, &*decomposed].map(|form| path.join(form));
        path = forms.into_iter().find(|form| fs::symlink_metadata(form).is_ok())?;
    }
    Some(path)
}

/// Returns a name as people see it: of one Unicode form and case, without invisible characters, with one kind of blank
/// and of apostrophe.
pub(super) fn as_seen(name: &str) -> String {
    let lower = ComposingNormalizerBorrowed::new_nfc().normalize(name).to_lowercase();
    let visible = lower.chars().filter_map(|character| match character {
        character if character.is_whitespace() => Some(' '),
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' => None,
        '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => None,
        '‘' | '’' => Some('\''),
        character => Some(character),
    });
    visible.collect::<String>().trim().to_owned()
}
