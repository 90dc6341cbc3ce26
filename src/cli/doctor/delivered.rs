//! Whether the latest delivered files are still in the output folder.

use super::{database::Known, finding::Finding, patience, who::Who};
use crate::{
    cli::text::{counted, safe, shell_word},
    config::Config,
    output::{Presence, presence},
};

const NAME: &str = "delivered";

/// So many of the latest files are looked for.
const FILES_MAX: usize = 1_000;
const NAMED_MAX: usize = 3;

pub(super) fn check(config: &Config, known: &Known, who: &Who, findings: &mut Vec<Finding>) {
    let files = match known.reader.delivered_files(FILES_MAX) {
        Ok(files) if files.is_empty() => return,
        Ok(files) => files,
        Err(error) => {
            let message = error.to_string();
            return findings.push(Finding::warning(NAME, message, who.lipsyncd("status")));
        }
    };
    let (count, root) = (files.len(), config.output_dir.clone());
    let missing = patience::within(patience::FILES, move || {
        // A file of another size was edited by a person, who knows. A file that cannot be looked at may be there; the check of the folder reports why.
        let is_gone = |(_, output, bytes): &(String, String, u64)| {
            presence(&root.join(output), *bytes).is_ok_and(|found| found == Presence::Absent)
        };
        files.into_iter().filter(is_gone).map(|(key, ..)| key).collect::<Vec<_>>()
    });
    let shown = config.output_dir.display();
    findings.push(match missing {
        None => {
            let message = format!("{shown} gives no answer: delivered files were not looked for");
            Finding::warning(NAME, message, who.doctor())
        }
        Some(missing) if missing.is_empty() => {
            Finding::ok(NAME, format!("the latest {} are there", counted_files(count)))
        }
        Some(missing) => gone(&missing, count, who),
    });
}

fn gone(missing: &[String], count: usize, who: &Who) -> Finding {
    let some = &missing[..missing.len().min(NAMED_MAX)];
    let more = if missing.len() > NAMED_MAX { ", …" } else { "" };
    let message = format!(
        "{} of the latest {} are no longer in output_dir: {}{more}",
        missing.len(),
        counted_files(count),
        safe(&some.join(", "))
    );
    let keys: Vec<String> = some.iter().map(|key| shell_word(key).into_owned()).collect();
    let fix = format!(
        "{} (free while Kling keeps the result, which is 30 days)",
        who.lipsyncd(&format!("fetch {}", keys.join(" ")))
    );
    Finding::warning(NAME, message, fix)
}

fn counted_files(count: usize) -> String {
    counted(i64::try_from(count).unwrap_or(i64::MAX), "delivered file")
}
