//! The findings as lines for people. What mends several of them stands once, at the end.

use std::io::Write;

use super::finding::{Report, Status};
use crate::cli::{
    CommandError,
    text::{counted, safe},
};

/// A line a check, with how to mend it beneath, or at the end if that mends others, too; then a sum.
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
        if let Some(mend) = &check.mend
            && names_of(report, mend).len() < 2
        {
            write_mend(out, width, mend)?;
        }
    }
    let mut told: Vec<&str> = Vec::new();
    for mend in report.checks.iter().filter_map(|check| check.mend.as_deref()) {
        let mut names = names_of(report, mend);
        if names.len() < 2 || told.contains(&mend) {
            continue;
        }
        told.push(mend);
        names.dedup();
        writeln!(out, "For {}:", names.join(", "))?;
        write_mend(out, width, mend)?;
    }
    writeln!(out, "{}", sum(report))?;
    Ok(())
}

/// The checks that this mends, one by one.
fn names_of<'report>(report: &'report Report, mend: &str) -> Vec<&'report str> {
    let mended = report.checks.iter().filter(|check| check.mend.as_deref() == Some(mend));
    mended.map(|check| check.name).collect()
}

fn write_mend(out: &mut dyn Write, width: usize, mend: &str) -> Result<(), CommandError> {
    for line in mend.lines() {
        writeln!(out, "{:9}{:width$}  mend: {}", "", "", safe(line))?;
    }
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
    fn what_mends_several_stands_once_at_the_end() {
        let checks = vec![
            Finding::warning("user", "a", "x"),
            Finding::warning("disk", "b", "y"),
            Finding::warning("api", "c", "x"),
        ];
        assert_eq!(
            shown(checks),
            "warning  user  a\nwarning  disk  b\n               mend: y\nwarning  api   c\n\
             For user, api:\n               mend: x\n3 checks: 0 errors, 3 warnings.\n"
        );
    }

    #[test]
    fn where_nothing_is_wrong_it_says_so() {
        assert!(shown(vec![Finding::ok("a", "b")]).ends_with("All is well: 1 check.\n"));
    }
}
