//! Prints the report for people. A fix that helps several checks is printed once, at the end.

use std::io::Write;

use super::{DoctorReport, Status};
use crate::cli::{
    Result,
    text::{counted, safe},
};

pub(super) fn print(out: &mut dyn Write, report: &DoctorReport, in_color: bool) -> Result<()> {
    let width = report.checks.iter().map(|check| check.name.len()).max().unwrap_or_default();
    for check in &report.checks {
        let (status, color) = match check.status {
            Status::Ok => ("ok     ", ""),
            Status::Warning => ("warning", "\u{1b}[33m"),
            Status::Error => ("error  ", "\u{1b}[31m"),
        };
        let colored = in_color && !color.is_empty();
        let (color, end) = if colored { (color, "\u{1b}[0m") } else { ("", "") };
        writeln!(out, "{color}{status}{end}  {:<width$}  {}", check.name, safe(&check.message))?;
        if let Some(fix) = check.fix.as_deref().filter(|fix| checks_with(report, fix).len() == 1) {
            print_fix(out, width, fix)?;
        }
    }
    let mut printed: Vec<&str> = Vec::new();
    for fix in report.checks.iter().filter_map(|check| check.fix.as_deref()) {
        let mut names = checks_with(report, fix);
        if names.len() > 1 && !printed.contains(&fix) {
            printed.push(fix);
            names.dedup();
            writeln!(out, "For {}:", names.join(", "))?;
            print_fix(out, width, fix)?;
        }
    }
    writeln!(out, "{}", totals(report))?;
    Ok(())
}

fn checks_with<'report>(report: &'report DoctorReport, fix: &str) -> Vec<&'report str> {
    let fixed = report.checks.iter().filter(|check| check.fix.as_deref() == Some(fix));
    fixed.map(|check| check.name).collect()
}

fn print_fix(out: &mut dyn Write, width: usize, fix: &str) -> Result<()> {
    for line in fix.lines() {
        writeln!(out, "{:9}{:width$}  fix: {}", "", "", safe(line))?;
    }
    Ok(())
}

fn totals(report: &DoctorReport) -> String {
    let count = |status| report.checks.iter().filter(|check| check.status == status).count();
    let (errors, warnings) = (count(Status::Error), count(Status::Warning));
    let checks = counted(report.checks.len(), "check");
    if errors + warnings == 0 {
        return format!("No problems found: {checks}.");
    }
    format!("{checks}: {}, {}.", counted(errors, "error"), counted(warnings, "warning"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::check_result::{CheckResult, error, ok, warning};

    fn printed(checks: Vec<CheckResult>) -> String {
        let mut out = Vec::new();
        print(&mut out, &DoctorReport::new(checks), false).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_check_is_one_line_with_its_fix_below() {
        let checks = vec![
            ok("2 s off").named("clock"),
            warning("odd", "one\ntwo").named("jobs_dir"),
            error("full\u{1b}[2J", "df -h").named("disk"),
        ];
        assert_eq!(
            printed(checks),
            "ok       clock     2 s off\n\
             warning  jobs_dir  odd\n                   fix: one\n                   fix: two\n\
             error    disk      full\\u{1b}[2J\n                   fix: df -h\n\
             3 checks: 1 error, 1 warning.\n"
        );
    }

    #[test]
    fn fix_of_several_checks_is_printed_once_at_the_end() {
        let checks = vec![
            warning("a", "x").named("user"),
            warning("b", "y").named("disk"),
            warning("c", "x").named("api"),
        ];
        assert_eq!(
            printed(checks),
            "warning  user  a\nwarning  disk  b\n               fix: y\nwarning  api   c\n\
             For user, api:\n               fix: x\n3 checks: 0 errors, 3 warnings.\n"
        );
    }

    #[test]
    fn report_without_problems_says_so() {
        assert!(printed(vec![ok("b").named("a")]).ends_with("No problems found: 1 check.\n"));
    }
}
