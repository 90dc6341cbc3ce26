//! Sends a message by HTTP.

use std::sync::OnceLock;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use percent_encoding::percent_decode_str;
use reqwest::{Client, ClientBuilder, RequestBuilder, Response, redirect::Policy};
use url::Url;

use super::{SendError, message::Message, signature::sign, time_limits::TimeLimits};
use crate::{
    config::{NotifySecret, WebhookFormat},
    loopback::is_loopback,
    redact::{Redactor, root_cause},
};

/// How much of a refusal is read.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// How much of it is shown.
const EXCERPT_CHARS: usize = 300;

/// A webhook. The HTTP client is built at the first message: a problem with it concerns this target only.
pub(super) struct Webhook {
    pub(super) url: Url,
    pub(super) format: WebhookFormat,
    pub(super) secret: Option<NotifySecret>,
    client: OnceLock<Client>,
}

impl Webhook {
    pub(super) fn new(url: Url, format: WebhookFormat, secret: Option<NotifySecret>) -> Self {
        Self { url, format, secret, client: OnceLock::new() }
    }

    /// Sends `message` at `now_ms` (Unix time), which is part of the signature.
    pub(super) async fn send(
        &self,
        message: &Message,
        limits: &TimeLimits,
        now_ms: i64,
    ) -> Result<String, SendError> {
        let request = self.request(message, now_ms)?.timeout(limits.webhook);
        let answer = request.send().await.map_err(|error| self.not_sent(&error, limits))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(format!("HTTP {}", status.as_u16()));
        }
        if status.is_redirection() {
            return Err(SendError::refusal(format!(
                "{} answered HTTP {}: redirects are not followed; set the final URL",
                self.host(),
                status.as_u16()
            )));
        }
        let code = status.as_u16();
        let excerpt = self.excerpt(answer).await;
        let message = format!("{} answered HTTP {code}{excerpt}", self.host());
        // The target is overloaded, or has a problem that is not about this message.
        let is_refusal = status.is_client_error() && !matches!(code, 401 | 403 | 404 | 408 | 429);
        Err(SendError { message, is_refusal })
    }

    fn request(&self, message: &Message, now_ms: i64) -> Result<RequestBuilder, SendError> {
        let timestamp = now_ms.div_euclid(1_000);
        let request = self.client()?.post(self.url.clone());
        let (body, mut request) = match self.format {
            WebhookFormat::Json => {
                (&message.json, request.header("content-type", "application/json"))
            }
            WebhookFormat::Ntfy => {
                let request = request
                    .header("content-type", "text/plain; charset=utf-8")
                    .header("title", header_text(&message.title))
                    .header("priority", u16::from(message.priority))
                    .header("tags", message.tags);
                (&message.text, request)
            }
        };
        request = request.header("webhook-id", &message.id).header("webhook-timestamp", timestamp);
        if let Some(secret) = &self.secret {
            let signature = sign(&secret.bytes(), &message.id, timestamp, body)
                .ok_or_else(|| SendError::new("the message could not be signed"))?;
            request = request.header("webhook-signature", signature);
        }
        Ok(request.body(body.clone()))
    }

    fn client(&self) -> Result<&Client, SendError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        // Another part of the process may have installed it already; it is the same one.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let built = match self.url.scheme() {
            // Without TLS no root certificates are needed, and a private address is not reached by a proxy.
            "http" => builder().no_proxy().tls_certs_only([]).build(),
            _ if is_loopback(&self.url) => builder().no_proxy().build(),
            _ => builder().build(),
        };
        let client = built.map_err(|error| {
            SendError::new(format!("the HTTPS client could not be set up: {}", root_cause(&error)))
        })?;
        Ok(self.client.get_or_init(|| client))
    }

    fn not_sent(&self, error: &reqwest::Error, limits: &TimeLimits) -> SendError {
        let host = self.host();
        let message = if error.is_timeout() {
            format!("no answer from {host} within {} s", limits.webhook.as_secs_f64())
        } else if error.is_connect() {
            format!("no connection to {host}: {}", root_cause(error))
        } else {
            format!("the request to {host} failed: {}", root_cause(error))
        };
        SendError::new(message)
    }

    /// Returns the beginning of an answer, on one line, without the secret parts of the URL: pages about errors often
    /// repeat the path.
    async fn excerpt(&self, mut answer: Response) -> String {
        let mut bytes = Vec::new();
        // What is cut off could be a part of the URL.
        while bytes.len() < ANSWER_BYTES_MAX
            && let Ok(Some(chunk)) = answer.chunk().await
        {
            bytes.extend_from_slice(&chunk[..chunk.len().min(ANSWER_BYTES_MAX - bytes.len())]);
        }
        let words = self.redactor().line(&String::from_utf8_lossy(&bytes), EXCERPT_CHARS);
        if words.is_empty() { String::new() } else { format!(": {words}") }
    }

    /// Everything behind the host may be secret, in each form in which an answer can repeat it.
    fn redactor(&self) -> Redactor {
        let (path, query) = (self.url.path(), self.url.query().unwrap_or_default());
        let values = self.url.query_pairs().map(|(_, value)| value.into_owned());
        let parts = path.split('/').chain(query.split(['&', '=']));
        let decoded = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
        let parts = parts.flat_map(|part| [part.to_owned(), decoded(part)]);
        Redactor::new(parts.chain(values).chain([query.to_owned()]).collect())
    }

    fn host(&self) -> String {
        let port = self.url.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}{port}", self.url.host_str().unwrap_or_default())
    }
}

fn builder() -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("lipsyncd/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .referer(false)
}

/// Returns a text for a header: ntfy reads text outside ASCII as RFC 2047 encodes it.
fn header_text(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.is_ascii() {
        return line;
    }
    format!("=?UTF-8?B?{}?=", BASE64_STANDARD.encode(line))
}
