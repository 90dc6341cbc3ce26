//! Which region `region: auto` means.

use url::Url;

/// The region that most servers of one's own expect or ignore.
const USUAL: &str = "us-east-1";

/// Returns the region that an endpoint names. Where this is wrong, the storage answers with the right one.
pub(super) fn of_endpoint(endpoint: &Url) -> String {
    let host = endpoint.host_str().unwrap_or_default();
    let after = |start: &str, end: &str| {
        let region = host.strip_suffix(end)?.strip_prefix(start)?;
        Some(region.strip_prefix("dualstack.").unwrap_or(region))
            .filter(|region| !region.contains('.'))
    };
    let named = after("s3.", ".amazonaws.com")
        .or_else(|| after("s3-", ".amazonaws.com"))
        .or_else(|| after("s3.", ".amazonaws.com.cn"))
        .or_else(|| after("s3.", ".backblazeb2.com"))
        .or_else(|| after("s3.oss-", ".aliyuncs.com"))
        .or_else(|| after("oss-", ".aliyuncs.com"))
        .or_else(|| after("s3.", ".wasabisys.com"))
        .or_else(|| after("", ".digitaloceanspaces.com"));
    match named {
        Some(region) if !region.is_empty() => region.trim_end_matches("-internal").to_owned(),
        _ if host.ends_with(".r2.cloudflarestorage.com") => "auto".to_owned(),
        _ => USUAL.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoints_of_large_vendors_name_their_region() {
        for (host, region) in [
            ("s3.eu-west-1.amazonaws.com", "eu-west-1"),
            ("s3.dualstack.eu-west-1.amazonaws.com", "eu-west-1"),
            ("s3-eu-west-1.amazonaws.com", "eu-west-1"),
            ("s3.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            ("s3.amazonaws.com", "us-east-1"),
            ("abc123.r2.cloudflarestorage.com", "auto"),
            ("abc123.eu.r2.cloudflarestorage.com", "auto"),
            ("s3.us-west-004.backblazeb2.com", "us-west-004"),
            ("oss-cn-hangzhou.aliyuncs.com", "cn-hangzhou"),
            ("s3.oss-cn-hangzhou.aliyuncs.com", "cn-hangzhou"),
            ("minio.example.com", "us-east-1"),
            ("127.0.0.1", "us-east-1"),
        ] {
            let endpoint = Url::parse(&format!("https://{host}/")).unwrap();
            assert_eq!(of_endpoint(&endpoint), region, "{host}");
        }
    }
}
