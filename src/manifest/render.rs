//! How problems are shown: for a terminal with an excerpt, for a log or the database in plain lines.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet, renderer::Style};

use super::{
    problem::{Location, MAX_KEPT, Problem, Problems, Severity},
    yaml::lines,
};

/// The most problems that are shown; of more, only the number.
const SHOWN: usize = 100;
/// The longest excerpt of a line; a longer line is cut around the problem.
const LINE_CHARS: usize = 160;

impl Problems {
    /// Renders each problem as `file:line:column: what`, with an excerpt of `text`, which was read, and the
    /// help. Ends in a newline.
    #[must_use]
    pub fn render(&self, path: &str, text: &str, color: bool) -> String {
        let lines = lines(text);
        let mut shown = String::new();
        for problem in self.iter().take(SHOWN) {
            shown += &render_one(problem, path, &lines, color);
        }
        if self.len() > SHOWN {
            shown += &format!("{path}: {}\n", self.rest());
        }
        shown
    }

    /// Renders each problem as `file:line:column: what (help)`, joined by newlines.
    #[must_use]
    pub fn one_line(&self, path: &str) -> String {
        // The name of a file must not look like another line of the log.
        let path = &*path.replace('\n', "\\n");
        let mut lines: Vec<String> = self
            .iter()
            .take(SHOWN)
            .map(|problem| match &problem.help {
                Some(help) => format!("{} ({help})", headline(problem, path)),
                None => headline(problem, path),
            })
            .collect();
        if self.len() > SHOWN {
            lines.push(format!("{path}: {}", self.rest()));
        }
        lines.join("\n")
    }

    fn rest(&self) -> String {
        if self.len() < MAX_KEPT {
            format!("and {} more", self.len() - SHOWN)
        } else {
            "and thousands more".to_owned()
        }
    }
}

fn headline(problem: &Problem, path: &str) -> String {
    let what = match problem.severity {
        Severity::Error => problem.what.clone(),
        Severity::Warning => format!("warning: {}", problem.what),
    };
    match (problem.location, path) {
        (Some(Location { line, column, .. }), "") => format!("{line}:{column}: {what}"),
        (Some(Location { line, column, .. }), _) => format!("{path}:{line}:{column}: {what}"),
        (None, "") => what,
        (None, _) => format!("{path}: {what}"),
    }
}

fn render_one(problem: &Problem, path: &str, lines: &[&str], color: bool) -> String {
    let (renderer, bold) = if color {
        (Renderer::styled(), Style::new().bold())
    } else {
        (Renderer::plain(), Style::new())
    };
    let mut shown = format!("{bold}{}{bold:#}\n", headline(problem, path));
    let excerpt = problem.location.and_then(|location| excerpt(location, lines));
    let mut group = Group::with_level(match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    });
    if let Some((line, source, underlined)) = excerpt {
        let mark = AnnotationKind::Primary.span(underlined);
        group = group.element(Snippet::source(source).line_start(line).annotation(mark));
    } else if let Some(help) = &problem.help {
        return shown + "  help: " + help + "\n";
    }
    if let Some(help) = &problem.help {
        group = group.element(Level::HELP.message(help));
    }
    if !group.is_empty() {
        shown += &renderer.render(&[group]);
        shown.push('\n');
    }
    shown
}

/// Returns the line's number, the line shortened to what fits, and which of its bytes are underlined.
fn excerpt(location: Location, lines: &[&str]) -> Option<(usize, String, std::ops::Range<usize>)> {
    let number = location.line as usize;
    let line = lines.get(number.checked_sub(1)?)?;
    let column = location.column as usize - 1;
    let end = match location.end {
        (end_line, end_column) if end_line == location.line => end_column as usize - 1,
        _ => line.trim_end().chars().count(),
    };
    let cut = column.saturating_sub(LINE_CHARS / 2);
    let source: String = line.chars().skip(cut).take(LINE_CHARS).collect();
    let byte_of = |character: usize| {
        let mut places = source.char_indices().map(|(byte, _)| byte);
        places.nth(character - cut).unwrap_or(source.len())
    };
    let underlined = byte_of(column)..byte_of(end.max(column + 1));
    Some((number, source, underlined))
}
