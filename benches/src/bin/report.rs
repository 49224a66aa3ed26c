//! Prints all results of the benches as Markdown, the table of the README first, and draws its plot:
//!
//! ```text
//! report [--fastest] [PLOT.svg] [CRITERION-FOLDER]
//! ```
//!
//! The default plot is `benches/results/trees.svg`, the default folder that of the last `cargo bench`. `--fastest` takes the
//! fastest sample of each bench in place of the median, because other programs on the machine can only slow a sample down.

use std::{env, fs, io, path::PathBuf};

use slproof_benches::{
    plot::plot,
    results::{Measured, Results, Statistic, processor},
};

const TREE_PEERS: [&str; 2] = ["zksync_mini_merkle_tree", "rs_merkle"];

/// The number of leaves of the trees in the table of the README.
const LARGE: u64 = 1 << 20;

fn main() -> io::Result<()> {
    let (flags, paths): (Vec<_>, Vec<_>) = env::args().skip(1).partition(|a| a.starts_with("--"));
    let (statistic, words) = match flags.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => (Statistic::Median, "Medians"),
        ["--fastest"] => (Statistic::Fastest, "The fastest samples"),
        _ => return Err(io::Error::other("the only flag is --fastest")),
    };
    let mut paths = paths.into_iter().map(PathBuf::from);
    let svg = paths
        .next()
        .unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/results/trees.svg").into());
    let target = || {
        env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/target").into(), PathBuf::from)
    };
    let folder = paths.next().unwrap_or_else(|| target().join("criterion"));
    let results = Results::read(&folder, statistic).map_err(|error| {
        let message = format!("{}: {error}; run cargo bench first", folder.display());
        io::Error::new(error.kind(), message)
    })?;
    let processor = processor();

    println!("{processor}. {words}.\n");
    readme(&results);
    keccak(&results);
    build(&results);
    pivot(&results, "chains", "2^16 leaves in chains of", "leaf");
    pivot(&results, "path", "one path out of a tree of", "path");
    pivot(&results, "past-build", "a tree of height 32 of", "leaf");
    pivot(&results, "past-path", "10,000 paths against past roots of", "path");
    pivot(&results, "logs", "logs in a batch", "batch");
    for group in ["blobs/decode", "blobs/hash"] {
        pivot(&results, group, group, "blob");
    }
    if let Some(plot) = plot(&results, &processor) {
        if let Some(folder) = svg.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(svg, plot)?;
    }
    Ok(())
}

/// What slproof does beside the fastest other library.
fn readme(results: &Results) {
    let all = results.threads();
    println!("| | slproof, 1 thread | {all} threads | the fastest of the others |");
    println!("| --- | ---: | ---: | ---: |");
    let keccak = results.of("keccak/64").filter(|m| m.function.starts_with("slproof-"));
    let best = keccak.min_by(|a, b| a.nanoseconds.total_cmp(&b.nanoseconds));
    let rows = [
        ("Keccak-256 of 64 bytes, of many", "keccak/64", best.map(|m| m.function.clone()), 0),
        ("a tree of 2^20 leaves", "build", Some("slproof-1".into()), LARGE),
        ("a path out of it", "path", Some("slproof".into()), LARGE),
        ("a path against a past root of it", "past-path", Some("slproof".into()), LARGE),
    ];
    for (name, group, ours, value) in rows {
        let of_group = || results.of(group).filter(move |m| m.value == value);
        let others = of_group().filter(|m| !m.function.starts_with("slproof"));
        let other = others.min_by(|a, b| a.nanoseconds.total_cmp(&b.nanoseconds));
        let own = ours.and_then(|ours| of_group().find(|m| m.function == ours));
        let (Some(own), Some(other)) = (own, other) else { continue };
        // Of a tree, the time for all leaves; of the others, that for each.
        let shown = |m: &Measured| time(if group == "build" { m.nanoseconds } else { m.each() });
        let with_all = of_group().find(|m| m.function == format!("slproof-{all}"));
        println!(
            "| {name} | {} | {} | {} ({}) |",
            shown(own),
            with_all.filter(|_| group == "build").map_or(String::new(), shown),
            shown(other),
            other.function,
        );
    }
    println!();
}

/// Nanoseconds per hash by backend and length, and their ratio to those of tiny-keccak.
fn keccak(results: &Results) {
    let Some(scalar) = results.find("keccak/64", "tiny-keccak", 0).map(Measured::each) else {
        return;
    };
    println!(
        "| Keccak-256 of many | 64 bytes | 88 | 96 | × tiny-keccak at 64 | instructions at 64 |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    let mut rows: Vec<_> = results.of("keccak/64").collect();
    rows.sort_by(|a, b| a.nanoseconds.total_cmp(&b.nanoseconds));
    for row in rows {
        let at = |length: u32| {
            let measured = results.find(&format!("keccak/{length}"), &row.function, 0);
            measured.map_or(String::new(), |m| format!("{:.1} ns", m.each()))
        };
        let backend = row.function.strip_prefix("slproof-").unwrap_or_default();
        let instructions = results.instructions.get(backend);
        println!(
            "| {} | {} | {} | {} | {:.2} | {} |",
            row.function,
            at(64),
            at(88),
            at(96),
            scalar / row.each(),
            instructions.map_or(String::new(), |count| format!("{count:.0}")),
        );
    }
    println!();
}

/// The time to build a tree by number of leaves: slproof, other libraries, limit.
fn build(results: &Results) {
    let all = results.threads();
    let (Some(one_limit), Some(limit)) = (results.limit(1), results.limit(all)) else { return };
    println!(
        "The limit, two hashes a leaf: {:.1} M leaves/s on one thread, {:.1} on {all}.\n",
        1e3 / one_limit,
        1e3 / limit,
    );
    let ours = [
        "slproof-1".to_owned(),
        "slproof-into-1".to_owned(),
        format!("slproof-{all}"),
        format!("slproof-into-{all}"),
    ];
    println!(
        "| leaves | {} | {} | of the limit, 1 thread | {all} threads | × {} per core |",
        ours.join(" | "),
        TREE_PEERS.join(" | "),
        TREE_PEERS[0],
    );
    println!("|{}", " ---: |".repeat(ours.len() + TREE_PEERS.len() + 4));
    for leaves in results.values("build") {
        let each = |function: &str| results.find("build", function, leaves).map(Measured::each);
        let share = |function: &str, into: &str, limit: f64| match (each(function), each(into)) {
            (Some(fresh), Some(into)) => {
                format!("{:.0} % (into {:.0} %)", 100.0 * limit / fresh, 100.0 * limit / into)
            }
            _ => String::new(),
        };
        let ratio = match (each(TREE_PEERS[0]), each(&ours[0])) {
            (Some(peer), Some(own)) => format!("{:.1}", peer / own),
            _ => String::new(),
        };
        let functions = ours.iter().map(String::as_str).chain(TREE_PEERS);
        let cells: Vec<_> = functions
            .map(|f| {
                results.find("build", f, leaves).map_or(String::new(), |m| time(m.nanoseconds))
            })
            .collect();
        println!(
            "| {} | {} | {} | {} | {ratio} |",
            count(leaves),
            cells.join(" | "),
            share(&ours[0], &ours[1], one_limit),
            share(&ours[2], &ours[3], limit),
        );
    }
    println!();
}

/// A group without changes: a row for each value, a column for each function.
fn pivot(results: &Results, group: &str, head: &str, element: &str) {
    let mut functions: Vec<&str> = Vec::new();
    for measured in results.of(group) {
        if !functions.contains(&measured.function.as_str()) {
            functions.push(&measured.function);
        }
    }
    if functions.is_empty() {
        return;
    }
    functions.sort_unstable_by_key(|name| (!name.starts_with("slproof"), *name));
    println!("Time a {element}:\n\n| {head} | {} |", functions.join(" | "));
    println!("|{}", " ---: |".repeat(functions.len() + 1));
    for value in results.values(group) {
        let cells = functions.iter().map(|function| {
            results.find(group, function, value).map_or(String::new(), |m| time(m.each()))
        });
        println!("| {} | {} |", count(value), cells.collect::<Vec<_>>().join(" | "));
    }
    println!();
}

fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        ..1e2 => format!("{nanoseconds:.1} ns"),
        ..1e3 => format!("{nanoseconds:.0} ns"),
        ..1e6 => format!("{:.1} µs", nanoseconds / 1e3),
        ..1e9 => format!("{:.1} ms", nanoseconds / 1e6),
        _ => format!("{:.2} s", nanoseconds / 1e9),
    }
}

fn count(value: u64) -> String {
    match value {
        0 => "–".into(),
        1024.. if value.is_power_of_two() => format!("2^{}", value.ilog2()),
        _ => value.to_string(),
    }
}
