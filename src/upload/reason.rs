//! What an error of the storage means, in a sentence with the fix.

use super::{answer::ErrorAnswer, bucket::Bucket, bucket_config::BucketConfig, error::UploadError};

/// A larger difference of the clocks is named. S3 allows 15 minutes, and lipsyncd's requests are valid for as long.
const CLOCK_MAX_MS: i64 = 5 * 60 * 1_000;
const WORDS_MAX: usize = 200;

/// Codes of an answer that says nothing about the bucket or the key: a later request may succeed.
const PASSING: [&str; 9] = [
    "RequestTimeout",
    "SlowDown",
    "InternalError",
    "ServiceUnavailable",
    "IncompleteBody",
    "BadDigest",
    "OperationAborted",
    "TooManyRequests",
    "EntityTooLarge",
];
const WRONG_KEY: [&str; 7] = [
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidSecurity",
    "InvalidToken",
    "Unauthorized",
    "UnauthorizedAccess",
    "ExpiredToken",
];
const FULL: [&str; 4] =
    ["QuotaExceeded", "XMinioStorageFull", "InsufficientStorage", "XMinioAdminBucketQuotaExceeded"];

impl Bucket {
    /// Returns the error of a request that did `what`, such as "the upload".
    pub(super) fn explain(&self, what: &str, answer: &ErrorAnswer) -> UploadError {
        let ErrorAnswer { status, code, .. } = answer;
        let words = self.words(what, answer);
        let is_passing = matches!(status, 408 | 413 | 425 | 429 | 500..=506 | 508..)
            || PASSING.contains(&code.as_str());
        let is_full = *status == 507 || FULL.contains(&code.as_str());
        if is_passing && !is_full {
            return UploadError::Failed { message: words, retry_after_ms: answer.retry_after_ms };
        }
        let fix = if is_full {
            "make room in the bucket, or raise its quota".to_owned()
        } else {
            self.clock_fix(answer).unwrap_or_else(|| self.fix(answer))
        };
        UploadError::Refused(format!("{words}; {fix}"))
    }

    fn words(&self, what: &str, answer: &ErrorAnswer) -> String {
        let BucketConfig { bucket, .. } = self.config();
        let ErrorAnswer { status, code, message, .. } = answer;
        let code = match code.as_str() {
            "" => String::new(),
            code => format!(" {}", self.safe(code)),
        };
        let message = match message.trim_end_matches('.') {
            "" => String::new(),
            message => format!(" ({})", self.safe(message)),
        };
        format!(
            "{what} failed: bucket {bucket} at {} answers HTTP {status}{code}{message}",
            self.host()
        )
    }

    /// The storage refuses a request whose time is too far from its own.
    fn clock_fix(&self, answer: &ErrorAnswer) -> Option<String> {
        let is_of_time =
            answer.code == "RequestTimeTooSkewed" || matches!(answer.status, 400 | 403);
        if !is_of_time || !self.is_clock_off(answer) {
            return None;
        }
        let ahead_ms = (self.config().now_ms)().saturating_sub(answer.server_at_ms?);
        let way = if ahead_ms > 0 { "ahead of" } else { "behind" };
        let minutes = ahead_ms.saturating_abs().saturating_add(30_000) / 60_000;
        Some(format!(
            "the clock of this machine is {minutes} min {way} the clock of the storage: set it, see `timedatectl`"
        ))
    }

    pub(super) fn is_clock_off(&self, answer: &ErrorAnswer) -> bool {
        let now_ms = (self.config().now_ms)();
        let off_ms = answer.server_at_ms.map(|at_ms| now_ms.saturating_sub(at_ms).saturating_abs());
        off_ms.is_some_and(|off_ms| off_ms >= CLOCK_MAX_MS)
    }

    fn fix(&self, answer: &ErrorAnswer) -> String {
        let BucketConfig { bucket, path_style, prefix, .. } = self.config();
        let ErrorAnswer { status, code, message, region, host, .. } = answer;
        let wants_host = message.to_ascii_lowercase().contains("virtual host")
            || matches!(code.as_str(), "SecondLevelDomainForbidden" | "PathStyleNotSupported");
        let is_elsewhere = matches!(status, 301 | 307 | 308)
            || code.starts_with("Authorization") && region.is_some()
            || matches!(code.as_str(), "PermanentRedirect" | "IllegalLocationConstraintException");
        match (code.as_str(), region, host) {
            _ if wants_host && *path_style => "set upload.s3.path_style to false".to_owned(),
            (_, Some(region), None) if is_elsewhere => {
                format!("set upload.s3.region to {}", self.safe(region))
            }
            (_, _, Some(host)) if is_elsewhere => {
                let host = self.safe(host.strip_prefix(&format!("{bucket}.")).unwrap_or(host));
                let region = region
                    .as_ref()
                    .map(|region| format!(", and upload.s3.region to {}", self.safe(region)));
                format!("set upload.s3.endpoint to https://{host}{}", region.unwrap_or_default())
            }
            ("NoSuchBucket", ..) if !path_style => {
                "create the bucket, correct upload.s3.bucket, or set upload.s3.path_style to true"
                    .to_owned()
            }
            ("NoSuchBucket", ..) => "create the bucket, or correct upload.s3.bucket".to_owned(),
            (code, ..) if WRONG_KEY.contains(&code) || *status == 401 => {
                "correct S3_ACCESS_KEY and S3_SECRET_KEY, and restart lipsyncd".to_owned()
            }
            ("", ..) => "this is no answer of S3: correct upload.s3.endpoint".to_owned(),
            _ if *status == 403 => {
                format!("allow this key s3:GetObject and s3:PutObject for {bucket}/{prefix}*")
            }
            _ => "correct upload.s3; docs/uploads.md shows the settings of each storage".to_owned(),
        }
    }

    /// Returns words of the storage on one line, without the keys, signed links and signatures.
    pub(super) fn safe(&self, words: &str) -> String {
        self.redactor().line(&without_digests(words), WORDS_MAX)
    }
}

/// Removes hashes and signatures, which are 64 hex digits. Some storages repeat what a request was signed with.
fn without_digests(words: &str) -> String {
    let is_digest =
        |part: &&str| part.len() == 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts = words.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(is_digest);
    parts.fold(words.to_owned(), |words, digest| words.replace(digest, "[redacted]"))
}
