//! A mapping whose end is not read yet.

use std::{
    collections::{HashMap, hash_map},
    rc::Rc,
};

use super::{
    node::{Entry, Node},
    scalar::{ScalarType, Style},
};
use crate::manifest::problem::{Location, Problem, ProblemCollector, quoted};

#[derive(Default)]
pub(super) struct OpenMapping {
    pub(super) entries: Vec<Entry>,
    pub(super) seen: HashMap<Rc<str>, Location>,
    awaited: Awaited,
    pub(super) merged: Vec<Rc<Node>>,
}

#[derive(Default)]
enum Awaited {
    #[default]
    Key,
    Value(Rc<str>, Location),
    /// The value of `<<`.
    Merge,
    /// The value of a key that was refused.
    Nothing,
}

impl OpenMapping {
    /// Takes the next node: a key, or the value of the last key.
    pub(super) fn attach(&mut self, node: Rc<Node>, problems: &mut ProblemCollector) {
        self.awaited = match std::mem::take(&mut self.awaited) {
            Awaited::Key => self.key(&node, problems),
            Awaited::Nothing => Awaited::Key,
            Awaited::Merge => {
                self.merged.push(node);
                Awaited::Key
            }
            Awaited::Value(key, key_location) => {
                self.entries.push(Entry { key, key_location, value: node });
                Awaited::Key
            }
        };
    }

    fn key(&mut self, node: &Node, problems: &mut ProblemCollector) -> Awaited {
        let Some(scalar) = node.scalar() else {
            let what = format!("a key cannot be {}", node.in_words());
            let help = "keys are plain text; text that begins with `[` or `{` needs quotes";
            problems.add(Problem::at(node.location, what).help(help));
            return Awaited::Nothing;
        };
        if scalar.class() == ScalarType::Absent {
            problems.add(Problem::at(node.location, "a key is missing before the `:`"));
            return Awaited::Nothing;
        }
        if scalar.style == Style::Plain && scalar.text == "<<" {
            return Awaited::Merge;
        }
        let key: Rc<str> = scalar.text.as_str().into();
        match self.seen.entry(Rc::clone(&key)) {
            hash_map::Entry::Vacant(new) => {
                new.insert(node.location);
                Awaited::Value(key, node.location)
            }
            hash_map::Entry::Occupied(first) => {
                let Location { line, column, .. } = *first.get();
                let what = format!("the key {} is repeated", quoted(&key));
                let help = format!("it is first at {line}:{column}; remove one");
                problems.add(Problem::at(node.location, what).help(help));
                Awaited::Nothing
            }
        }
    }

    /// Returns where the key is whose value comes next.
    pub(super) fn awaiting_key(&self) -> Option<Location> {
        match self.awaited {
            Awaited::Value(_, location) => Some(location),
            _ => None,
        }
    }
}
