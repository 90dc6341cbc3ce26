//! A figure: the measured values and their goal, as a line of the table.

use std::fmt;

use crate::samples::Samples;

/// The head of the table.
pub const HEAD: &str =
    "| what | median | smallest to largest | runs | goal |\n| --- | --- | --- | --- | --- |";

/// Whether more or less is better.
#[derive(Debug, Clone, Copy)]
pub enum Goal {
    AtLeast(f64),
    AtMost(f64),
    /// The value is only to know, or to compare with.
    Unset,
}

/// One line of the table.
#[derive(Debug, Clone)]
pub struct Figure {
    what: String,
    measured: Samples,
    unit: &'static str,
    goal: Goal,
    /// The known value, where it is far from the goal.
    known: Option<Goal>,
}

impl Figure {
    pub fn new(
        what: impl Into<String>,
        measured: impl Into<Samples>,
        unit: &'static str,
        goal: Goal,
    ) -> Self {
        Self { what: what.into(), measured: measured.into(), unit, goal, known: None }
    }

    /// A value in relation to that of a baseline of the same run. Ratios are printed first.
    pub fn ratio(what: impl Into<String>, measured: impl Into<Samples>, goal: Goal) -> Self {
        Self::new(what, measured, "×", goal)
    }

    /// A value that lipsyncd is compared with.
    pub fn baseline(what: &str, measured: impl Into<Samples>, unit: &'static str) -> Self {
        Self::new(format!("baseline: {what}"), measured, unit, Goal::Unset)
    }

    /// Sets the known value of a goal that is not reached yet.
    pub fn known_to_be(mut self, known: Goal) -> Self {
        self.known = Some(known);
        self
    }

    pub fn is_ratio(&self) -> bool {
        self.unit == "×"
    }

    /// Returns false if the value is worse than half of what is known or wanted, or if it was not measured. Less may be
    /// noise.
    pub fn is_half_reached(&self) -> bool {
        let median = self.measured.median();
        median.is_some_and(|median| self.known.unwrap_or(self.goal).is_met(median, 2.0))
    }
}

impl Goal {
    fn is_met(self, value: f64, slack: f64) -> bool {
        match self {
            Self::AtLeast(least) => value * slack >= least,
            Self::AtMost(most) => value <= most * slack,
            Self::Unset => true,
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, unit, runs) = (&self.what, self.unit, self.measured.count());
        let with_unit = |value: f64| match unit {
            "" | "×" => number(value),
            _ => format!("{} {unit}", number(value)),
        };
        let goal = match self.goal {
            Goal::AtLeast(least) => format!("≥ {}", with_unit(least)),
            Goal::AtMost(most) => format!("≤ {}", with_unit(most)),
            Goal::Unset => "–".to_owned(),
        };
        let (Some(median), Some((least, most))) = (self.measured.median(), self.measured.spread())
        else {
            return write!(f, "| {what} | not measured | – | 0 | {goal} |");
        };
        let missed = if self.goal.is_met(median, 1.0) { "" } else { " (missed)" };
        let spread = match runs {
            1 => "–".to_owned(),
            _ => format!("{} to {}", number(least), number(most)),
        };
        write!(f, "| {what} | {}{missed} | {spread} | {runs} | {goal} |", with_unit(median))
    }
}

/// Formats a value with about three digits.
pub fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size >= 1_000.0 => thousands(value),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => trimmed(format!("{value:.1}")),
        size if size >= 1.0 => trimmed(format!("{value:.2}")),
        _ => trimmed(format!("{value:.3}")),
    }
}

fn trimmed(text: String) -> String {
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
