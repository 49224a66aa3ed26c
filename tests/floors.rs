//! The architecture, enforced: floors, file sizes, names, and where `unsafe` may stand.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The floor of every module; a module imports only from floors below its own.
const FLOORS: [(&str, u8); 13] = [
    ("primitives", 0),
    ("keccak", 1),
    ("files", 1),
    ("merkle", 2),
    ("state", 3),
    ("contracts", 4),
    ("snapshot", 5),
    ("import", 6),
    ("forest", 7),
    ("anchor", 8),
    ("messages", 7),
    ("proofs", 9),
    ("cli", 10),
];

/// The only files that may say `unsafe`.
const UNSAFE: [&str; 3] = ["files/lost_pages.rs", "files/map.rs", "keccak/backend.rs"];

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

fn floor(module: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == module).map(|(_, floor)| *floor)
}

/// The modules of this crate that a text names in paths: `crate::m`, `crate::{m::…, n}`.
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
fn imports_run_downwards() {
    assert_eq!(imports("use crate::a::B;"), ["a"]);
    assert_eq!(imports("use crate::{a::{B, c}, d, e::F};"), ["a", "d", "e"]);
    for (file, module, text) in modules() {
        let Some(own) = floor(&module) else {
            assert!(["lib.rs", "main.rs"].contains(&file.as_str()), "{file} stands on no floor");
            continue;
        };
        for import in imports(&text) {
            let Some(other) = floor(&import) else { continue };
            assert!(
                import == module || other < own,
                "{file} (floor {own}) imports {import} (floor {other})"
            );
        }
    }
}

#[test]
fn lib_declares_the_modules_from_the_bottom_up() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let floors: Vec<u8> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .map(|module| floor(module).unwrap())
        .collect();
    assert!(floors.len() > 9 && floors.is_sorted(), "{floors:?}");
}

#[test]
fn files_are_short_and_rooms_have_names() {
    for (file, _, text) in modules() {
        let lines = text.lines().count();
        assert!(lines <= MOST_LINES, "{file} has {lines} lines, {MOST_LINES} are allowed");
        for part in file.trim_end_matches(".rs").split('/') {
            assert!(!BANNED.contains(&part), "{file}: {part} says nothing about what is in it");
        }
    }
}

/// Flags are the command line's; whoever uses the library has none to give.
#[test]
fn texts_of_the_library_name_no_flags() {
    for (file, module, text) in modules().into_iter().filter(|(_, module, _)| module != "cli") {
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let names_flag = |line: &str| {
            let mut behind = line.split("--").skip(1);
            behind.any(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()))
        };
        let found: Vec<_> = code.filter(|line| names_flag(line)).collect();
        assert!(found.is_empty(), "{file} ({module}): {found:?}");
    }
}

#[test]
fn unsafe_stands_only_where_it_is_listed() {
    for (file, _, text) in modules() {
        let says_unsafe =
            text.lines().map(|line| line.split("//").next().unwrap_or_default()).any(|code| {
                code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w == "unsafe")
            });
        assert!(!says_unsafe || UNSAFE.contains(&file.as_str()), "{file} says unsafe");
    }
}
