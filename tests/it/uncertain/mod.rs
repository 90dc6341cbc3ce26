//! Before and after a create request, with the real binary: the outcome of the paid call is found or left to a person.
//! Nothing is paid twice, no paid result is lost, and every waiting job has a true reason.
//!
//! Where a mistake could pay twice, the simulated API accepts a second task of a known name.
//!
//! | exchange with the API | tests |
//! | --- | --- |
//! | the list knows more than the name | `lag` |
//! | the request arrives after the client gave up | `late` |
//! | an empty success, and lookups that fail for long | `empty`, `unresolved`, `resolve` |
//! | the name is taken | `name_taken` |
//! | a body is refused, or a gateway times out | `too_large` |
//! | the session is gone, in any words | `stale_session` |
//! | a code that is not on the page | `unknown_codes` |
//! | other types, words and forms; deductions from a balance | `odd_answers` |

mod account;
mod backup;
mod base_url;
mod doctor;
mod empty;
mod env;
mod hosts;
mod lag;
mod late;
mod lost_database;
mod name_taken;
mod odd_answers;
mod own_name;
mod pause;
mod resolve;
mod stale_session;
mod too_large;
mod unknown_codes;
mod unresolved;
