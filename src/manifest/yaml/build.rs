//! Parser events to the tree, with limits that keep a hostile text cheap.

use std::{
    collections::{HashMap, hash_map},
    rc::Rc,
};

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, Span, Tag};

use super::{
    decode::end_of,
    node::{Entry, Node, NodeKind},
    open_mapping::OpenMapping,
    scalar::{Scalar, Style},
    spot::point,
    syntax::explain,
};
use crate::manifest::problem::{Location, Problem, ProblemCollector, quoted};

const MAX_DEPTH: usize = 32;
/// The most values that all aliases and merges of a text may repeat.
const MAX_REPEATED: usize = 1_000_000;

/// Parses the one document of a text. Reports problems; returns none for a text that is not YAML or exceeds a
/// limit.
pub(crate) fn parse(text: &str, problems: &mut ProblemCollector) -> Option<Rc<Node>> {
    let end = end_of(text);
    let mut builder = Builder {
        text,
        end,
        open: Vec::new(),
        anchors: HashMap::new(),
        repeated: 0,
        documents: 0,
        root: None,
        problems,
    };
    let limits = granit_parser::options! {
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    for event in Parser::new_from_str_with_options(text, limits) {
        let read = match event {
            Ok((event, span)) => builder.take(event, span),
            Err(error) if *error.kind() == ErrorKind::RecursionLimitExceeded => {
                let (line, column) = point(*error.marker(), end);
                Err(too_deep(Location::at(line, column)))
            }
            Err(error) => Err(explain(&error, text, end)),
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

struct Builder<'p> {
    text: &'p str,
    /// Where the text ends.
    end: Location,
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

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Problem> {
        let at = self.location(span);
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    let problem = Problem::at(at, "a second YAML document begins here");
                    let help = "a file has one document: remove the `---`, and put several jobs into a list under `jobs:`";
                    return Err(problem.help(help));
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                // A missing value has no characters; the parser reports it as an empty text or as `~`.
                let absent = style == ScalarStyle::Plain && span.start == span.end;
                let node = if absent {
                    self.absent(anchor, tag.as_deref(), span)
                } else {
                    let style = self.style_of(style, tag.as_deref(), span);
                    Node::new(at, NodeKind::Scalar(Scalar { style, text: text.into_owned() }))
                };
                self.attach(Rc::new(node), anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), "seq", span);
                self.begin(at, anchor, Children::Sequence(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), "map", span);
                self.begin(at, anchor, Children::Mapping(OpenMapping::default()))
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(at),
            Event::Alias(anchor) => self.alias(anchor, at),
            _ => Ok(()),
        }
    }

    fn location(&self, span: Span) -> Location {
        Location::between(point(span.start, self.end), point(span.end, self.end))
    }

    /// Returns the value of a key without one. An anchor or a tag without a value was meant as text.
    fn absent(&mut self, anchor: usize, tag: Option<&Tag>, span: Span) -> Node {
        let at = self.location(span);
        if let Some(tag) = tag {
            let style = self.style_of(ScalarStyle::Plain, Some(tag), span);
            if tag.is_yaml_core_schema() {
                return Node::new(at, NodeKind::Scalar(Scalar { text: String::new(), style }));
            }
        } else if anchor != 0 {
            let before = span.end.byte_offset().and_then(|end| self.text.get(..end));
            let name = before.and_then(|before| before.rsplit('&').next()).unwrap_or_default();
            let (line, column) = (at.line, at.column);
            let start = column.saturating_sub(name.chars().count() as u32 + 1).max(1);
            let at = Location::between((line, start), (line, column));
            let what = format!("the anchor {} has no value", quoted(&format!("&{name}")));
            let help = "write the value after it; text that begins with `&` needs quotes";
            self.problems.add(Problem::at(at, what).help(help));
        } else {
            let nothing = Scalar { text: String::new(), style: Style::Absent };
            return Node::new(self.awaiting_key().unwrap_or(at), NodeKind::Scalar(nothing));
        }
        Node::new(at, NodeKind::Refused)
    }

    /// Returns how a scalar is read. `!!str` makes it text; the other core tags change nothing.
    fn style_of(&mut self, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Style {
        const CORE_TAGS: [&str; 4] = ["int", "float", "bool", "null"];
        let core = tag.filter(|tag| tag.is_yaml_core_schema()).map(Tag::suffix);
        match tag {
            None if style == ScalarStyle::Plain => Style::Plain,
            None if style == ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
            None => Style::Text,
            Some(_) if core == Some("str") => Style::Text,
            Some(_) if core.is_some_and(|core| CORE_TAGS.contains(&core)) => Style::Plain,
            Some(tag) => {
                self.refuse_tag(tag, span);
                Style::Text
            }
        }
    }

    fn check_tag(&mut self, tag: Option<&Tag>, core: &str, span: Span) {
        match tag {
            Some(tag) if !(tag.is_yaml_core_schema() && tag.suffix() == core) => {
                self.refuse_tag(tag, span);
            }
            _ => {}
        }
    }

    fn refuse_tag(&mut self, tag: &Tag, span: Span) {
        let at = self.location(span.tag_span().unwrap_or(span));
        let what = format!("the tag {} is not known", quoted(&tag.original()));
        let help = "remove it; text that begins with `!` needs quotes";
        self.problems.add(Problem::at(at, what).help(help));
    }

    fn awaiting_key(&self) -> Option<Location> {
        match &self.open.last()?.content {
            Children::Mapping(mapping) => mapping.awaiting_key(),
            Children::Sequence(_) => None,
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

fn too_deep(at: Location) -> Problem {
    Problem::at(at, format!("more than {MAX_DEPTH} levels of nesting"))
}
