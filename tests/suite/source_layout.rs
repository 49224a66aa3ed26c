//! The layers of modules, circles of imports, the lengths and names of files, and where `unsafe` may be used.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The layer of every module; a module imports only from lower layers.
const LAYERS: [(&str, u8); 20] = [
    ("primitives", 0),
    ("keccak", 1),
    ("merkle", 2),
    ("message", 3),
    ("proof", 4),
    ("files", 4),
    ("state", 4),
    ("contracts", 5),
    ("snapshot", 6),
    ("archive", 6),
    ("ingest", 7),
    ("forest", 8),
    ("anchor", 9),
    ("records", 10),
    ("prove", 11),
    ("survey", 12),
    ("claims", 12),
    ("publish", 12),
    ("serve", 13),
    ("cli", 14),
];

/// The only files that may use `unsafe`.
const UNSAFE: [&str; 3] = ["files/map.rs", "files/sigbus.rs", "keccak/backend.rs"];

const MOST_LINES: usize = 500;
const BANNED: [&str; 5] = ["util", "utils", "common", "helper", "helpers"];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.append(&mut sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// Every source file: its path below `src`, its module, and its text.
fn modules() -> Vec<(String, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    sources(&root)
        .into_iter()
        .map(|path| {
            let relative = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
            let module = relative.split('/').next().unwrap().to_owned();
            (relative, module, fs::read_to_string(&path).unwrap())
        })
        .collect()
}

fn layer(module: &str) -> Option<u8> {
    LAYERS.iter().find(|(name, _)| *name == module).map(|(_, layer)| *layer)
}

/// A path to an item of another module, from the root, `super`, or a child module.
struct Import {
    path: Vec<String>,
    /// Whether it is exported again, as in `pub use`.
    is_exported: bool,
}

/// The imports of a text: every path of its `use` declarations, and every other path from the root or from
/// `super`.
fn imports(text: &str) -> Vec<Import> {
    let code: Vec<_> = text.lines().map(|line| line.split("//").next().unwrap()).collect();
    let (mut found, mut rest) = (Vec::new(), String::new());
    for statement in code.join("\n").split_inclusive(';') {
        let (before, tree) = statement.rsplit_once("use ").unwrap_or((statement, ""));
        let visibility = before.rsplit('\n').next().unwrap().trim();
        if tree.is_empty() || !(visibility.is_empty() || visibility.starts_with("pub")) {
            rest.push_str(statement);
            continue;
        }
        let mut paths = Vec::new();
        expand(&[], tree, &mut paths);
        let is_exported = !visibility.is_empty();
        found.extend(paths.into_iter().map(|path| Import { path, is_exported }));
        rest.push_str(before);
    }
    for start in ["crate::", "super::"] {
        for (at, _) in rest.match_indices(start) {
            let mut paths = Vec::new();
            expand(&[], &rest[at..], &mut paths);
            found.extend(paths.into_iter().map(|path| Import { path, is_exported: false }));
        }
    }
    found
}

/// Adds the paths of a tree of imports, such as `a::{b, c::D}`, to `paths`. Returns the text after it.
fn expand<'t>(prefix: &[String], tree: &'t str, paths: &mut Vec<Vec<String>>) -> &'t str {
    let mut tree = tree.trim_start();
    if let Some(list) = tree.strip_prefix('{') {
        tree = list;
        while !tree.trim_start().starts_with(['}', ';']) && !tree.is_empty() {
            tree = expand(prefix, tree, paths);
            tree = tree.strip_prefix(',').unwrap_or(tree);
        }
        return tree.trim_start().trim_start_matches('}');
    }
    let len = tree.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(tree.len());
    let (name, rest) = tree.split_at(len);
    let path = [prefix, &[name.to_owned()]].concat();
    match rest.strip_prefix("::") {
        Some(rest) if !name.is_empty() => expand(&path, rest, paths),
        _ => {
            paths.push(path);
            // `as` and a new name.
            rest.trim_start_matches(|c: char| !matches!(c, ',' | '}' | ';'))
        }
    }
}

/// Every file by its module, with its imports.
type Modules = BTreeMap<Vec<String>, Vec<Import>>;

/// The module in which the item of a path is defined. `None` for an item of another crate.
fn definition(files: &Modules, module: &[String], path: &[String]) -> Option<Vec<String>> {
    let child = |module: &[String], name: &String| {
        Some([module, std::slice::from_ref(name)].concat())
            .filter(|child| files.contains_key(child))
    };
    let (mut at, mut names) = (module.to_vec(), path);
    match path.first()?.as_str() {
        "crate" => (at, names) = (Vec::new(), &path[1..]),
        "super" => {
            while names.first().is_some_and(|name| name == "super") {
                (names, _) = (&names[1..], at.pop());
            }
        }
        _ => drop(child(module, &path[0])?),
    }
    while let Some(child) = names.first().and_then(|name| child(&at, name)) {
        (at, names) = (child, &names[1..]);
    }
    let Some(name) = names.first() else { return Some(at) };
    // A macro names items of its own module by their whole path.
    let is_again = |import: &&Import| import.path.last() == Some(name) && import.path != path;
    let mut again = files[&at].iter().filter(is_again);
    // A parent imports items of its children under the same name.
    let below = again.find_map(|import| {
        let found = definition(files, &at, &import.path)?;
        (found.len() > at.len()).then_some(found)
    });
    Some(below.unwrap_or(at))
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let files: Modules = modules()
        .into_iter()
        .filter(|(file, ..)| file != "main.rs")
        .map(|(file, _, text)| {
            let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
            let module = path.split('/').filter(|name| *name != "lib").map(str::to_owned).collect();
            let tests = ["#[cfg(test)]\nmod tests", "#[cfg(test)]\npub(super) mod tests"];
            let end = tests.iter().filter_map(|tests| text.find(tests)).min();
            (module, imports(&text[..end.unwrap_or(text.len())]))
        })
        .collect();
    let mut graph: BTreeMap<_, BTreeSet<_>> = files
        .iter()
        .map(|(module, imports)| {
            let found = imports.iter().filter_map(|import| {
                let found = definition(&files, module, &import.path)?;
                // What a parent exports for its children it need not use itself.
                let is_own = import.is_exported && found.starts_with(module);
                (found != *module && !is_own).then_some(found)
            });
            (module.clone(), found.collect())
        })
        .collect();
    assert!(graph.values().map(BTreeSet::len).sum::<usize>() > 1000, "most imports are found");
    // A file that imports none of the others, or that none of them imports, is in no circle.
    let mut before = 0;
    while graph.len() != before {
        before = graph.len();
        let imported: BTreeSet<_> = graph.values().flatten().cloned().collect();
        graph.retain(|module, imports| !imports.is_empty() && imported.contains(module));
        let left: BTreeSet<_> = graph.keys().cloned().collect();
        graph.values_mut().for_each(|imports| imports.retain(|import| left.contains(import)));
    }
    assert!(graph.is_empty(), "circles of imports, and files between them: {graph:?}");
}

#[test]
fn modules_import_only_from_lower_layers() {
    let paths = |text: &str| -> Vec<_> {
        imports(text).iter().map(|import| import.path.join("::")).collect()
    };
    assert_eq!(paths("use crate::a::B as C;"), ["crate::a::B"]);
    let list = "//! use x;\npub use crate::{a::{B, c}, d, e::F};\nfn f(g: super::h::I<'_>) {}";
    let expected = ["crate::a::B", "crate::a::c", "crate::d", "crate::e::F", "super::h::I"];
    assert_eq!(paths(list), expected);
    for (file, module, text) in modules() {
        let Some(own) = layer(&module) else {
            assert!(["lib.rs", "main.rs"].contains(&file.as_str()), "{file} has no layer");
            continue;
        };
        for Import { path, .. } in imports(&text) {
            let Some(import) = path.get(1).filter(|_| path[0] == "crate") else { continue };
            let Some(other) = layer(import) else { continue };
            assert!(
                *import == module || other < own,
                "{file} (layer {own}) imports {import} (layer {other})"
            );
        }
    }
}

#[test]
fn lib_declares_modules_in_layer_order() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let layers: Vec<u8> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .map(|module| layer(module).unwrap())
        .collect();
    assert!(layers.len() > 9 && layers.is_sorted(), "{layers:?}");
}

#[test]
fn source_layout_is_kept() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in ["src", "tests", "examples"].iter().flat_map(|folder| sources(&root.join(folder))) {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        let file = file.strip_prefix(root).unwrap().with_extension("");
        assert!(lines <= MOST_LINES, "{file:?} has {lines} lines, {MOST_LINES} are allowed");
        for part in file.iter().map(|part| part.to_str().unwrap()) {
            assert!(!BANNED.contains(&part), "{file:?}: {part} does not describe the content");
        }
    }
}

/// Flags belong to the command line: users of the library cannot pass them.
#[test]
fn library_texts_name_no_flags() {
    for (file, module, text) in modules().into_iter().filter(|(_, module, _)| module != "cli") {
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let names_flag = |line: &str| {
            let mut after = line.split("--").skip(1);
            after.any(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()))
        };
        let found: Vec<_> = code.filter(|line| names_flag(line)).collect();
        assert!(found.is_empty(), "{file} ({module}): {found:?}");
    }
}

#[test]
fn unsafe_is_used_only_in_listed_files() {
    for (file, _, text) in modules() {
        let uses_unsafe =
            text.lines().map(|line| line.split("//").next().unwrap_or_default()).any(|code| {
                code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w == "unsafe")
            });
        assert!(!uses_unsafe || UNSAFE.contains(&file.as_str()), "{file} uses unsafe");
    }
}

/// A name may hold anything, so messages show it escaped.
#[test]
fn paths_are_shown_in_one_way() {
    for (file, _, text) in modules() {
        assert!(!text.contains(".display()"), "{file}: show the path with ShowPath");
    }
}
