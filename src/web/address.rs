//! Addresses of pages with values of others in them.

use url::form_urlencoded::Serializer;

/// A path with a query. Empty values are left out.
pub(super) fn with_query<'a>(
    path: &str,
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
    let query = Serializer::new(String::new()).extend_pairs(pairs).finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// The page of a job.
pub(super) fn job(key: &str) -> String {
    with_query("/job", [("key", key)])
}

/// The jobs of a manifest.
pub(super) fn manifest(path: &str) -> String {
    with_query("/jobs", [("manifest", path)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_leave_their_place() {
        assert_eq!(job("a b/ü&x=1#\"<"), "/job?key=a+b%2F%C3%BC%26x%3D1%23%22%3C");
        assert_eq!(with_query("/jobs", [("state", ""), ("code", "x")]), "/jobs?code=x");
        assert_eq!(with_query("/jobs", [("state", "")]), "/jobs");
    }
}
