//! The layers of modules, the lengths and names of files, and where `unsafe` may be used.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The layer of every module; a module imports only from lower layers.
const LAYERS: [(&str, u8); 16] = [
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
    ("cli", 12),
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

/// The modules of this crate that occur in paths of a text: `crate::m`, `crate::{m::…, n}`.
fn imports(text: &str) -> Vec<String> {
    let code: String = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join(" ");
    let mut found = Vec::new();
    for rest in code.split("crate::").skip(1) {
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        match rest.strip_prefix('{') {
            None => found.push(rest.split(|c| !is_name(c)).next().unwrap().to_owned()),
            Some(list) => {
                let (mut depth, mut name, mut at_start) = (0, String::new(), true);
                for c in list.chars() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => at_start = true,
                        c if is_name(c) && depth == 0 && at_start => name.push(c),
                        c if !c.is_whitespace() && !name.is_empty() => at_start = false,
                        _ => {}
                    }
                    if !at_start || (c == ',' && depth == 0) {
                        found.extend((!name.is_empty()).then(|| std::mem::take(&mut name)));
                    }
                }
                found.extend((!name.is_empty()).then_some(name));
            }
        }
    }
    found
}

#[test]
fn modules_import_only_from_lower_layers() {
    assert_eq!(imports("use crate::a::B;"), ["a"]);
    assert_eq!(imports("use crate::{a::{B, c}, d, e::F};"), ["a", "d", "e"]);
    for (file, module, text) in modules() {
        let Some(own) = layer(&module) else {
            assert!(["lib.rs", "main.rs"].contains(&file.as_str()), "{file} has no layer");
            continue;
        };
        for import in imports(&text) {
            let Some(other) = layer(&import) else { continue };
            assert!(
                import == module || other < own,
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
