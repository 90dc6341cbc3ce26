//! No circle of imports between the files of a module: a reader can start at the files that import nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::architecture::source_files;

/// A path like `["pipeline", "limits", "slots"]`.
type ModulePath = Vec<String>;

/// Which files each file imports.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// What is shipped of the source.
struct Source {
    /// The file and text of each module.
    modules: BTreeMap<ModulePath, (String, String)>,
    /// What each module imports under a name, also to re-export it.
    names: BTreeMap<(ModulePath, String), ModulePath>,
}

impl Source {
    fn read() -> Self {
        let modules: BTreeMap<ModulePath, (String, String)> = source_files()
            .into_iter()
            .filter(|file| !matches!(file.module(), "lib" | "main"))
            .map(|file| (module_path(&file.path), (file.path.clone(), file.shipped())))
            .collect();
        let mut source = Self { modules, names: BTreeMap::new() };
        for (module, (_, text)) in &source.modules {
            for (path, _) in used_paths(text) {
                let (Some(name), Some(full)) = (path.last(), source.absolute(module, &path)) else {
                    continue;
                };
                source.names.insert((module.clone(), name.clone()), full);
            }
        }
        source
    }

    /// Returns a path from the root of the crate; none if it leads out of the crate.
    fn absolute(&self, module: &[String], path: &[String]) -> Option<ModulePath> {
        let mut base = module.to_vec();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => (base, rest) = (Vec::new(), &path[1..]),
            "self" => rest = &path[1..],
            "super" => {
                while rest.first().is_some_and(|part| part == "super") {
                    base.pop();
                    rest = &rest[1..];
                }
            }
            child => {
                base.push(child.to_owned());
                rest = &path[1..];
                self.modules.get(&base)?;
            }
        }
        base.extend(rest.iter().cloned());
        Some(base)
    }

    /// Returns the file in which a path's item is, through re-exports.
    fn file_of(&self, path: &[String]) -> Option<&str> {
        let mut path = path.to_vec();
        // A re-export may lead to another one; none leads through more than these.
        for _ in 0..8 {
            let len =
                (1..=path.len()).rev().find(|len| self.modules.contains_key(&path[..*len]))?;
            let (module, rest) = path.split_at(len);
            let name = rest.first().map(|name| (module.to_vec(), name.clone()));
            match name.and_then(|name| self.names.get(&name)) {
                Some(full) if *full != path => path = [full.as_slice(), &rest[1..]].concat(),
                _ => return self.modules.get(module).map(|(file, _)| file.as_str()),
            }
        }
        None
    }

    /// Returns the imports between the files of one module at the top.
    fn graph(&self, top: &str) -> Graph {
        let mut graph = Graph::new();
        for (module, (file, text)) in self.modules.iter().filter(|(module, _)| module[0] == top) {
            // A re-export shows an item to others, and uses it for nothing.
            let used = used_paths(text).into_iter().filter(|(_, is_re_export)| !is_re_export);
            let paths = used.map(|(path, _)| path).chain(inline_paths(text));
            let targets = paths
                .filter_map(|path| self.absolute(module, &path))
                .filter(|path| path.first().is_some_and(|first| first == top))
                .filter_map(|path| self.file_of(&path))
                .filter(|target| target != file)
                .map(str::to_owned);
            graph.insert(file.clone(), targets.collect());
        }
        graph
    }
}

fn module_path(file: &str) -> ModulePath {
    let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').map(str::to_owned).collect()
}

/// The paths of the `use` items, without groups, each with whether it is a re-export.
fn used_paths(text: &str) -> Vec<(Vec<String>, bool)> {
    let mut paths = Vec::new();
    for statement in text.split(';') {
        let Some(at) = statement.rfind("use ").filter(|at| {
            let before = &statement[..*at];
            before.is_empty() || before.ends_with(['\n', ' '])
        }) else {
            continue;
        };
        let line = statement[..at].lines().next_back().unwrap_or_default();
        let is_re_export = line.trim_start().starts_with("pub");
        paths.extend(expand(&statement[at + 4..]).into_iter().map(|path| (path, is_re_export)));
    }
    paths
}

/// `a::{b, c::d}` is `a::b` and `a::c::d`.
fn expand(tree: &str) -> Vec<Vec<String>> {
    let tree = tree.trim();
    let (head, group) = match tree.split_once('{') {
        Some((head, group)) => (head, group.strip_suffix('}')),
        None => (tree, None),
    };
    let head = head.split(" as ").next().unwrap_or_default();
    let prefix: Vec<String> = head
        .split("::")
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect();
    let Some(group) = group else { return vec![prefix] };
    let (mut depth, mut start, mut members) = (0_usize, 0, Vec::new());
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                members.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    members.push(&group[start..]);
    let members = members.into_iter().filter(|member| !member.trim().is_empty());
    members
        .flat_map(expand)
        .map(|member| {
            let itself = member == ["self"];
            prefix.iter().cloned().chain(member.into_iter().filter(|_| !itself)).collect()
        })
        .collect()
}

/// Paths in code that begin with `crate`, `super` or `self`.
fn inline_paths(text: &str) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    let is_use = |statement: &&str| {
        statement.trim_start().trim_start_matches("pub(crate) ").starts_with("use ")
            || statement.trim_start().starts_with("pub use ")
    };
    let text: String = text.split(';').filter(|statement| !is_use(statement)).collect();
    for start in ["crate::", "super::", "self::"] {
        for (at, _) in text.match_indices(start) {
            let before = text[..at].chars().next_back();
            if before.is_some_and(|letter| letter.is_alphanumeric() || "_:".contains(letter)) {
                continue;
            }
            let is_path = |letter: &char| letter.is_alphanumeric() || "_:".contains(*letter);
            let path: String = text[at..].chars().take_while(is_path).collect();
            let parts = path.split("::").filter(|part| !part.is_empty()).map(str::to_owned);
            paths.push(parts.collect());
        }
    }
    paths
}

/// Returns the nodes that are in a circle, or between two circles.
fn circles(mut graph: Graph) -> Vec<String> {
    loop {
        let targets: BTreeSet<String> = graph.values().flatten().cloned().collect();
        let left: BTreeSet<String> = graph
            .iter()
            .filter(|(node, imports)| !imports.is_empty() && targets.contains(*node))
            .map(|(node, _)| node.clone())
            .collect();
        let is_done = left.len() == graph.len();
        graph.retain(|node, _| left.contains(node));
        graph.values_mut().for_each(|imports| imports.retain(|import| left.contains(import)));
        if is_done {
            break;
        }
    }
    let shown = |(node, imports): (&String, &BTreeSet<String>)| {
        format!("{node} imports {}", imports.iter().cloned().collect::<Vec<_>>().join(", "))
    };
    graph.iter().map(shown).collect()
}

#[test]
fn files_of_a_module_import_each_other_in_no_circle() {
    let source = Source::read();
    let tops: BTreeSet<&String> = source.modules.keys().map(|module| &module[0]).collect();
    let mut errors = Vec::new();
    for top in tops {
        errors.extend(circles(source.graph(top)));
    }
    assert!(errors.is_empty(), "circles of imports:\n  {}", errors.join("\n  "));
}

#[test]
fn folders_of_the_pipeline_import_each_other_in_no_circle() {
    let folder =
        |file: &str| file.split('/').nth(1).unwrap_or_default().trim_end_matches(".rs").to_owned();
    let mut folders = Graph::new();
    for (file, targets) in Source::read().graph("pipeline") {
        let from = folder(&file);
        // Its own `mod.rs` re-exports what the crate uses.
        if from == "mod" {
            continue;
        }
        let others = targets.iter().map(|target| folder(target)).filter(|other| *other != from);
        folders.entry(from.clone()).or_default().extend(others);
    }
    assert!(folders.len() > 8, "{folders:?}");
    assert_eq!(circles(folders), Vec::<String>::new());
}

#[test]
fn use_items_are_read_with_groups_and_re_exports() {
    let text =
        "\nuse super::{self, a::B, c::{D, E as F}};\npub(crate) use x::Y;\nfn f() { super::z::G }";
    let joined = |paths: Vec<Vec<String>>| -> Vec<String> {
        paths.into_iter().map(|path| path.join("::")).collect()
    };
    let used = used_paths(text);
    assert_eq!(used.iter().filter(|(_, is_re_export)| *is_re_export).count(), 1);
    assert_eq!(
        joined(used.into_iter().map(|(path, _)| path).collect()),
        ["super", "super::a::B", "super::c::D", "super::c::E", "x::Y"]
    );
    assert!(joined(inline_paths(text)).contains(&"super::z::G".to_owned()));
    let source = Source::read();
    assert!(source.graph("pipeline").values().map(BTreeSet::len).sum::<usize>() > 100);
    let path = ["pipeline", "Settings"].map(str::to_owned);
    assert_eq!(source.file_of(&path), Some("pipeline/settings.rs"));
}
