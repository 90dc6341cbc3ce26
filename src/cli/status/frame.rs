//! What `status --watch` draws: the queue, the slots with their tasks, the manifests in progress, and the last failures,
//! in the room that the screen has.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Paragraph, Row, Table},
};

use super::{
    line::{StatusLine, format_line},
    report::StatusReport,
    text,
};
use crate::{
    cli::text::{duration, safe, time},
    store::{ManifestProgress, RecentFailure, SlotTask},
};

/// From so many columns on, slots and manifests are side by side.
const WIDE: u16 = 120;
/// The least number of rows of a part, with its title.
const PART_MIN: u16 = 3;
const BAR_COLUMNS: u16 = 20;
/// The rank of lines that say nothing new here.
const HIDDEN: u8 = u8::MAX;
/// As wide as the names of the lines of `status`.
const INDENT: &str = "           ";

/// Everything that one frame shows.
pub(super) struct View {
    pub(super) report: StatusReport,
    pub(super) slots: Vec<SlotTask>,
    pub(super) failures: Vec<RecentFailure>,
    pub(super) manifests: Vec<ManifestProgress>,
    /// Without NO_COLOR.
    pub(super) has_colors: bool,
}

impl View {
    pub(super) fn draw(&self, frame: &mut Frame<'_>) {
        let area = frame.area();
        let lines = self.status_lines(area.width);
        let status = rows(lines.len()).min(area.height * 2 / 5);
        let (middle, failed, needed) = self.share(area.width, area.height - status);
        let constraints = [status, middle, failed, needed].map(Constraint::Length);
        let [status, middle, failed, needed] = Layout::vertical(constraints).areas(area);
        frame.render_widget(Paragraph::new(lines), status);
        let [slots, manifests] = self.split(middle);
        self.draw_slots(frame, slots);
        self.draw_manifests(frame, manifests);
        self.draw_failures(frame, failed);
        self.draw_commands(frame, needed);
    }

    /// Shares the rows below the status: slots with manifests, failures, commands. Failures and commands have a few rows
    /// in any case, and what slots and manifests do not need.
    fn share(&self, width: u16, height: u16) -> (u16, u16, u16) {
        let part = |count: usize| if count == 0 { 0 } else { rows(count + 1) };
        let Self { slots, failures, manifests, .. } = self;
        let middle = match width >= WIDE {
            true => rows(slots.len().max(manifests.len()) + 1),
            false => rows(slots.len() + manifests.len() + 2),
        };
        let (failed, needed) = (part(failures.len()), part(self.report.needs_you.len()));
        let least = (height / 6).max(PART_MIN);
        let (least_failed, least_needed) = (failed.min(least), needed.min(least));
        let middle = middle.min(height.saturating_sub(least_failed + least_needed));
        let left = height.saturating_sub(middle);
        let needed = needed.min(left.saturating_sub(least_failed));
        (middle, failed.min(left.saturating_sub(needed)), needed)
    }

    /// Divides the middle between slots and manifests: side by side on a wide screen, else by what each has to show.
    fn split(&self, area: Rect) -> [Rect; 2] {
        if area.width >= WIDE {
            let halves = [Constraint::Fill(1), Constraint::Fill(1)];
            return Layout::horizontal(halves).spacing(2).areas(area);
        }
        let (slots, manifests) = (rows(self.slots.len() + 1), rows(self.manifests.len() + 1));
        let half = area.height / 2;
        let slots = slots.min(half.max(area.height.saturating_sub(manifests)));
        Layout::vertical([Constraint::Length(slots), Constraint::Min(0)]).areas(area)
    }

    /// Returns bars of jobs and slots, and the lines of `status` without the commands.
    fn status_lines(&self, width: u16) -> Vec<Line<'_>> {
        let (ended, all) = self.report.progress();
        let (used, limit) = (self.report.slots.used, self.report.slots.limit);
        let columns = width.saturating_sub(11 + 2 + 16).min(60);
        let mut lines = vec![
            Line::from(format!("{:<9}  [{}] {ended}/{all}", "done", bar(ended, all, columns))),
            Line::from(format!("{:<9}  [{}] {used}/{limit}", "slots", bar(used, limit, columns))),
        ];
        for (name, text) in self.ranked_lines() {
            let style = if is_problem(name) { self.color(Color::Yellow) } else { Style::new() };
            let wrapped = wrap(&format_line((name, text)), width);
            lines.extend(wrapped.into_iter().map(|line| Line::styled(line, style)));
        }
        lines
    }

    /// Returns the lines of `status`, the most important first: on a small screen, there is no room for all.
    fn ranked_lines(&self) -> Vec<StatusLine> {
        // The commands name the manifests with errors.
        let manifests = text::manifests(&self.report).into_iter().take(1);
        let mut last = 0;
        let mut ranked: Vec<(u8, StatusLine)> = text::queue_lines(&self.report)
            .into_iter()
            .chain(manifests)
            .map(|line| {
                last = if line.0.is_empty() { last } else { self.rank(line.0) };
                (last, line)
            })
            .collect();
        ranked.sort_by_key(|(rank, _)| *rank);
        let is_shown = |rank: u8| rank != HIDDEN;
        ranked.into_iter().filter(|(rank, _)| is_shown(*rank)).map(|(_, line)| line).collect()
    }

    fn rank(&self, name: &str) -> u8 {
        let report = &self.report;
        match name {
            // It has a bar.
            "slots" if report.slots.limit == report.slots.configured => HIDDEN,
            "queue" if report.pause.is_none() && report.held_reason.is_none() => HIDDEN,
            "daemon" if report.daemon.running => 3,
            "jobs" | "rate" | "time left" => 0,
            "units" | "money" | "price" | "packs" | "manifests" => 2,
            _ => 1,
        }
    }

    fn draw_slots(&self, frame: &mut Frame<'_>, area: Rect) {
        let rows = self.slots.iter().map(|slot| {
            let elapsed = duration(self.report.now_ms - slot.sent_at_ms);
            Row::new([elapsed, slot.state.name().to_owned(), safe(&slot.key).into_owned()])
        });
        let widths = [Constraint::Length(8), Constraint::Length(10), Constraint::Fill(1)];
        let more = self.more("slots with a task", self.slots.len(), area);
        self.draw_table(frame, area, Table::new(rows, widths), more);
    }

    fn draw_manifests(&self, frame: &mut Frame<'_>, area: Rect) {
        let rows = self.manifests.iter().map(|manifest| {
            let ManifestProgress { path, jobs, succeeded, failed, cancelled, .. } = manifest;
            let (ended, jobs) = (succeeded + failed, jobs - cancelled);
            let counts = match failed {
                0 => format!("{ended}/{jobs}"),
                failed => format!("{ended}/{jobs}, {failed} failed"),
            };
            let bar = format!("[{}]", bar(ended, jobs, BAR_COLUMNS - 2));
            let style = if *failed > 0 { self.color(Color::Yellow) } else { Style::new() };
            Row::new([safe(path).into_owned(), bar, counts]).style(style)
        });
        let widths = [Constraint::Fill(1), Constraint::Length(BAR_COLUMNS), Constraint::Length(20)];
        let more = self.more("manifests in progress", self.manifests.len(), area);
        self.draw_table(frame, area, Table::new(rows, widths), more);
    }

    fn draw_failures(&self, frame: &mut Frame<'_>, area: Rect) {
        let rows = self.failures.iter().map(|failure| {
            let code = failure.code.as_deref().unwrap_or_default();
            let error = failure.error.as_deref().unwrap_or_default();
            let what = format!("{} {}", safe(code), safe(error));
            Row::new([time(failure.at_ms), safe(&failure.key).into_owned(), what])
                .style(self.color(Color::Red))
        });
        let widths = [Constraint::Length(23), Constraint::Fill(1), Constraint::Fill(2)];
        self.draw_table(frame, area, Table::new(rows, widths), "last failures".to_owned());
    }

    /// The commands are complete: they are there to be copied.
    fn draw_commands(&self, frame: &mut Frame<'_>, area: Rect) {
        let commands = &self.report.needs_you;
        let width = commands.iter().map(|next| Span::raw(&next.command).width()).max();
        let cells = commands.iter().map(|next| [next.command.as_str(), next.why.as_str()]);
        let widths = [Constraint::Length(rows(width.unwrap_or(0))), Constraint::Fill(1)];
        let table = Table::new(cells.map(Row::new), widths);
        self.draw_table(frame, area, table, "needs you".to_owned());
    }

    /// A title, and below it a table that is cut at the end of the area.
    fn draw_table(&self, frame: &mut Frame<'_>, area: Rect, table: Table<'_>, title: String) {
        let [head, body] =
            Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
        let bold = Style::new().add_modifier(Modifier::BOLD);
        frame.render_widget(Line::from(Span::styled(title, bold)), head);
        frame.render_widget(table.column_spacing(2), body);
    }

    /// Returns the title of a part, with the number of rows for which there is no room.
    fn more(&self, title: &str, rows: usize, area: Rect) -> String {
        let hidden = rows.saturating_sub(usize::from(area.height.saturating_sub(1)));
        if hidden == 0 { title.to_owned() } else { format!("{title} (and {hidden} more)") }
    }

    fn color(&self, color: Color) -> Style {
        if self.has_colors { Style::new().fg(color) } else { Style::new() }
    }
}

/// Whether a line of `status` reports something that is wrong.
fn is_problem(name: &str) -> bool {
    matches!(
        name,
        "videos"
            | "database"
            | "api"
            | "folder"
            | "output"
            | "downloads"
            | "results"
            | "watermark"
            | "notify"
            | "changed"
            | "earlier"
    )
}

fn rows(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

/// Breaks a line of `status` between words. The rest is indented like the text after the name.
fn wrap(line: &str, width: u16) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in line.split_inclusive(' ') {
        let current = lines.last().map_or(0, |line| Span::raw(line).width());
        let is_too_long = current + Span::raw(word.trim_end()).width() > usize::from(width);
        if is_too_long && current > INDENT.len() {
            lines.push(INDENT.to_owned());
        }
        if let Some(last) = lines.last_mut() {
            last.push_str(word);
        }
    }
    lines
}

fn bar(part: i64, of: i64, columns: u16) -> String {
    let columns_wide = i64::from(columns);
    let filled = if of > 0 { part.clamp(0, of) * columns_wide / of } else { 0 };
    let filled = usize::try_from(filled).unwrap_or(0);
    format!("{:<width$}", "=".repeat(filled), width = usize::from(columns))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_broken_between_words() {
        let line = "rate       limited by the rate limit of identify";
        assert_eq!(wrap(line, 80), [line]);
        let broken =
            ["rate       limited by the ", "           rate limit of ", "           identify"];
        assert_eq!(wrap(line, 26), broken);
        // A word that is longer than the screen is cut there.
        assert_eq!(wrap("rate       limited", 5), ["rate       limited"]);
    }

    #[test]
    fn bars_are_as_full_as_their_part() {
        assert_eq!(
            [bar(0, 0, 4), bar(1, 2, 4), bar(9, 9, 4), bar(9, 3, 4)],
            ["    ", "==  ", "====", "===="]
        );
    }
}
