//! The credentials: there, of the right form, and for nobody else's eyes.
//!
//! No finding holds any part of one.

use std::{
    env,
    ffi::OsString,
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use super::{finding::Finding, who::Who};
use crate::{
    cli::text::shell_word,
    config::{Credentials, CredentialsError},
};

const NAME: &str = "credentials";
const FILES: &str = "credential files";

/// What the variables are called, and the files that the package has them in.
const SOURCES: [(&str, &str); 3] = [
    ("KLING_ACCESS_KEY", "access_key"),
    ("KLING_SECRET_KEY", "secret_key"),
    ("KLING_API_TOKEN", "api_token"),
];

/// The credentials that the daemon has, as far as they can be had from here.
pub(super) fn check(who: &Who, findings: &mut Vec<Finding>) -> Option<Credentials> {
    let found = find(who);
    let credentials = match found {
        Ok((credentials, place)) => {
            let kind = match &credentials {
                Credentials::Keys { .. } => "access key and secret key",
                Credentials::Token(_) => "a fixed token",
            };
            let account = credentials.account();
            findings.push(Finding::ok(NAME, format!("{kind} from {place}, known as {account}")));
            Some(credentials)
        }
        Err(finding) => {
            findings.push(finding);
            None
        }
    };
    findings.extend(files(who));
    credentials
}

/// From the environment; else from where the package has them, which root may read.
fn find(who: &Who) -> Result<(Credentials, String), Finding> {
    let environment = |name: &str| env::var_os(name);
    match Credentials::find(&environment) {
        Ok(credentials) => {
            let direct = SOURCES.iter().any(|(name, _)| environment(name).is_some());
            let place = if direct { "the environment" } else { "$CREDENTIALS_DIRECTORY" };
            return Ok((credentials, place.to_owned()));
        }
        Err(CredentialsError::Missing) => {}
        Err(error) => return Err(wrong(&error, who)),
    }
    let Some(folder) = who.credentials_folder() else {
        return Err(wrong(&CredentialsError::Missing, who));
    };
    match fs::read_dir(&folder) {
        Ok(_) => {}
        // Had any lain there, systemd would have handed them over.
        Err(_) if Who::was_handed_credentials() => {
            return Err(wrong(&CredentialsError::Missing, who));
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let message = format!(
                "lie in {}, which {} may not read: neither they nor the API could be tried",
                folder.display(),
                who.me.shown()
            );
            return Err(Finding::warning(NAME, message, who.doctor()));
        }
        Err(_) => return Err(wrong(&CredentialsError::Missing, who)),
    }
    match Credentials::find(&|name| from_folder(&folder, name)) {
        Ok(credentials) => Ok((credentials, folder.display().to_string())),
        Err(error) => Err(wrong(&error, who)),
    }
}

fn from_folder(folder: &Path, name: &str) -> Option<OsString> {
    let (_, file) = SOURCES.iter().find(|(known, _)| *known == name)?;
    let path = folder.join(file);
    let plain = fs::metadata(&path)
        .is_ok_and(|file| file.is_file() && file.len() <= Credentials::BYTES_MAX);
    if !plain {
        return None;
    }
    fs::read_to_string(path).ok().map(|value| value.trim().to_owned().into())
}

fn wrong(error: &CredentialsError, who: &Who) -> Finding {
    let message = match error {
        CredentialsError::Unreadable { source, .. } => format!("{error}: {source}"),
        _ => error.to_string(),
    };
    let folder = who.credentials_folder().filter(|_| who.unit().is_some());
    let names = to_write(error);
    let Some(folder) = folder else {
        let set: Vec<String> = names.iter().map(|name| format!("{name}=…")).collect();
        let mend = match error {
            CredentialsError::Both => "unset KLING_API_TOKEN".to_owned(),
            _ => format!("export {}", set.join(" ")),
        };
        return Finding::error(NAME, message, format!("{mend} in the shell that runs lipsyncd"));
    };
    let folder = shell_word(&folder.display().to_string()).into_owned();
    let mut mend = vec![who.root(&format!("install -d -m 0700 {folder}"))];
    if matches!(error, CredentialsError::Both) {
        mend = vec![who.root(&format!("rm {folder}/api_token"))];
    }
    for (_, file) in SOURCES.iter().filter(|(name, _)| names.contains(name)) {
        let write = who.root(&format!("sh -c 'umask 077; cat > {folder}/{file}'"));
        mend.push(format!("{write} (paste, then Ctrl-D)"));
    }
    mend.push(who.restart());
    Finding::error(NAME, message, mend.join("\n"))
}

/// Which of them have to be set, by the names of their variables.
fn to_write(error: &CredentialsError) -> Vec<&'static str> {
    match error {
        CredentialsError::Missing => vec!["KLING_ACCESS_KEY", "KLING_SECRET_KEY"],
        CredentialsError::Half { missing, .. } => vec![missing],
        CredentialsError::Malformed(name) | CredentialsError::Unreadable { name, .. } => vec![name],
        CredentialsError::Both => Vec::new(),
    }
}

/// Files that hold credentials, or are likely to, and that everybody may read.
fn files(who: &Who) -> Vec<Finding> {
    let handed_over = env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let handed_over = handed_over
        .iter()
        .flat_map(|folder| SOURCES.iter().map(move |(name, _)| folder.join(name.to_lowercase())));
    let folder = who.credentials_folder();
    let packaged =
        folder.iter().flat_map(|folder| SOURCES.iter().map(move |(_, file)| folder.join(file)));
    let beside =
        who.file.as_deref().and_then(Path::parent).map(|folder| folder.join("lipsyncd.env"));
    let environment = beside.into_iter().chain([PathBuf::from("/etc/default/lipsyncd")]);
    let (mut seen, mut open) = (0, Vec::new());
    for path in handed_over.chain(packaged).chain(environment) {
        // What cannot be looked at from here is not open to everybody.
        let Ok(file) = fs::metadata(&path) else { continue };
        seen += 1;
        let mode = file.permissions().mode() & 0o777;
        if mode & 0o007 != 0 && is_reachable(&path) {
            open.push((path, mode));
        }
    }
    if seen == 0 {
        return Vec::new();
    }
    if open.is_empty() {
        return vec![Finding::ok(FILES, "others may not read them")];
    }
    let finding = |(path, mode): (PathBuf, u32)| {
        let shown = path.display().to_string();
        let message = format!("{shown} has mode {mode:04o}: everybody on this machine may read it");
        Finding::warning(FILES, message, who.root(&format!("chmod o-rwx {}", shell_word(&shown))))
    };
    open.into_iter().map(finding).collect()
}

/// Whether others may enter the folder it lies in.
fn is_reachable(path: &Path) -> bool {
    let folder = path.parent().and_then(|folder| fs::metadata(folder).ok());
    folder.is_none_or(|folder| folder.permissions().mode() & 0o001 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::who::tests::who;

    #[test]
    fn what_is_wrong_is_what_is_written() {
        let who = who(0, "/etc/lipsyncd/lipsyncd.yaml");
        let files = |error| {
            let mend = wrong(&error, &who).mend.unwrap();
            SOURCES
                .map(|(_, file)| mend.contains(&format!("cat > /etc/lipsyncd/credentials/{file}'")))
        };
        assert_eq!(files(CredentialsError::Missing), [true, true, false]);
        let half =
            CredentialsError::Half { given: "KLING_ACCESS_KEY", missing: "KLING_SECRET_KEY" };
        assert_eq!(files(half), [false, true, false]);
        assert_eq!(files(CredentialsError::Malformed("KLING_SECRET_KEY")), [false, true, false]);
        assert_eq!(files(CredentialsError::Malformed("KLING_API_TOKEN")), [false, false, true]);
        let both = wrong(&CredentialsError::Both, &who).mend.unwrap();
        assert!(both.starts_with("rm /etc/lipsyncd/credentials/api_token\n"), "{both}");
    }
}
