//! Removes the signature from a presigned URL, so that two signatures of one object count as one URL.

use std::borrow::Cow;

/// The query parameters with which one kind of presigned URL is signed.
struct Scheme {
    /// The signature is complete only if each of these parameters has a value.
    required: &'static [&'static str],
    /// Every parameter whose name begins with this prefix belongs to the signature.
    prefix: Option<&'static str>,
    /// Parameters that belong to the signature where they are present.
    optional: &'static [&'static str],
}

/// Changing this table changes request hashes: the same URL is then another request.
const SCHEMES: [Scheme; 6] = [
    // Amazon S3 and compatible storage, version 4.
    Scheme {
        required: &["X-Amz-Signature", "X-Amz-Credential"],
        prefix: Some("X-Amz-"),
        optional: &[],
    },
    // Amazon S3 and compatible storage, version 2.
    Scheme {
        required: &["AWSAccessKeyId", "Signature", "Expires"],
        prefix: None,
        optional: &["X-Amz-Security-Token"],
    },
    // Google Cloud Storage, version 4.
    Scheme { required: &["X-Goog-Signature"], prefix: Some("X-Goog-"), optional: &[] },
    // Alibaba Cloud OSS, version 4. `x-oss-process` is no part: it changes the content.
    Scheme {
        required: &[
            "x-oss-signature",
            "x-oss-signature-version",
            "x-oss-credential",
            "x-oss-date",
            "x-oss-expires",
        ],
        prefix: Some("x-oss-signature"),
        optional: &["x-oss-additional-headers", "x-oss-security-token"],
    },
    // Alibaba Cloud OSS, version 1.
    Scheme {
        required: &["OSSAccessKeyId", "Signature", "Expires"],
        prefix: None,
        optional: &["security-token"],
    },
    // Azure Storage, a shared access signature. `rsct` and the like change the answer, and stay.
    Scheme {
        required: &["sv", "sig"],
        prefix: None,
        optional: &[
            "se", "sp", "sr", "spr", "st", "sip", "si", "ss", "srt", "skoid", "sktid", "skt",
            "ske", "sks", "skv", "skdutid", "sduoid", "saoid", "suoid", "scid", "sdd", "ses",
        ],
    },
];

impl Scheme {
    fn is_complete(&self, pairs: &[&str]) -> bool {
        self.required.iter().all(|required| {
            pairs.iter().any(|pair| {
                let value = pair.split_once('=').map_or("", |(_, value)| value);
                !value.is_empty() && is_same_name(required, name_of(pair))
            })
        })
    }

    fn has_part(&self, name: &str) -> bool {
        let begins = |prefix: &str| {
            name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        self.prefix.is_some_and(begins)
            || self.required.iter().chain(self.optional).any(|part| is_same_name(part, name))
    }
}

/// Returns the URL without the query parameters of a complete presigned signature. Everything else
/// keeps its order and spelling; a signature with a missing part stays as written.
///
/// Names that begin with `x-` are compared without regard to case: SDKs differ in their case, and no
/// other spelling of these names means anything else. All other names are short and common words, and
/// are compared exactly.
#[must_use]
pub fn without_signature(url: &str) -> Cow<'_, str> {
    let (address, fragment) = url.split_at(url.find('#').unwrap_or(url.len()));
    let Some((path, query)) = address.split_once('?') else {
        return match without_own_signature(address) {
            Some(unsigned) => Cow::Owned(unsigned + fragment),
            None => Cow::Borrowed(url),
        };
    };
    let pairs: Vec<&str> = query.split('&').collect();
    let complete: Vec<&Scheme> =
        SCHEMES.iter().filter(|scheme| scheme.is_complete(&pairs)).collect();
    if complete.is_empty() {
        return Cow::Borrowed(url);
    }
    let is_signature = |pair: &str| complete.iter().any(|scheme| scheme.has_part(name_of(pair)));
    let kept: Vec<&str> = pairs.into_iter().filter(|pair| !is_signature(pair)).collect();
    let kept = kept.join("&");
    let mark = if kept.is_empty() { "" } else { "?" };
    Cow::Owned([path, mark, &kept, fragment].concat())
}

/// Returns a link of `media.serve` without its signature: `…/m/<expiry>/<mac>/<sha256>.mp4` is `…/m/<sha256>.mp4`.
fn without_own_signature(url: &str) -> Option<String> {
    let mut parts = url.rsplitn(4, '/');
    let (object, mac, expiry) = (parts.next()?, parts.next()?, parts.next()?);
    let base = parts.next()?.strip_suffix("/m")?;
    let is_hash =
        |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let sha256 = object.strip_suffix(".mp4").or_else(|| object.strip_suffix(".mov"))?;
    let is_time = !expiry.is_empty() && expiry.bytes().all(|byte| byte.is_ascii_digit());
    (is_time && is_hash(mac) && is_hash(sha256)).then(|| format!("{base}/m/{object}"))
}

fn name_of(pair: &str) -> &str {
    pair.split_once('=').map_or(pair, |(name, _)| name)
}

fn is_same_name(known: &str, name: &str) -> bool {
    let is_vendor_name = known.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("x-"));
    known == name || (is_vendor_name && known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const V4: &str = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK%2F20260101%2Fauto%2Fs3%2Faws4_request\
                      &X-Amz-Date=20260101T000000Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=host\
                      &X-Amz-Security-Token=t&x-amz-checksum-mode=ENABLED&X-Amz-Signature=abc";
    const GOOGLE: &str = "X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=a&X-Goog-Date=d&X-Goog-Expires=9\
                          &X-Goog-SignedHeaders=host&X-Goog-Signature=abc";
    const OSS_V4: &str = "x-oss-additional-headers=host&x-oss-credential=c&x-oss-date=d&x-oss-expires=9\
                          &x-oss-security-token=t&x-oss-signature=abc&x-oss-signature-version=OSS4-HMAC-SHA256";
    const AZURE: &str = "sv=2024-11-04&ss=b&srt=o&sp=r&sr=b&si=policy&se=2026-01-01&st=2025-01-01&spr=https&sip=1.2.3.4\
                         &skoid=a&sktid=b&skt=c&ske=d&sks=b&skv=v&scid=x&sig=abc%3D";
    const AWS_V2: &str = "AWSAccessKeyId=AK&Expires=9&Signature=abc%3D";
    const OSS_V1: &str = "OSSAccessKeyId=AK&Expires=9&Signature=abc%3D";

    #[track_caller]
    fn expect(query: &str, left: &str) {
        let mark = if left.is_empty() { "" } else { "?" };
        for fragment in ["", "#t=1?x&sv=1&sig=2"] {
            let url = format!("https://e.com/v.mp4?{query}{fragment}");
            let expected = format!("https://e.com/v.mp4{mark}{left}{fragment}");
            assert_eq!(without_signature(&url), expected);
        }
    }

    #[test]
    fn a_complete_signature_is_removed() {
        for signature in [V4, GOOGLE, OSS_V4, AZURE, AWS_V2, OSS_V1] {
            expect(signature, "");
            expect(&format!("{signature}&"), "");
        }
        expect(&format!("{AWS_V2}&x-amz-security-token=t"), "");
        expect(&format!("{OSS_V1}&security-token=t"), "");
    }

    #[test]
    fn other_parameters_keep_their_order_and_spelling() {
        for signature in [V4, GOOGLE, OSS_V4, AZURE, AWS_V2, OSS_V1] {
            let pairs: Vec<&str> = signature.split('&').collect();
            let (front, back) = pairs.split_at(pairs.len() / 2);
            let query = format!(
                "versionId=a%2fb&{}&response-content-type=video%2Fmp4&flag&=&{}&X=1&x=2",
                front.join("&"),
                back.join("&"),
            );
            expect(&query, "versionId=a%2fb&response-content-type=video%2Fmp4&flag&=&X=1&x=2");
        }
        expect(&format!("{OSS_V4}&x-oss-process=video/snapshot"), "x-oss-process=video/snapshot");
        expect(&format!("{AZURE}&snapshot=1&rsct=video"), "snapshot=1&rsct=video");
    }

    #[test]
    fn an_incomplete_signature_stays_as_written() {
        for query in [
            "a=1",
            "X-Amz-Signature=abc",
            "X-Amz-Signature=&X-Amz-Credential=c",
            "X-Amz-Signature&X-Amz-Credential=c",
            "X-Amz-Credential=c&X-Amz-Date=d&X-Amz-Expires=9",
            "X-Goog-Credential=c&X-Goog-Date=d",
            "Signature=abc&Expires=9",
            "AWSAccessKeyId=AK&Signature=abc",
            "AWSAccessKeyId=AK&Expires=9",
            "OSSAccessKeyId=AK&Signature=abc",
            "x-oss-signature=a&x-oss-credential=c&x-oss-date=d&x-oss-expires=9",
            "x-oss-signature-version=OSS4-HMAC-SHA256",
            "sig=abc&se=2026-01-01&sp=r",
            "sv=2024-11-04&se=2026-01-01",
            "sp=r&st=1",
        ] {
            expect(query, query);
        }
        assert_eq!(without_signature("https://e.com/v.mp4?"), "https://e.com/v.mp4?");
        assert_eq!(without_signature("https://e.com/v#?sv=1&sig=2"), "https://e.com/v#?sv=1&sig=2");
        let plain = without_signature("https://e.com/v.mp4?a=1");
        assert!(matches!(plain, Cow::Borrowed(_)));
    }

    #[test]
    fn of_mixed_signatures_only_the_complete_ones_are_removed() {
        expect(&format!("sig=1&{V4}&Expires=2&sp=r"), "sig=1&Expires=2&sp=r");
        expect(&format!("X-Goog-Date=d&{AWS_V2}"), "X-Goog-Date=d");
        expect(&format!("{GOOGLE}&{AZURE}&a=1&{OSS_V1}"), "a=1");
        expect("AWSAccessKeyId=A&OSSAccessKeyId=B&Expires=1&Signature=c&d=4", "d=4");
    }

    #[test]
    fn links_of_media_serve_lose_time_and_signature() {
        let (mac, sha256) = ("0a".repeat(32), "1b".repeat(32));
        for ending in ["mp4", "mov"] {
            let link = format!("https://e.com/dub/m/1767225660/{mac}/{sha256}.{ending}#t");
            let unsigned = format!("https://e.com/dub/m/{sha256}.{ending}#t");
            assert_eq!(without_signature(&link), unsigned);
            assert_eq!(without_signature(&unsigned), unsigned);
        }
        for other in [
            format!("https://e.com/m/x/{mac}/{sha256}.mp4"),
            format!("https://e.com/n/1/{mac}/{sha256}.mp4"),
            format!("https://e.com/m/1/{mac}/{sha256}.avi"),
            format!("https://e.com/m/1/short/{sha256}.mp4"),
            "https://e.com/m/1/2/3.mp4".to_owned(),
            "v.mp4".to_owned(),
        ] {
            assert_eq!(without_signature(&other), other);
        }
    }

    #[test]
    fn only_names_with_an_x_may_differ_in_case() {
        expect(&V4.to_ascii_lowercase(), "");
        expect(&GOOGLE.to_ascii_uppercase(), "");
        for query in ["awsaccesskeyid=AK&expires=9&signature=abc", "SV=1&SIG=2", "Sv=1&sig=2"] {
            expect(query, query);
        }
    }
}
