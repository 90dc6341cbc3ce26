//! The table of `lipsyncd list`, written page by page.
//!
//! Later pages keep the column widths of the first page. On a terminal, cells are cut to them; in a pipe, the widths
//! are minimums and nothing is cut.

use std::io::{self, Write};

use comfy_table::{ColumnConstraint, ContentArrangement, Row, Table as Page, Width, presets};

use crate::{cli::safe, store::JobOverview};

const HEADER: [&str; 4] = ["JOB", "STATE", "REASON", "OUTPUT"];

/// On a narrower terminal, lines may wrap.
const WIDTH_MIN: u16 = 60;
/// The least width of the output column: its heading.
const OUTPUT_MIN: u16 = 6;
const GAP: u16 = 2;

pub(super) struct Table {
    /// None if nothing is cut.
    terminal_width: Option<u16>,
    /// Set by the first page.
    widths: Option<[u16; 4]>,
}

impl Table {
    pub(super) fn new(on_terminal: bool) -> Self {
        let width = on_terminal.then(|| Page::new().width()).flatten();
        Self { terminal_width: width.map(|width| width.max(WIDTH_MIN)), widths: None }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.widths.is_none()
    }

    pub(super) fn write(&mut self, out: &mut dyn Write, lines: &[JobOverview]) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut page = Page::new();
        page.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        page.set_truncation_indicator("…").force_no_tty();
        if self.widths.is_none() {
            page.set_header(one_line(HEADER.map(String::from)));
        }
        for line in lines {
            let cells = [&line.key, line.state.name(), &reason(line), &line.output];
            page.add_row(one_line(cells.map(|text| safe(text).into_owned())));
        }
        let terminal_width = self.terminal_width;
        let widths = *self.widths.get_or_insert_with(|| {
            let widths = page.column_max_content_widths().try_into().unwrap_or([0; 4]);
            terminal_width.map_or(widths, |width| fit(widths, width))
        });
        if terminal_width.is_some() {
            page.set_width(widths.iter().sum::<u16>() + 4 * GAP);
            page.set_content_arrangement(ContentArrangement::Dynamic);
        }
        for (column, width) in page.column_iter_mut().zip(widths) {
            column.set_padding((0, GAP));
            let width = Width::Fixed(width.saturating_add(GAP));
            column.set_constraint(match terminal_width {
                Some(_) => ColumnConstraint::Absolute(width),
                None => ColumnConstraint::LowerBoundary(width),
            });
        }
        for line in page.lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

fn reason(job: &JobOverview) -> String {
    let changed = job.changed_after_sent.then_some("changed after it was sent");
    let reason = job.waiting_for.as_deref().or(job.error.as_deref());
    let missing = job.watermark_missing.as_deref();
    changed.into_iter().chain(reason).chain(missing).collect::<Vec<_>>().join("; ")
}

fn one_line(cells: [String; 4]) -> Row {
    let mut row = Row::from(cells);
    row.max_height(1);
    row
}

/// Divides `width` among the columns. The state is never cut. The key gets up to a third. The reason comes before the
/// output, which mostly repeats the key.
fn fit([key, state, reason, output]: [u16; 4], width: u16) -> [u16; 4] {
    let width = width.saturating_sub(4 * GAP);
    let key = key.min(width / 3);
    let left = width.saturating_sub(key + state);
    let reason = reason.min(left.saturating_sub(OUTPUT_MIN)).max(1);
    [key, state, reason, output.min(left.saturating_sub(reason)).max(1)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::State;

    fn job(key: &str, waiting_for: Option<&str>) -> JobOverview {
        JobOverview {
            key: key.to_owned(),
            manifest: "promo.yaml".to_owned(),
            state: if waiting_for.is_some() { State::Queued } else { State::Succeeded },
            waiting_for: waiting_for.map(str::to_owned),
            state_since: String::new(),
            video: String::new(),
            audio: String::new(),
            labels: None,
            attempt: 1,
            task_id: None,
            external_task_id: None,
            shares_task_with: None,
            money: None,
            watermark_missing: None,
            verdict: None,
            verdict_note: None,
            request_id: None,
            dismissed: false,
            units: 0.0,
            output: format!("{key}.mp4"),
            error_code: None,
            error: None,
            priority: 0,
            created_at: String::new(),
            updated_at: String::new(),
            finished_at: None,
            changed_after_sent: false,
        }
    }

    fn shown(table: &mut Table, jobs: &[JobOverview]) -> String {
        let mut out = Vec::new();
        table.write(&mut out, jobs).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_pipe_gets_complete_aligned_lines() {
        let mut table = Table { terminal_width: None, widths: None };
        let long =
            "its turn (5 of 5 slots in use), and a long explanation, which is printed completely";
        let text = shown(&mut table, &[job("promo/en", Some("its turn")), job("promo/fr", None)]);
        assert_eq!(
            text,
            "JOB       STATE      REASON    OUTPUT\n\
             promo/en  queued     its turn  promo/en.mp4\n\
             promo/fr  succeeded            promo/fr.mp4\n"
        );
        let next = shown(&mut table, &[job("promo/a-long-name", Some(long)), job("b", None)]);
        assert_eq!(next.lines().count(), 2, "{next}");
        assert!(next.contains(long) && next.contains("promo/a-long-name.mp4"), "{next}");
    }

    #[test]
    fn a_terminal_gets_lines_cut_to_its_width() {
        let mut table = Table { terminal_width: Some(60), widths: None };
        let jobs = [
            job(
                "a/very/long/key/of/a/job/that/goes/on/and/on",
                Some("its turn (5 of 5 slots in use)"),
            ),
            job("promo/世界世界世界世界世界世界世界世界世界", None),
        ];
        for page in [shown(&mut table, &jobs), shown(&mut table, &jobs)] {
            for line in page.lines() {
                assert!(line.chars().count() <= 60, "{line}");
            }
            assert!(page.contains('…') && page.contains("queued"), "{page}");
        }
    }

    #[test]
    fn control_characters_are_escaped() {
        let mut table = Table { terminal_width: None, widths: None };
        let text = shown(&mut table, &[job("a", Some("\u{1b}[31m red\nline"))]);
        assert!(text.contains("\\u{1b}[31m red\\nline"), "{text:?}");
        assert!(!text.contains('\u{1b}'));
    }
}
