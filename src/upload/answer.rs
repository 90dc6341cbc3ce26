//! An answer of the storage: its status, and what its XML says about an error.

use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::{
    Response,
    header::{DATE, HeaderMap, LOCATION, RETRY_AFTER},
};
use url::Url;

/// No more of an error is read.
const ERROR_BYTES_MAX: usize = 64 << 10;

/// What an answer says that is no success.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ErrorAnswer {
    pub(super) status: u16,
    /// `Code` of the XML, such as `NoSuchBucket`; empty where the answer is not S3's.
    pub(super) code: String,
    /// `Message` of the XML.
    pub(super) message: String,
    /// The region of the bucket, where the storage names it.
    pub(super) region: Option<String>,
    /// The host at which the bucket is, where the storage names it.
    pub(super) host: Option<String>,
    /// The time of the answer (Unix ms), by the clock of the storage.
    pub(super) server_at_ms: Option<i64>,
    pub(super) retry_after_ms: Option<i64>,
}

impl ErrorAnswer {
    /// Reads an answer to its end, or to the most that is read.
    pub(super) async fn read(mut response: Response) -> Self {
        let mut answer = Self::of_headers(response.status().as_u16(), response.headers());
        let mut body = Vec::new();
        while body.len() < ERROR_BYTES_MAX
            && let Ok(Some(chunk)) = response.chunk().await
        {
            body.extend_from_slice(&chunk);
        }
        answer.read_xml(&String::from_utf8_lossy(&body));
        answer
    }

    fn of_headers(status: u16, headers: &HeaderMap) -> Self {
        let text = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
        let location = text(LOCATION.as_str()).and_then(|url| Url::parse(&url).ok());
        let seconds =
            text(RETRY_AFTER.as_str()).and_then(|seconds| seconds.trim().parse::<u32>().ok());
        Self {
            status,
            region: text("x-amz-bucket-region"),
            host: location.and_then(|url| url.host_str().map(str::to_owned)),
            server_at_ms: text(DATE.as_str()).and_then(|date| date_ms(&date)),
            retry_after_ms: seconds.map(|seconds| i64::from(seconds) * 1_000),
            ..Self::default()
        }
    }

    fn read_xml(&mut self, xml: &str) {
        let Some(error) = element(xml, "Error") else { return };
        let text = |name| element(error, name).map(unescaped).filter(|text| !text.is_empty());
        self.code = text("Code").unwrap_or_default();
        self.message = text("Message").unwrap_or_default();
        self.region = text("Region").or(self.region.take());
        self.host = text("Endpoint").or(self.host.take());
    }
}

/// Returns the text between the first tag of this name and its end. The errors of S3 have no nested elements of one name.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let from = xml.find(&format!("<{name}>")).map(|at| at + name.len() + 2).or_else(|| {
        // With attributes, such as a namespace.
        let at = xml.find(&format!("<{name} "))?;
        Some(at + xml[at..].find('>')? + 1)
    })?;
    let to = xml[from..].find(&format!("</{name}>"))?;
    Some(&xml[from..from + to])
}

fn unescaped(text: &str) -> String {
    let entities =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#39;", "'")];
    let text = entities
        .iter()
        .fold(text.to_owned(), |text, (entity, letter)| text.replace(entity, letter));
    text.replace("&amp;", "&").trim().to_owned()
}

/// Reads a date of HTTP.
pub(super) fn date_ms(text: &str) -> Option<i64> {
    static PARSER: DateTimeParser = DateTimeParser::new();
    PARSER.parse_timestamp(text).ok().map(|time| time.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_xml_of_an_error_is_read() {
        let mut answer = ErrorAnswer { region: Some("of-the-header".into()), ..Default::default() };
        answer.read_xml(
            "<?xml version=\"1.0\"?>\n<Error xmlns=\"x\"><Code>AuthorizationHeaderMalformed</Code>\
             <Message>the region &apos;us-east-1&apos; is wrong &amp; more</Message><Region>eu-west-1</Region>\
             <Endpoint>b.s3.eu-west-1.amazonaws.com</Endpoint></Error>",
        );
        assert_eq!(answer.code, "AuthorizationHeaderMalformed");
        assert_eq!(answer.message, "the region 'us-east-1' is wrong & more");
        assert_eq!(answer.region.as_deref(), Some("eu-west-1"));
        assert_eq!(answer.host.as_deref(), Some("b.s3.eu-west-1.amazonaws.com"));
        for odd in ["", "<html>Not found</html>", "<Error><Code>", "<Error></Error>"] {
            let mut answer = ErrorAnswer::default();
            answer.read_xml(odd);
            assert_eq!(answer, ErrorAnswer::default(), "{odd}");
        }
    }
}
