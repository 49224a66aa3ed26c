//! The manual against the program and its source.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use slproof::FailureCode;

use crate::support::binary::run;

type Flags = BTreeSet<String>;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The text of a page of the manual.
fn page(name: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join("docs/src").join(name)).unwrap()
}

/// The commands in the help, without `help` itself.
fn commands() -> Vec<String> {
    let help = run(["--help"]).stdout;
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    // Continuation lines of descriptions have a larger indent.
    let names = commands
        .take_while(|line| line.starts_with("  "))
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

/// The long flags that a help text shows.
fn shown(help: &str) -> Flags {
    let flag = |line: &str| {
        // A flag stands at the indent 6, or at 2 after its letter. Descriptions have a larger indent.
        let short = || line.strip_prefix("  -")?.get(1..)?.strip_prefix(", --");
        let rest = line.strip_prefix("      --").or_else(short)?;
        flags_in(&format!("--{rest}")).into_iter().next()
    };
    help.lines().filter_map(flag).collect()
}

/// The long flags in a text.
fn flags_in(text: &str) -> Flags {
    let name = |rest: &str| -> String {
        rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect()
    };
    let names = text.split("--").skip(1).map(name);
    // Lines of tables have dashes without a name.
    names.filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase())).collect()
}

/// The flags that a page or section defines: those in its synopsis and in the first cells of its tables.
/// Other text may also name flags of other commands.
fn defined(text: &str) -> Flags {
    let synopsis = text.split("```text").nth(1).and_then(|rest| rest.split("```").next());
    let cells = text.lines().filter_map(|line| {
        // `\|` is a bar within a cell.
        let line = line.strip_prefix("| ")?.replace("\\|", "/");
        Some(line.split('|').next()?.to_owned())
    });
    cells.chain(synopsis.map(str::to_owned)).flat_map(|text| flags_in(&text)).collect()
}

/// The flags in the sections of the page of all commands, by heading.
fn sections(text: &str) -> BTreeMap<&str, Flags> {
    let sections = text.split("\n## ").skip(1);
    sections.filter_map(|section| Some((section.lines().next()?, defined(section)))).collect()
}

#[test]
fn every_command_and_flag_is_in_the_reference() {
    let all = page("reference/commands.md");
    let commands = commands();
    let listed: Vec<&str> = all
        .lines()
        .filter_map(|line| line.strip_prefix("| [`slproof ")?.split([' ', '`']).next())
        .collect();
    assert_eq!(listed, commands);

    let sections = sections(&all);
    let common = &sections["Flags of every command"];
    assert_eq!(*common, shown(&run(["--help"]).stdout), "flags of every command");
    let summary = page("SUMMARY.md");
    for command in &commands {
        // mdBook gives the name `index` to the first page of a folder.
        let file = if command == "index" { "index-command" } else { command };
        let name = format!("reference/commands/{file}.md");
        assert!(summary.contains(&format!("[{command}]({name})")), "{command}");
        let text = page(&name);
        assert!(text.starts_with(&format!("# {command}\n\n```text\nslproof {command}")), "{name}");

        let mut named = defined(&text);
        for (heading, flags) in &sections {
            if text.contains(&format!("commands.md#{}", heading.to_lowercase().replace(' ', "-"))) {
                named.extend(flags.iter().cloned());
            }
        }
        let common = common.iter().filter(|flag| *flag != "version");
        named.extend(common.cloned());
        assert_eq!(named, shown(&run([command.as_str(), "--help"]).stdout), "{command}");
    }
}

/// The test above finds nothing if it reads the wrong parts of a text.
#[test]
fn flags_are_found_in_help_and_tables() {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Flags>();
    let help = "  -o, --output <FILE>\n          --sender is not one\n      --max-gap <N>\n";
    assert_eq!(shown(help), set(&["output", "max-gap"]));
    let text = "```text\nslproof x --in FILE\n```\n| flag | in |\n| --- | --- |\n\
                | `-o`, `--out a\\|b --c` | not `--d` |\nNor `--e`.\n";
    assert_eq!(defined(text), set(&["in", "out", "c"]));
}

#[test]
fn every_failure_code_is_in_the_reference() {
    let text = page("reference/codes.md");
    let cell = |line: &str| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned());
    let listed: BTreeSet<String> = text.lines().filter_map(cell).collect();
    let codes: BTreeSet<String> = FailureCode::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(listed, codes);
}

/// Whether a source file declares this item, or this field of a public struct.
fn declares(source: &str, name: &str) -> bool {
    let name = name.rsplit("::").next().unwrap();
    ["fn", "struct", "enum", "const", "pub"].iter().any(|keyword| {
        let declaration = format!("{keyword} {name}");
        let mut found = source.match_indices(&declaration);
        found.any(|(at, _)| {
            let next = source[at + declaration.len()..].chars().next();
            next.is_none_or(|c| !c.is_alphanumeric() && c != '_')
        })
    })
}

/// In the tables of limits, names stand before their file: `NAME` (`file.rs`). In those of the architecture
/// they stand after it: `file.rs` `name`.
#[test]
fn files_and_names_of_the_source_exist() {
    for (name, is_before) in [("reference/limits.md", true), ("architecture.md", false)] {
        let text = page(name);
        let mut count = 0;
        for line in text.lines().filter(|line| line.starts_with("| ")) {
            // The odd parts stand between backticks.
            let parts: Vec<&str> = line.split('`').collect();
            for at in (1..parts.len()).step_by(2).filter(|at| parts[*at].ends_with(".rs")) {
                let file = Path::new(ROOT).join("src").join(parts[at]);
                let source =
                    fs::read_to_string(file).unwrap_or_else(|_| panic!("{name}: {}", parts[at]));
                let names = match (is_before, parts.get(at + 1)) {
                    (true, _) => (1..at).step_by(2).map(|at| parts[at]).collect(),
                    (false, Some(&" ")) => vec![parts[at + 2]],
                    (false, _) => Vec::new(),
                };
                for item in names {
                    assert!(declares(&source, item), "{name}: {} has no {item}", parts[at]);
                    count += 1;
                }
            }
        }
        assert!(count > 20, "{name}: {count}");
    }
}
