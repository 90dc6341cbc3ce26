//! A YAML text as a small tree in which every value knows its place.
//!
//! Owns what YAML is here: one document, bounded in size, depth and aliases, keys that are text.
//! Knows nothing of jobs or settings: what a value may be is its reader's.

mod build;
mod decode;
mod scalar;

use std::rc::Rc;

pub(crate) use build::parse;
pub use decode::MAX_BYTES;
pub(crate) use decode::decode;
pub(crate) use scalar::{Scalar, Style, Type};

use super::problem::{Place, quoted};

/// One value.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) kind: Kind,
    /// How many values it holds, itself included: what an alias to it costs.
    size: usize,
    /// How many levels it is deep, itself included.
    height: usize,
}

/// What a value is.
#[derive(Debug)]
pub(crate) enum Kind {
    Scalar(Scalar),
    Sequence(Vec<Rc<Node>>),
    Mapping(Vec<Entry>),
}

/// A key of a mapping with its value. Shared, because merges and aliases repeat them.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: Rc<str>,
    pub(crate) key_place: Place,
    pub(crate) value: Rc<Node>,
}

impl Node {
    fn new(place: Place, kind: Kind) -> Self {
        let children: Box<dyn Iterator<Item = &Rc<Self>>> = match &kind {
            Kind::Scalar(_) => Box::new(std::iter::empty()),
            Kind::Sequence(items) => Box::new(items.iter()),
            Kind::Mapping(entries) => Box::new(entries.iter().map(|entry| &entry.value)),
        };
        let (size, height) = children.fold((1_usize, 0), |(size, height), child| {
            (size.saturating_add(child.size), height.max(child.height))
        });
        Self { place, kind, size, height: height + 1 }
    }

    /// Its entries, if it is a mapping.
    pub(crate) fn entries(&self) -> Option<&[Entry]> {
        match &self.kind {
            Kind::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value of a key, if it is a mapping that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Rc<Self>> {
        let entry = self.entries()?.iter().find(|entry| &*entry.key == key)?;
        Some(&entry.value)
    }

    /// The scalar, if it is one.
    pub(crate) fn scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            Kind::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// What it is with its text, for "… cannot be the number `5`".
    pub(crate) fn shown(&self) -> String {
        let Some(scalar) = self.scalar() else {
            return self.in_words().to_owned();
        };
        let text = quoted(&scalar.text);
        match scalar.class() {
            Type::Absent | Type::Null => self.in_words().to_owned(),
            Type::Bool(_) => format!("the truth value {text}"),
            Type::Number => format!("the number {text}"),
            Type::Text => format!("the text {text}"),
        }
    }

    /// What it is in words, for "… cannot be a list".
    pub(crate) fn in_words(&self) -> &'static str {
        match &self.kind {
            Kind::Sequence(_) => "a list",
            Kind::Mapping(_) => "a mapping",
            Kind::Scalar(scalar) => match scalar.class() {
                Type::Absent => "left empty",
                Type::Null => "null",
                Type::Bool(_) => "a truth value",
                Type::Number => "a number",
                Type::Text => "text",
            },
        }
    }
}
