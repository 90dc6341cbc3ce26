//! Parser events to the tree, with limits that keep a hostile text cheap.

use std::{
    borrow::Cow,
    collections::{HashMap, hash_map},
    rc::Rc,
};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, Tag};

use super::{
    decode::end_of,
    node::{Entry, Node, NodeKind},
    scalar::{Scalar, ScalarType, Style},
};
use crate::manifest::problem::{Location, Problem, ProblemCollector, quoted};

const MAX_DEPTH: usize = 32;
/// The most values that all aliases and merges of a text may repeat.
const MAX_REPEATED: usize = 1_000_000;

/// Parses the one document of a text. Reports problems; returns none for a text that is not YAML or exceeds a
/// limit.
pub(crate) fn parse(text: &str, problems: &mut ProblemCollector) -> Option<Rc<Node>> {
    let mut builder = Builder {
        open: Vec::new(),
        anchors: HashMap::new(),
        repeated: 0,
        documents: 0,
        root: None,
        problems,
    };
    let end = end_of(text);
    for event in Parser::new_from_str(text) {
        let read = match event {
            Ok((event, span)) => builder.take(event, location(span, end)),
            Err(error) => Err(scan_problem(&error, end)),
        };
        if let Err(problem) = read {
            builder.problems.add(problem);
            return None;
        }
    }
    Some(builder.root.unwrap_or_else(|| {
        let nothing = Scalar { text: String::new(), style: Style::Absent };
        Rc::new(Node::new(Location::at(1, 1), NodeKind::Scalar(nothing)))
    }))
}

fn scan_problem(error: &ScanError, end: Location) -> Problem {
    let (line, column) = point(*error.marker(), end);
    let location = Location::at(line, column);
    let problem = Problem::at(location, format!("this is not YAML: {}", error.info()));
    if error.info().contains("unknown anchor") {
        Problem::at(location, "this alias has no anchor before it")
    } else if error.info().contains("tab") {
        problem.help("indent YAML by spaces, not by tabs")
    } else {
        problem
    }
}

/// Returns line and column, both from 1. The parser counts columns from 0, and puts the end of a text without
/// a last line break on a line that does not exist. Both fit into u32, because texts are bounded.
fn point(marker: Marker, end: Location) -> (u32, u32) {
    (marker.line() as u32, marker.col() as u32 + 1).min((end.line, end.column))
}

fn location(span: Span, end: Location) -> Location {
    Location::between(point(span.start, end), point(span.end, end))
}

struct Builder<'p> {
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Node>>,
    repeated: usize,
    documents: usize,
    root: Option<Rc<Node>>,
    problems: &'p mut ProblemCollector,
}

struct Open {
    location: Location,
    anchor: usize,
    content: Children,
}

enum Children {
    Sequence(Vec<Rc<Node>>),
    Mapping(OpenMapping),
}

#[derive(Default)]
struct OpenMapping {
    entries: Vec<Entry>,
    seen: HashMap<Rc<str>, Location>,
    awaited: Awaited,
    merged: Vec<Rc<Node>>,
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

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, at: Location) -> Result<(), Problem> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    let problem = Problem::at(at, "a second YAML document begins here");
                    return Err(problem.help("a file has one document: remove the `---`"));
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                // For a missing value, the parser reports a borrowed `~` (after an anchor or a tag, a borrowed
                // empty text) at the location of what follows. A scalar that is in the text is never such a borrowed `~`.
                let absent = style == ScalarStyle::Plain && matches!(text, Cow::Borrowed("~" | ""));
                let at = if absent { self.awaiting_key().unwrap_or(at) } else { at };
                let node = Node::new(
                    at,
                    NodeKind::Scalar(Scalar {
                        style: style_of(style, absent, tag.as_deref(), at, self.problems),
                        text: if absent { String::new() } else { text.into_owned() },
                    }),
                );
                self.attach(Rc::new(node), anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                check_tag(tag.as_deref(), "seq", at, self.problems);
                self.begin(at, anchor, Children::Sequence(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                check_tag(tag.as_deref(), "map", at, self.problems);
                self.begin(at, anchor, Children::Mapping(OpenMapping::default()))
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(at),
            Event::Alias(anchor) => self.alias(anchor, at),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn awaiting_key(&self) -> Option<Location> {
        match &self.open.last()?.content {
            Children::Mapping(OpenMapping { awaited: Awaited::Value(_, location), .. }) => {
                Some(*location)
            }
            _ => None,
        }
    }

    fn begin(
        &mut self,
        location: Location,
        anchor: usize,
        content: Children,
    ) -> Result<(), Problem> {
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep(location));
        }
        self.open.push(Open { location, anchor, content });
        Ok(())
    }

    fn end(&mut self, at: Location) -> Result<(), Problem> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let kind = match open.content {
            Children::Sequence(items) => NodeKind::Sequence(items),
            Children::Mapping(mapping) => NodeKind::Mapping(self.merge(mapping)?),
        };
        let location = Location::between((open.location.line, open.location.column), at.end);
        self.attach(Rc::new(Node::new(location, kind)), open.anchor)
    }

    fn attach(&mut self, node: Rc<Node>, anchor: usize) -> Result<(), Problem> {
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(Children::Sequence(items)) => items.push(node),
            Some(Children::Mapping(mapping)) => mapping.attach(node, self.problems),
        }
        Ok(())
    }

    fn alias(&mut self, anchor: usize, at: Location) -> Result<(), Problem> {
        let Some(node) = self.anchors.get(&anchor).map(Rc::clone) else {
            return Err(Problem::at(at, "this alias is inside of its own anchor"));
        };
        if self.open.len() + node.height > MAX_DEPTH {
            return Err(too_deep(at));
        }
        self.repeat(node.size, at)?;
        self.attach(node, 0)
    }

    fn repeat(&mut self, values: usize, at: Location) -> Result<(), Problem> {
        self.repeated = self.repeated.saturating_add(values);
        if self.repeated > MAX_REPEATED {
            let problem = Problem::at(at, "the aliases of this file repeat too much");
            return Err(problem.help("together they may repeat at most 1000000 values"));
        }
        Ok(())
    }

    /// Returns the entries, then those of `<<`: a mapping's own keys win, then the earlier merge.
    fn merge(&mut self, mut mapping: OpenMapping) -> Result<Vec<Entry>, Problem> {
        for merged in std::mem::take(&mut mapping.merged) {
            let sources = match &merged.kind {
                NodeKind::Sequence(items) => items.clone(),
                _ => vec![Rc::clone(&merged)],
            };
            for source in sources {
                let Some(entries) = source.entries() else {
                    let problem = Problem::at(source.location, "`<<` cannot merge this");
                    self.problems.add(problem.help("it takes a mapping, or a list of mappings"));
                    continue;
                };
                self.repeat(entries.len(), source.location)?;
                for entry in entries {
                    if let hash_map::Entry::Vacant(new) = mapping.seen.entry(Rc::clone(&entry.key))
                    {
                        new.insert(entry.key_location);
                        mapping.entries.push(entry.clone());
                    }
                }
            }
        }
        Ok(mapping.entries)
    }
}

impl OpenMapping {
    fn attach(&mut self, node: Rc<Node>, problems: &mut ProblemCollector) {
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
            problems.add(Problem::at(node.location, what).help("keys are plain text"));
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
}

fn too_deep(at: Location) -> Problem {
    Problem::at(at, format!("more than {MAX_DEPTH} levels of nesting"))
}

/// Returns how a scalar is read. `!!str` makes it text; the other core tags change nothing.
fn style_of(
    style: ScalarStyle,
    absent: bool,
    tag: Option<&Tag>,
    at: Location,
    problems: &mut ProblemCollector,
) -> Style {
    const CORE_TAGS: [&str; 4] = ["int", "float", "bool", "null"];
    match tag {
        None if absent => Style::Absent,
        None if style == ScalarStyle::Plain => Style::Plain,
        None => Style::Text,
        Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => Style::Text,
        Some(tag) if tag.is_yaml_core_schema() && CORE_TAGS.contains(&tag.suffix.as_str()) => {
            Style::Plain
        }
        Some(tag) => {
            refuse_tag(tag, at, problems);
            Style::Text
        }
    }
}

fn check_tag(tag: Option<&Tag>, core: &str, at: Location, problems: &mut ProblemCollector) {
    match tag {
        Some(tag) if !(tag.is_yaml_core_schema() && tag.suffix == core) => {
            refuse_tag(tag, at, problems);
        }
        _ => {}
    }
}

fn refuse_tag(tag: &Tag, at: Location, problems: &mut ProblemCollector) {
    let what = format!("the tag {} is not known", quoted(&tag.to_string()));
    problems.add(Problem::at(at, what).help("remove it"));
}
