//! The tree of a YAML text.

use std::rc::Rc;

use super::{
    mapping_line::text_problem,
    scalar::{Scalar, ScalarType, Style},
};
use crate::manifest::problem::{Location, Problem, quoted};

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) location: Location,
    pub(crate) kind: NodeKind,
    /// How many values it contains, including itself: what an alias to it costs.
    pub(super) size: usize,
    /// How many levels deep it is, including itself.
    pub(super) height: usize,
}

#[derive(Debug)]
pub(crate) enum NodeKind {
    Scalar(Scalar),
    Sequence(Vec<Rc<Node>>),
    Mapping(Vec<Entry>),
    /// Its problem is reported already.
    Refused,
}

/// A key of a mapping with its value, which merges and aliases share.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: Rc<str>,
    pub(crate) key_location: Location,
    pub(crate) value: Rc<Node>,
}

impl Node {
    pub(super) fn new(location: Location, kind: NodeKind) -> Self {
        let children: Box<dyn Iterator<Item = &Rc<Self>>> = match &kind {
            NodeKind::Scalar(_) | NodeKind::Refused => Box::new(std::iter::empty()),
            NodeKind::Sequence(items) => Box::new(items.iter()),
            NodeKind::Mapping(entries) => Box::new(entries.iter().map(|entry| &entry.value)),
        };
        let (size, height) = children.fold((1_usize, 0), |(size, height), child| {
            (size.saturating_add(child.size), height.max(child.height))
        });
        Self { location, kind, size, height: height + 1 }
    }

    pub(crate) fn entries(&self) -> Option<&[Entry]> {
        match &self.kind {
            NodeKind::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Rc<Self>> {
        let entry = self.entries()?.iter().find(|entry| &*entry.key == key)?;
        Some(&entry.value)
    }

    /// Returns true for a value whose problem is reported already.
    pub(crate) fn is_refused(&self) -> bool {
        matches!(self.kind, NodeKind::Refused)
    }

    /// Returns why a value that should be a mapping is text, such as a missing space after a colon.
    pub(crate) fn text_problem(&self) -> Option<Problem> {
        let plain = self.scalar().filter(|scalar| scalar.style == Style::Plain)?;
        let problem = text_problem(&plain.text)?;
        Some(Problem { location: Some(self.location), ..problem })
    }

    /// Returns true for `null` and for a value that is left out.
    pub(crate) fn is_null(&self) -> bool {
        self.scalar().is_some_and(Scalar::is_null)
    }

    pub(crate) fn scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            NodeKind::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// Describes it with its text, for "… cannot be the number `5`".
    pub(crate) fn shown(&self) -> String {
        let Some(scalar) = self.scalar() else {
            return self.in_words().to_owned();
        };
        let text = quoted(&scalar.text);
        match scalar.class() {
            ScalarType::Absent | ScalarType::Null => self.in_words().to_owned(),
            ScalarType::Bool(_) => format!("the boolean {text}"),
            ScalarType::Number => format!("the number {text}"),
            ScalarType::Text => format!("the text {text}"),
        }
    }

    /// Describes its type, for "… cannot be a list".
    pub(crate) fn in_words(&self) -> &'static str {
        match &self.kind {
            NodeKind::Sequence(_) => "a list",
            NodeKind::Mapping(_) => "a mapping",
            NodeKind::Refused => "empty",
            NodeKind::Scalar(scalar) => match scalar.class() {
                ScalarType::Absent => "empty",
                ScalarType::Null => "null",
                ScalarType::Bool(_) => "a boolean",
                ScalarType::Number => "a number",
                ScalarType::Text => "text",
            },
        }
    }
}
