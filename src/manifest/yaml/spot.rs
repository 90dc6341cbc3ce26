//! A character of a text, as an index of its line and an index in that line.

use granit_parser::Marker;

use crate::manifest::problem::Location;

#[derive(Debug, Clone, Copy)]
pub(super) struct Spot<'a> {
    pub(super) lines: &'a [&'a str],
    /// From 0.
    pub(super) line: usize,
    /// From 0, in characters.
    pub(super) column: usize,
}

impl<'a> Spot<'a> {
    pub(super) fn new(lines: &'a [&'a str], line: usize, column: usize) -> Self {
        Self { lines, line, column }
    }

    /// The spot of the parser's marker, at most the `end` of the text.
    pub(super) fn of(marker: Marker, lines: &'a [&'a str], end: Location) -> Self {
        let (line, column) = point(marker, end);
        Self::new(lines, line as usize - 1, column as usize - 1)
    }

    pub(super) fn text(&self) -> &'a str {
        self.lines.get(self.line).copied().unwrap_or_default()
    }

    pub(super) fn before(&self) -> &'a str {
        &self.text()[..self.byte()]
    }

    pub(super) fn after(&self) -> &'a str {
        &self.text()[self.byte()..]
    }

    fn byte(&self) -> usize {
        let text = self.text();
        text.char_indices().nth(self.column).map_or(text.len(), |(byte, _)| byte)
    }

    /// The first character of this line that is no space.
    pub(super) fn first_of_line(&self) -> Self {
        let indentation = self.text().chars().take_while(|c| *c == ' ').count();
        Self { column: indentation, ..*self }
    }

    /// The place of the one character.
    pub(super) fn location(&self) -> Location {
        self.next(1)
    }

    /// The place of so many characters.
    pub(super) fn next(&self, length: usize) -> Location {
        let (line, column) = (self.line as u32 + 1, self.column as u32 + 1);
        Location::between((line, column), (line, column + length as u32))
    }

    pub(super) fn rest_of_line(&self) -> Location {
        self.next(self.after().trim_end().chars().count().max(1))
    }
}

/// Returns line and column, both from 1. The parser counts columns from 0, and puts the end of a text without
/// a last line break on a line that does not exist. Both fit into u32, because texts are bounded.
pub(super) fn point(marker: Marker, end: Location) -> (u32, u32) {
    (marker.line() as u32, marker.col() as u32 + 1).min((end.line, end.column))
}
