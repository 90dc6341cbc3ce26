//! The findings as lines for people.

use std::io::Write;

use super::finding::{Report, Status};
use crate::cli::{
    CommandError,
    text::{counted, safe},
};

/// A line a check, with how to mend it beneath; at the end, a sum.
pub(super) fn write(
    out: &mut dyn Write,
    report: &Report,
    in_color: bool,
) -> Result<(), CommandError> {
    let width = report.checks.iter().map(|check| check.name.len()).max().unwrap_or_default();
    for check in &report.checks {
        let status = format!("{:<7}", check.status.name());
        let status = match check.status {
            Status::Warning if in_color => format!("\u{1b}[33m{status}\u{1b}[0m"),
            Status::Error if in_color => format!("\u{1b}[31m{status}\u{1b}[0m"),
            _ => status,
        };
        writeln!(out, "{status}  {:<width$}  {}", check.name, safe(&check.message))?;
        for line in check.mend.iter().flat_map(|mend| mend.lines()) {
            writeln!(out, "{:9}{:width$}  mend: {}", "", "", safe(line))?;
        }
    }
    writeln!(out, "{}", sum(report))?;
    Ok(())
}

fn sum(report: &Report) -> String {
    let (errors, warnings) = (report.count(Status::Error), report.count(Status::Warning));
    let checks = counted(i64::try_from(report.checks.len()).unwrap_or(i64::MAX), "check");
    if errors + warnings == 0 {
        return format!("All is well: {checks}.");
    }
    format!("{checks}: {}, {}.", counted(errors, "error"), counted(warnings, "warning"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Finding;

    fn shown(checks: Vec<Finding>) -> String {
        let mut out = Vec::new();
        write(&mut out, &Report::of(checks), false).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_check_is_a_line_and_each_mend_stands_beneath() {
        let checks = vec![
            Finding::ok("clock", "2 s off"),
            Finding::warning("jobs_dir", "odd", "one\ntwo"),
            Finding::error("disk", "full\u{1b}[2J", "df -h"),
        ];
        assert_eq!(
            shown(checks),
            "ok       clock     2 s off\n\
             warning  jobs_dir  odd\n                   mend: one\n                   mend: two\n\
             error    disk      full\\u{1b}[2J\n                   mend: df -h\n\
             3 checks: 1 error, 1 warning.\n"
        );
    }

    #[test]
    fn where_nothing_is_wrong_it_says_so() {
        assert!(shown(vec![Finding::ok("a", "b")]).ends_with("All is well: 1 check.\n"));
    }
}
