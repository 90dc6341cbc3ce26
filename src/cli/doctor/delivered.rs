//! Whether the latest delivered files are still in the output folder.

use super::{CheckResult, DoctorContext, ok, timeout, warning};
use crate::{
    cli::{counted, safe, shell_word},
    output::{Presence, presence},
};

const FILES_MAX: usize = 1_000;
const NAMED_MAX: usize = 3;

pub(super) fn check(context: &mut DoctorContext) -> Vec<CheckResult> {
    let Some(database) = &context.database else { return Vec::new() };
    let files = match database.reader.delivered_files(FILES_MAX) {
        Ok(files) if files.is_empty() => return Vec::new(),
        Ok(files) => files,
        Err(error) => {
            return vec![warning(error.to_string(), context.users.lipsyncd("status"))];
        }
    };
    let count = counted(files.len(), "delivered file");
    let root = context.config.output_dir.clone();
    let missing = timeout::within(timeout::FILES, move || {
        // A file of another size was edited by a person. A file that cannot be looked at may be there; the check of
        // the folder reports why.
        let is_gone = |(_, output, bytes): &(String, String, u64)| {
            presence(&root.join(output), *bytes).is_ok_and(|found| found == Presence::Absent)
        };
        files.into_iter().filter(is_gone).map(|(key, ..)| key).collect::<Vec<_>>()
    });
    vec![match missing {
        None => {
            let folder = context.config.output_dir.display();
            let message = format!("{folder} does not answer: delivered files were not checked");
            warning(message, context.users.doctor())
        }
        Some(missing) if missing.is_empty() => ok(format!("the latest {count} are there")),
        Some(missing) => {
            let named = &missing[..missing.len().min(NAMED_MAX)];
            let more = if missing.len() > NAMED_MAX { ", …" } else { "" };
            let message = format!(
                "{} of the latest {count} are no longer in output_dir: {}{more}",
                missing.len(),
                safe(&named.join(", "))
            );
            let keys: Vec<_> = named.iter().map(|key| shell_word(key)).collect();
            let fetch = context.users.lipsyncd(&format!("fetch {}", keys.join(" ")));
            warning(message, format!("{fetch} (free while Kling keeps the result, 30 days)"))
        }
    }]
}
