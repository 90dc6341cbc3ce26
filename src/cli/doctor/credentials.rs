//! The credentials: set, in the right form, and not readable by others. No finding contains any part of one.

use std::{
    env,
    ffi::OsString,
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use super::{CheckResult, DoctorContext, Users, error, ok, quoted, warning};
use crate::config::{BucketKeys, Credentials, CredentialsError, FoundBucketKeys, FoundCredentials};

/// The environment variables, and the package's files for them.
const SOURCES: [(&str, &str); 6] = [
    ("KLING_ACCESS_KEY", "access_key"),
    ("KLING_SECRET_KEY", "secret_key"),
    ("KLING_API_KEY", "api_key"),
    ("KLING_API_TOKEN", "api_token"),
    ("S3_ACCESS_KEY", "s3_access_key"),
    ("S3_SECRET_KEY", "s3_secret_key"),
];

pub(super) fn check(context: &mut DoctorContext) -> Vec<CheckResult> {
    let FoundCredentials { credentials, source, notes } = match find(&context.users) {
        Ok(found) => found,
        Err(finding) => return vec![finding],
    };
    let kind = match &credentials {
        Credentials::Keys { .. } => "access key and secret key",
        Credentials::Token(_) => "an API key, sent as bearer token,",
    };
    let mut findings = vec![ok(format!("{kind} from {source}, account {}", credentials.account()))];
    context.credentials = Some(credentials);
    let fix = "store the value alone";
    findings.extend(notes.into_iter().map(|note| warning(note, fix)));
    findings
}

/// Looks in the environment, then in the package's folder, which root can read.
fn find(users: &Users) -> Result<FoundCredentials, CheckResult> {
    match Credentials::find(&|name| env::var_os(name)) {
        Ok(found) => return Ok(found),
        Err(CredentialsError::Missing) => {}
        Err(failed) => return Err(wrong(&failed, users)),
    }
    let missing = || wrong(&CredentialsError::Missing, users);
    let folder = users.credentials_folder().ok_or_else(missing)?;
    match fs::read_dir(&folder) {
        Ok(_) => {}
        // Where systemd passes credentials, it has read this folder already.
        Err(denied)
            if denied.kind() == io::ErrorKind::PermissionDenied
                && !Users::has_systemd_credentials() =>
        {
            let message = format!(
                "{} may not read {}: the credentials there and the API were not checked",
                users.me.shown(),
                folder.display()
            );
            return Err(warning(message, users.doctor()));
        }
        Err(_) => return Err(missing()),
    }
    match Credentials::find(&|name| read_file(&folder, name)) {
        Ok(found) => Ok(FoundCredentials { source: folder.display().to_string(), ..found }),
        Err(failed) => Err(wrong(&failed, users)),
    }
}

/// Looks for the keys of the bucket in the same places.
pub(super) fn find_bucket_keys(users: &Users) -> Result<FoundBucketKeys, CheckResult> {
    let found = BucketKeys::find(&|name| env::var_os(name));
    match (found, users.credentials_folder()) {
        (Err(CredentialsError::NoBucketKeys), Some(folder)) => {
            BucketKeys::find(&|name| read_file(&folder, name))
        }
        (found, _) => found,
    }
    .map_err(|failed| wrong(&failed, users))
}

fn read_file(folder: &Path, name: &str) -> Option<OsString> {
    let (_, file) = SOURCES.iter().find(|(known, _)| *known == name)?;
    let path = folder.join(file);
    let file = fs::metadata(&path).ok()?;
    let plain = file.is_file() && file.len() <= Credentials::BYTES_MAX;
    let value = plain.then(|| fs::read_to_string(path).ok())??;
    Some(value.trim().to_owned().into())
}

fn wrong(failed: &CredentialsError, users: &Users) -> CheckResult {
    let message = match failed {
        CredentialsError::Unreadable { source, .. } => format!("{failed}: {source}"),
        _ => failed.to_string(),
    };
    let needed = match failed {
        CredentialsError::Missing => vec!["KLING_ACCESS_KEY", "KLING_SECRET_KEY"],
        CredentialsError::NoBucketKeys => vec!["S3_ACCESS_KEY", "S3_SECRET_KEY"],
        CredentialsError::Half { missing, .. } => vec![*missing],
        CredentialsError::Malformed(name) | CredentialsError::Unreadable { name, .. } => {
            vec![*name]
        }
        CredentialsError::Both(_)
        | CredentialsError::Different
        | CredentialsError::NotifySecret => Vec::new(),
    };
    // What is to be removed if too much is set.
    let superfluous = match failed {
        CredentialsError::Both(name) => Some(*name),
        CredentialsError::Different => Some("KLING_API_TOKEN"),
        _ => None,
    };
    let Some(folder) = users.unit_credentials() else {
        let values: Vec<String> = needed.iter().map(|name| format!("{name}=…")).collect();
        let set = match superfluous {
            Some(name) => format!("unset {name}"),
            None => format!("export {}", values.join(" ")),
        };
        return error(message, format!("{set} in the shell that runs lipsyncd"));
    };
    let folder = quoted(&folder);
    let file_of = |name: &str| SOURCES.iter().find(|(known, _)| *known == name);
    let mut fix = vec![users.root(&match superfluous.and_then(file_of) {
        Some((_, file)) => format!("rm {folder}/{file}"),
        None => format!("install -d -m 0700 {folder}"),
    })];
    for (_, file) in SOURCES.iter().filter(|(name, _)| needed.contains(name)) {
        let write = users.root(&format!("sh -c 'umask 077; cat > {folder}/{file}'"));
        fix.push(format!("{write} (paste, then Ctrl-D)"));
    }
    fix.push(users.restart());
    error(message, fix.join("\n"))
}

pub(super) fn check_files(context: &mut DoctorContext) -> Vec<CheckResult> {
    let users = &context.users;
    let from_systemd = env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let config_folder = users.config_file.as_deref().and_then(Path::parent);
    let mut files = vec![PathBuf::from("/etc/default/lipsyncd")];
    files.extend(config_folder.map(|folder| folder.join("lipsyncd.env")));
    for (name, file) in SOURCES {
        files.extend(from_systemd.as_ref().map(|folder| folder.join(name.to_lowercase())));
        files.extend(users.credentials_folder().map(|folder| folder.join(file)));
    }
    // A file that doctor may not look at is not open to everybody.
    files.retain(|file| file.exists());
    let open: Vec<CheckResult> =
        files.iter().filter_map(|file| open_to_others(file, users)).collect();
    match (files.is_empty(), open.is_empty()) {
        (true, _) => Vec::new(),
        (false, true) => vec![ok("others may not read them")],
        (false, false) => open,
    }
}

fn open_to_others(path: &Path, users: &Users) -> Option<CheckResult> {
    let mode = |path: &Path| Some(fs::metadata(path).ok()?.permissions().mode() & 0o777);
    let file_mode = mode(path).filter(|mode| mode & 0o007 != 0)?;
    // Nobody gets at a file in a folder that they may not enter.
    if path.parent().and_then(mode).is_some_and(|mode| mode & 0o001 == 0) {
        return None;
    }
    let message = format!(
        "{} has mode {file_mode:04o}: everybody on this machine may read it",
        path.display()
    );
    Some(warning(message, users.root(&format!("chmod o-rwx {}", quoted(path)))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fix_writes_only_the_files_that_are_wrong() {
        let users = Users::new(None, Some(Path::new("/etc/lipsyncd/lipsyncd.yaml")));
        let files = |failed| {
            let fix = wrong(&failed, &users).fix.unwrap();
            SOURCES
                .map(|(_, file)| fix.contains(&format!("cat > /etc/lipsyncd/credentials/{file}'")))
        };
        assert_eq!(files(CredentialsError::Missing), [true, true, false, false, false, false]);
        let half =
            CredentialsError::Half { given: "KLING_ACCESS_KEY", missing: "KLING_SECRET_KEY" };
        assert_eq!(files(half), [false, true, false, false, false, false]);
        let none = files(CredentialsError::NoBucketKeys);
        assert_eq!(none, [false, false, false, false, true, true]);
        assert_eq!(
            files(CredentialsError::Malformed("KLING_SECRET_KEY")),
            [false, true, false, false, false, false]
        );
        let token = files(CredentialsError::Malformed("KLING_API_TOKEN"));
        assert_eq!(token, [false, false, false, true, false, false]);
        for (failed, file) in [
            (CredentialsError::Both("KLING_API_KEY"), "api_key"),
            (CredentialsError::Different, "api_token"),
        ] {
            let fix = wrong(&failed, &users).fix.unwrap();
            let removal = users.root(&format!("rm /etc/lipsyncd/credentials/{file}\n"));
            assert!(fix.starts_with(&removal), "{fix}");
        }
    }
}
