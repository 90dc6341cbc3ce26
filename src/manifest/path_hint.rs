//! What may be wrong with a path that leads to no file, as far as its text shows.

use super::problem::is_invisible;

/// Returns what to write instead. The path may still be the name of a real file: use this only after the search for
/// the file.
#[must_use]
pub fn path_hint(path: &str) -> Option<String> {
    let visible: String = path.chars().filter(|c| !is_invisible(*c)).collect();
    of_visible(&visible).or_else(|| invisible_character(path))
}

/// Returns which character of a path people cannot see.
#[must_use]
pub fn invisible_character(path: &str) -> Option<String> {
    let invisible = path.chars().find(|c| is_invisible(*c))?;
    Some(format!("the name contains an invisible character (U+{:04X})", invisible as u32))
}

fn of_visible(path: &str) -> Option<String> {
    if is_windows_path(path) || path.starts_with("\\\\") {
        Some("this is a path of Windows: write it relative to the manifest or to media.dirs, with `/`".into())
    } else if path.starts_with('~') {
        Some("`~` is not replaced by a home folder: write the complete path".into())
    } else if let Some(variable) = variable(path) {
        Some(format!("`{variable}` is not replaced by a value: write the complete path"))
    } else if path.contains('\\') {
        Some(format!("the separator of folders is `/`: write `{}`", path.replace('\\', "/")))
    } else {
        url_hint(path)
    }
}

/// Returns how to write a path that may be a URL without its scheme.
#[must_use]
pub fn url_hint(path: &str) -> Option<String> {
    let starts = ["https//", "http//", "//"];
    let host = starts.iter().find_map(|start| path.strip_prefix(start)).unwrap_or(path);
    begins_with_host(host).then(|| format!("if it is a URL, write `https://{host}`"))
}

/// `C:\…` or `C:/…`.
fn is_windows_path(path: &str) -> bool {
    matches!(path.as_bytes(), [drive, b':', b'\\' | b'/', ..] if drive.is_ascii_alphabetic())
}

/// The first `$NAME`, `${NAME}`, `%NAME%` or `{{ NAME }}` of a text.
fn variable(text: &str) -> Option<&str> {
    let between = |start: &str, end: &str| {
        let from = text.find(start)?;
        let length = text[from + start.len()..].find(end)?;
        let name = text[from + start.len()..][..length].trim();
        let is_name =
            !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_.-".contains(c));
        is_name.then(|| &text[from..from + start.len() + length + end.len()])
    };
    let plain = || {
        let from = text.find('$')?;
        let name = &text[from + 1..];
        let end =
            name.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(name.len());
        (end > 0 && !name.starts_with(|c: char| c.is_ascii_digit()))
            .then(|| &text[from..from + 1 + end])
    };
    between("{{", "}}").or_else(|| between("${", "}")).or_else(plain).or_else(|| between("%", "%"))
}

/// Whether a path may be a URL without its scheme, such as `cdn.example.com/a.mp4`.
fn begins_with_host(path: &str) -> bool {
    let Some((host, rest)) = path.split_once('/') else { return false };
    let host = host.split(':').next().unwrap_or_default();
    let Some((name, top)) = host.rsplit_once('.') else { return false };
    let is_of_host = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    let is_top = top.len() >= 2 && top.chars().all(|c| c.is_ascii_alphabetic());
    !rest.is_empty()
        && !name.is_empty()
        && !name.starts_with('.')
        && name.chars().all(is_of_host)
        && is_top
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_another_system_is_explained() {
        for (path, expected) in [
            ("C:\\Users\\me\\en.mp3", Some("this is a path of Windows")),
            ("\u{202a}C:\\a.mp3", Some("this is a path of Windows")),
            ("d:/a.mp3", Some("this is a path of Windows")),
            ("\\\\server\\share\\a.mp3", Some("this is a path of Windows")),
            ("audio\\en.mp3", Some("the separator of folders is `/`: write `audio/en.mp3`")),
            ("~/a.mp3", Some("`~` is not replaced by a home folder")),
            ("$HOME/a.mp3", Some("`$HOME` is not replaced")),
            ("x/${LANG}.mp3", Some("`${LANG}` is not replaced")),
            ("%USERPROFILE%/a.mp3", Some("`%USERPROFILE%` is not replaced")),
            ("{{ item }}.mp3", Some("`{{ item }}` is not replaced")),
            (
                "cdn.example.com/a.mp4",
                Some("if it is a URL, write `https://cdn.example.com/a.mp4`"),
            ),
            (
                "//cdn.example.com:8080/a.mp4",
                Some("if it is a URL, write `https://cdn.example.com:8080/a.mp4`"),
            ),
            ("www.example.com/a", Some("if it is a URL, write `https://www.example.com/a`")),
            ("https//e.com/a.mp3", Some("if it is a URL, write `https://e.com/a.mp3`")),
            ("a\u{200b}.mp3", Some("the name contains an invisible character (U+200B)")),
            ("a\u{a0}b.mp3", Some("the name contains an invisible character (U+00A0)")),
            ("audio/en.mp3", None),
            ("100% $5.mp3", None),
            ("../x.y/a.mp3", None),
            ("v1.0/a.mp3", None),
            ("en.mp3", None),
        ] {
            let hint = path_hint(path);
            let is_right = match expected {
                Some(expected) => hint.as_deref().is_some_and(|hint| hint.starts_with(expected)),
                None => hint.is_none(),
            };
            assert!(is_right, "{path}: {hint:?}");
        }
    }
}
