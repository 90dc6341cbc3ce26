//! The class of each error code: the complete table.

/// What an error means for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// 1000 to 1002, and unknown codes with HTTP 401: the credentials are refused.
    Credentials,
    /// 1003: the token is not yet valid, even after it was signed with the server's time.
    ClockAhead,
    /// 1004: the token has expired, even after a new one was signed.
    TokenExpired,
    /// 1100 to 1102, and unknown codes with HTTP 402: the account is in arrears, or its resource pack is used up.
    OutOfCredit,
    /// 1103, and unknown codes with HTTP 403: the account has no right to this API.
    Forbidden,
    /// 1200, 1201: this request's parameters are wrong.
    BadRequest,
    /// 1202, 1203: wrong method, or no such resource. On a lookup: the task does not exist.
    NotFound,
    /// 1300, 1301: the platform's policy refuses the content.
    Policy,
    /// 1302, and unknown codes with HTTP 429: too many requests per second.
    RateLimited,
    /// 1303: more tasks at once than the resource pack allows.
    Concurrency,
    /// 1304: this machine's IP address is not on the whitelist.
    IpNotAllowed,
    /// 5000 to 5002, and unknown codes that are no clear refusal: the outcome of a create request is unknown.
    ServerProblem,
    /// HTTP 413, 414 and 431 without a known code, from the API or from a proxy before it: the request was refused
    /// because of its size, and was not processed.
    TooLarge,
    /// A well-formed refusal (HTTP 4xx) with a code that is not known here, and HTTP 405 and 411 from any server: no such
    /// request is accepted at this address.
    OtherRefusal,
    /// Only for queries of one task: code 0, but without the task. This does not prove that the task does not exist.
    Empty,
    /// Only for downloads: the address, or one that it redirects to, is not allowed. Another attempt does not help.
    AddressRefused,
    /// No answer, or one that is not the API's: the outcome of a create request is unknown unless the request never left.
    Transport,
}

impl ErrorClass {
    /// Returns the class of `code` (not 0) in an answer with this HTTP status. The code decides; the status
    /// only where the code is unknown.
    pub(super) fn of(code: i64, http_status: u16) -> Self {
        match (code, http_status) {
            (1000..=1002, _) => Self::Credentials,
            (1003, _) => Self::ClockAhead,
            (1004, _) => Self::TokenExpired,
            (1100..=1102, _) => Self::OutOfCredit,
            (1103, _) => Self::Forbidden,
            (1200 | 1201, _) => Self::BadRequest,
            (1202 | 1203, _) => Self::NotFound,
            (1300 | 1301, _) => Self::Policy,
            (1302, _) => Self::RateLimited,
            (1303, _) => Self::Concurrency,
            (1304, _) => Self::IpNotAllowed,
            // 5xxx are errors of the server, with any HTTP status.
            (5000..=5999, _) => Self::ServerProblem,
            (_, 401) => Self::Credentials,
            (_, 402) => Self::OutOfCredit,
            (_, 403) => Self::Forbidden,
            (_, 429) => Self::RateLimited,
            (_, status) if is_oversize(status) => Self::TooLarge,
            // A gateway timed out; the server behind it may have continued.
            (_, 408 | 499) => Self::ServerProblem,
            (_, 400..=498) => Self::OtherRefusal,
            _ => Self::ServerProblem,
        }
    }

    /// Whether the API does not show what was asked for. An empty success shows nothing either.
    pub const fn is_not_found(self) -> bool {
        matches!(self, Self::NotFound | Self::BadRequest | Self::Empty)
    }

    /// Whether the server certainly did not carry out the request.
    pub const fn is_definite_refusal(self) -> bool {
        !matches!(self, Self::ServerProblem | Self::Empty | Self::Transport)
    }

    /// The beginning of the error message.
    pub(super) const fn summary(self) -> &'static str {
        match self {
            Self::Credentials => "the API refused the credentials",
            Self::ClockAhead => {
                "the API refused the token as not valid yet: this machine's clock is ahead"
            }
            Self::TokenExpired => {
                "the API refused the token as expired: this machine's clock may be behind"
            }
            Self::OutOfCredit => "the account is in arrears or its resource pack is used up",
            Self::Forbidden => "the account has no right to this API",
            Self::BadRequest => "the API refused the parameters",
            Self::NotFound => "the API has no such task or path",
            Self::Policy => "the platform's content policy refused the request",
            Self::RateLimited => "rate limited by the API",
            Self::Concurrency => "the account runs as many tasks as its resource pack allows",
            Self::IpNotAllowed => "the API does not accept this machine's IP address",
            Self::ServerProblem => "the API has an internal problem",
            Self::TooLarge => "the request was refused as too large",
            Self::OtherRefusal => "the API refused the request with an unknown code",
            Self::Empty => "the API answered success, but without a task",
            Self::AddressRefused => "the address is not allowed for a download",
            Self::Transport => "no usable answer",
        }
    }
}

/// Content Too Large, URI Too Long, Request Header Fields Too Large.
pub(super) const fn is_oversize(http_status: u16) -> bool {
    matches!(http_status, 413 | 414 | 431)
}

/// The same, and Method Not Allowed, Length Required: whatever server answers so, it did not process the request.
pub(super) const fn refuses_request(http_status: u16) -> bool {
    is_oversize(http_status) || matches!(http_status, 405 | 411)
}

#[cfg(test)]
mod tests {
    use super::ErrorClass::{self, *};

    #[test]
    fn every_code_has_its_class() {
        for (code, status, class) in [
            (1000, 401, Credentials),
            (1001, 401, Credentials),
            (1002, 401, Credentials),
            (1003, 401, ClockAhead),
            (1004, 401, TokenExpired),
            (1100, 429, OutOfCredit),
            (1101, 429, OutOfCredit),
            (1102, 429, OutOfCredit),
            (1103, 403, Forbidden),
            (1200, 400, BadRequest),
            (1201, 400, BadRequest),
            (1202, 404, NotFound),
            (1203, 404, NotFound),
            (1300, 400, Policy),
            (1301, 400, Policy),
            (1302, 429, RateLimited),
            (1303, 429, Concurrency),
            (1304, 429, IpNotAllowed),
            (5000, 500, ServerProblem),
            (5001, 503, ServerProblem),
            (5002, 504, ServerProblem),
        ] {
            for status in [status, 200, 400, 413, 500] {
                assert_eq!(ErrorClass::of(code, status), class, "{code} with HTTP {status}");
            }
            assert_eq!(class.is_definite_refusal(), code < 5000, "{code}");
        }
    }

    #[test]
    fn unknown_code_is_a_refusal_only_with_such_a_status() {
        for (code, status, class) in [
            (1404, 400, OtherRefusal),
            (1404, 404, OtherRefusal),
            (1404, 405, OtherRefusal),
            (1404, 411, OtherRefusal),
            (1005, 401, Credentials),
            (1119, 401, Credentials),
            (1119, 402, OutOfCredit),
            (1119, 403, Forbidden),
            (1305, 429, RateLimited),
            (413, 413, TooLarge),
            (1404, 414, TooLarge),
            (-1, 431, TooLarge),
            (408, 408, ServerProblem),
            (1404, 200, ServerProblem),
            (1404, 302, ServerProblem),
            (1404, 502, ServerProblem),
            (5003, 400, ServerProblem),
            (-1, 200, ServerProblem),
        ] {
            assert_eq!(ErrorClass::of(code, status), class, "{code} with HTTP {status}");
        }
    }
}
