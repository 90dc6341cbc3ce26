//! The message of `lipsyncd notify --test`.

use super::message::Message;
use crate::store::Notification;

/// Makes a message of the type `test`.
pub(super) fn test_message(now_ms: i64) -> Message {
    Message::of(&Notification {
        message_id: format!("msg_test_{now_ms}"),
        event: "test".to_owned(),
        at_ms: now_ms,
        reason: Some("Messages of lipsyncd arrive here.".to_owned()),
        ..Notification::default()
    })
}
