//! What each error code of the API means; the whole table in one place.

use super::oversize::is_oversize;

/// What an error of the API means for whoever asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// 1000 to 1002, and unknown codes with HTTP 401: the credentials are refused.
    Credentials,
    /// 1003: the token is not yet valid, even after it was signed by the server's clock.
    ClockAhead,
    /// 1004: the token has expired, even after it was signed anew.
    TokenExpired,
    /// 1100 to 1102: the account is in arrears, or its resource pack is used up.
    OutOfCredit,
    /// 1103: the account has no right to this API.
    Forbidden,
    /// 1200, 1201: this request's parameters are wrong.
    BadRequest,
    /// 1202, 1203: wrong method, or no such resource. On a lookup: the task does not exist.
    NotFound,
    /// 1300, 1301: the platform's policy refuses the content.
    Policy,
    /// 1302, and unknown codes with HTTP 429: too fast.
    RateLimited,
    /// 1303: more tasks at once than the resource pack allows.
    Concurrency,
    /// 1304: this machine's IP address is not on the whitelist.
    IpNotAllowed,
    /// 5000 to 5002, and unknown codes that are no clear refusal: the outcome of a create is unknown.
    ServerProblem,
    /// HTTP 413, 414 and 431 without a known code, from the API or from a proxy before it: the request was refused
    /// for its size, and was not processed.
    TooLarge,
    /// A well-formed refusal (HTTP 4xx) with a code that is not known here.
    OtherRefusal,
    /// Only of queries for one task: code 0, but without the task. Not found, but not proven.
    Empty,
    /// Only of downloads: the address, or one that it redirects to, is not allowed. Asking again does not help.
    AddressRefused,
    /// No answer, or one that is not the API's: the outcome of a create is unknown unless the request never left.
    Transport,
}

impl ErrorClass {
    /// What `code` (not 0) means in an answer with this HTTP status. The code decides; the status
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
            // 5xxx are the server's own, whatever the status says.
            (5000..=5999, _) => Self::ServerProblem,
            (_, 401) => Self::Credentials,
            (_, 429) => Self::RateLimited,
            (_, status) if is_oversize(status) => Self::TooLarge,
            // A gateway gave up waiting; the server behind it may have gone on.
            (_, 408 | 499) => Self::ServerProblem,
            (_, 400..=498) => Self::OtherRefusal,
            _ => Self::ServerProblem,
        }
    }

    /// Whether the server has certainly not done what it was asked for.
    pub const fn is_definite_refusal(self) -> bool {
        !matches!(self, Self::ServerProblem | Self::Empty | Self::Transport)
    }

    /// The start of a sentence that says it.
    pub(super) const fn summary(self) -> &'static str {
        match self {
            Self::Credentials => "the API refused the credentials",
            Self::ClockAhead => {
                "the API says that the token is not valid yet: this machine's clock runs ahead"
            }
            Self::TokenExpired => {
                "the API says that the token has expired: this machine's clock may run behind"
            }
            Self::OutOfCredit => "the account is in arrears or its resource pack is used up",
            Self::Forbidden => "the account has no right to this API",
            Self::BadRequest => "the API refused the parameters",
            Self::NotFound => "the API knows no such task or path",
            Self::Policy => "the platform's content policy refused the request",
            Self::RateLimited => "the API asks for fewer requests per second",
            Self::Concurrency => "the account runs as many tasks as its resource pack allows",
            Self::IpNotAllowed => "the API does not accept this machine's IP address",
            Self::ServerProblem => "the API is in trouble",
            Self::TooLarge => "the request was refused as too large",
            Self::OtherRefusal => "the API refused the request with a code that is not known here",
            Self::Empty => "the API answered success, but with no task",
            Self::AddressRefused => "the address is not allowed for a download",
            Self::Transport => "no usable answer came",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ErrorClass::{self, *};

    #[test]
    fn every_code_has_its_meaning() {
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
    fn an_unknown_code_is_a_refusal_only_where_the_status_says_so() {
        for (code, status, class) in [
            (1404, 400, OtherRefusal),
            (1404, 403, OtherRefusal),
            (1005, 401, Credentials),
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
