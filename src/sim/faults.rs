//! Faults that the simulator can inject.
//!
//! `fault_rules.rs` decides which calls fail; `inject.rs` changes the response; `fault_json.rs` has the JSON.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The kinds of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are the API's")]
pub enum Endpoint {
    Identify,
    Create,
    Query,
    List,
    Costs,
    Download,
    /// In a fault: any of these.
    Any,
}

/// What the client sees of a create request that is delivered late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "client_sees", rename_all = "lowercase")]
#[expect(missing_docs, reason = "the variants describe their fields")]
pub enum ClientSees {
    /// The connection is closed without an answer, this long after the request.
    Broken {
        #[serde(rename = "answer_ms")]
        after_ms: u64,
    },
    /// An HTML page of a proxy, this long after the request.
    Page {
        status: u16,
        #[serde(rename = "answer_ms")]
        after_ms: u64,
    },
    /// Nothing, until the client closes the connection.
    Nothing,
}

/// What goes wrong. Without `accept` in the rule, the first words say whether the request is carried out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants describe their fields")]
pub enum Fault {
    /// Not carried out: refused with an error code, at its HTTP status unless another is given.
    Code {
        code: u16,
        /// Instead of the code's own HTTP status.
        status: Option<u16>,
        /// The `Retry-After` header, in seconds.
        #[serde(rename = "retry_after")]
        retry_after_s: Option<u64>,
        /// Instead of the code's usual message.
        message: Option<String>,
    },
    /// Carried out; then the connection is closed without an answer.
    LoseAnswer,
    /// Not carried out: the connection is closed without an answer.
    DropRequest,
    /// Carried out; the body breaks off after this many bytes (default: half), below its announced length.
    CutBody {
        #[serde(rename = "bytes")]
        after_bytes: Option<u64>,
    },
    /// Carried out; the body and its announced length end after this many bytes (default: half): a short file that
    /// looks complete.
    WrongLength { bytes: Option<u64> },
    /// Not carried out: an HTML page of a proxy.
    Html { status: u16 },
    /// Not carried out: a proxy refuses the request because of its size.
    TooLarge {
        /// 413, 414 or 431.
        status: u16,
        /// With an HTML page; else with a JSON body that is not of the API's form.
        html: bool,
    },
    /// Not carried out: this HTTP status, without a body.
    Status { status: u16 },
    /// Carried out at once; the answer is delayed.
    Hang { ms: u64 },
    /// Carried out; the answer is a body of this many bytes.
    HugeBody { bytes: u64 },
    /// Carried out; the answer is this body.
    Body {
        status: u16,
        content_type: String,
        #[serde(rename = "body")]
        text: String,
    },
    /// Carried out; the real answer is changed by this JSON merge patch (RFC 7396): null removes a
    /// field, `{"data": {"task_status": "resting"}}` changes one.
    Patch { with: Value },
    /// Not carried out: 302 to this URL.
    Redirect { to: String },
    /// For create requests: carried out this long after the client gave up. Other calls are not carried
    /// out, and their connection is closed.
    DeliverLate {
        /// In milliseconds; `SimServer::deliver_kept` ends the wait.
        #[serde(rename = "ms")]
        after_ms: u64,
        #[serde(flatten)]
        sees: ClientSees,
    },
    /// For downloads: 200, but the body is a page and no video.
    NotAVideo,
    /// For downloads: the body is followed by this text, and the announced length counts the text.
    Trailing {
        #[serde(rename = "body")]
        text: String,
    },
    /// For downloads: the complete body in chunks, without its length, an ETag or ranges.
    Plain,
    /// For downloads: 403 without a Referer.
    WantsReferer,
}

impl Fault {
    /// Its name in JSON and in the ledger.
    pub fn name(&self) -> String {
        let json = serde_json::to_value(self).unwrap_or_default();
        json["do"].as_str().unwrap_or_default().to_owned()
    }

    pub(super) const fn is_carried_out(&self) -> bool {
        !matches!(
            self,
            Self::Code { .. }
                | Self::DropRequest
                | Self::Html { .. }
                | Self::TooLarge { .. }
                | Self::Status { .. }
                | Self::Redirect { .. }
        )
    }
}

/// A fault that is due, and whether the request is still carried out.
#[derive(Debug, Clone, PartialEq)]
pub struct DueFault {
    /// What goes wrong.
    pub fault: Fault,
    /// Whether the rules see the request.
    pub carried_out: bool,
}
