//! What the account's resource packs have left: a free query.

use std::time::Duration;

use tokio::time::timeout;

use super::{CheckResult, DoctorContext, ok, warning};
use crate::{
    cli::{open, packs, status::PriceLeft},
    daemon,
    kling::Api as _,
    store::StoredPack,
};

const BUY: &str = "buy a resource pack in Kling's console; its figures lag by up to 12 h";
const TIME_LIMIT: Duration = Duration::from_secs(10);

pub(super) fn check(context: &mut DoctorContext) -> Vec<CheckResult> {
    let Some(account) = &context.account else { return Vec::new() };
    let now_ms = open::now_ms();
    let (start_ms, end_ms) = daemon::purchases_ms(now_ms);
    let reply = open::block_on(async {
        Ok(timeout(TIME_LIMIT, account.client.costs(start_ms, end_ms)).await)
    });
    let shown = match reply {
        Ok(Ok(reply)) => reply.result.map_err(|error| error.to_string()),
        _ => Err(format!("no answer within {} s", TIME_LIMIT.as_secs())),
    };
    let stored: Result<Vec<StoredPack>, _> =
        shown.map(|packs| packs.into_iter().map(daemon::stored_pack).collect());
    vec![match stored {
        // Nothing depends on it, and a gateway may not have this call.
        Err(problem) => ok(format!("unknown: {problem}")),
        Ok(packs) => match packs::summary(&packs, now_ms) {
            None => ok("none: Kling charges the account's balance, or nothing was bought yet"),
            Some(text) if packs::left_micro(&packs, now_ms) == 0 => warning(
                format!("{text}; create requests are refused, unless the account has a balance"),
                BUY,
            ),
            Some(text) => match shortage(context, &packs, now_ms) {
                None => ok(text),
                Some(shortage) => warning(format!("{text}; {shortage}"), BUY),
            },
        },
    }]
}

fn shortage(context: &DoctorContext, packs: &[StoredPack], now_ms: i64) -> Option<String> {
    let database = context.database.as_ref()?;
    let queue = &database.queue_status;
    let needed = PriceLeft::read(&database.reader, &context.config, queue, now_ms).ok()??;
    packs::shortage(packs, needed.units_needed(), now_ms)
}
