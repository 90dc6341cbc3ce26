//! A figure: the measured value and its goal; and the table of figures.

use std::fmt;

/// Whether more or less is better.
#[derive(Debug, Clone, Copy)]
pub enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

/// One line of the table.
#[derive(Debug, Clone)]
pub struct Figure {
    pub what: String,
    pub measured: f64,
    pub unit: &'static str,
    pub goal: Goal,
    /// The known value, where the goal is not reached yet.
    known: Option<Goal>,
}

impl Figure {
    pub fn new(what: impl Into<String>, measured: f64, unit: &'static str, goal: Goal) -> Self {
        Self { what: what.into(), measured, unit, goal, known: None }
    }

    /// Sets the known value of a goal that is not reached yet.
    pub fn known_to_be(mut self, known: Goal) -> Self {
        self.known = Some(known);
        self
    }

    pub fn is_reached(&self) -> bool {
        self.is_within(self.goal, 1.0)
    }

    /// Returns true if the value is not worse by more than half, which may be noise.
    pub fn is_half_reached(&self) -> bool {
        self.is_within(self.known.unwrap_or(self.goal), 2.0)
    }

    fn is_within(&self, goal: Goal, slack: f64) -> bool {
        match goal {
            Goal::AtLeast(least) => self.measured * slack >= least,
            Goal::AtMost(most) => self.measured <= most * slack,
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let goal = match self.goal {
            Goal::AtLeast(least) => format!("≥ {}", number(least)),
            Goal::AtMost(most) => format!("≤ {}", number(most)),
        };
        let (what, measured, unit) = (&self.what, number(self.measured), self.unit);
        let space = if unit.is_empty() { "" } else { " " };
        let missed = if self.is_reached() { "" } else { " (missed)" };
        write!(f, "| {what} | {measured}{space}{unit}{missed} | {goal}{space}{unit} |")
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

/// The head of the table.
pub const HEAD: &str = "| what | measured | to reach |\n| --- | --- | --- |";
