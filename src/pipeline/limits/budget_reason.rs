//! Why the daily budget holds the next task, in a sentence with the numbers and what to do.

use crate::job::{BudgetHold, Currency};

/// Returns why the caps hold the next task, the one of the job `key`. `resumes_at_ms` is Unix time.
pub(super) fn reason(hold: &BudgetHold, key: Option<&str>, resumes_at_ms: i64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "for people to read")]
    let amount = |micro: i64| micro as f64 / 1e6;
    let BudgetHold { cap_micro, spent_micro, in_progress_micro, has_unknown, price_micro, .. } =
        *hold;
    let (unit, limit) = match hold.currency {
        Currency::Units => ("units", "limits.units_per_day"),
        Currency::Money => ("in money", "limits.money_per_day"),
    };
    let (cap, spent) = (amount(cap_micro), amount(spent_micro));
    if hold.waits_for_price && (hold.most_micro.is_some() || price_micro.is_some()) {
        let most = match hold.most_micro {
            Some(most) => format!("up to {}", amount(most)),
            None => "more than is known".to_owned(),
        };
        return format!(
            "the day could end above its budget ({spent} of {cap} {unit} spent today; the next task and those in \
             progress may cost {most}, because the length of a video, or a price, is unknown); it starts after a task \
             that is in progress or unresolved, or raise {limit}"
        );
    }
    if hold.waits_for_price {
        let advice = match hold.currency {
            Currency::Units => ", or set `prices` in the configuration",
            Currency::Money => "",
        };
        return format!(
            "the price of the next task is unknown, so that one such task runs at a time ({spent} of {cap} {unit} \
             spent today, {limit}); it starts after the task that is in progress or unresolved{advice}"
        );
    }
    if let Some((price, key)) = price_micro.filter(|price| *price > cap_micro).zip(key) {
        let price = amount(price);
        return format!(
            "job {key} is expected to cost {price} {unit}, more than {limit} ({cap}); raise {limit}, or cancel the job"
        );
    }
    let at = jiff::Timestamp::from_millisecond(resumes_at_ms).unwrap_or_default();
    let at = at.strftime("%Y-%m-%d %H:%M UTC");
    let at_least = if has_unknown { "at least " } else { "" };
    let in_progress = match in_progress_micro {
        0 if has_unknown => "; the price of a task in progress is unknown".to_owned(),
        0 => String::new(),
        micro => {
            format!("; tasks in progress are expected to cost {at_least}{}", amount(micro))
        }
    };
    let next = match price_micro.filter(|_| spent_micro < cap_micro) {
        Some(price) => format!("; the next task is expected to cost {}", amount(price)),
        None => String::new(),
    };
    format!(
        "daily budget reached ({spent} of {cap} {unit}{in_progress}{next}); resumes {at}, or raise {limit}"
    )
}
