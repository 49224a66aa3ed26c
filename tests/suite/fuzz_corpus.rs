//! The corpora of the fuzzers, without a fuzzer.

use std::{collections::BTreeSet, fs, path::Path};

use crate::fuzz::TARGETS;

/// The package in `fuzz/`. A published package does not have it.
fn package() -> Option<std::path::PathBuf> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    package.is_dir().then_some(package)
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    let stem = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    entries.map(|entry| stem(&entry.unwrap().path())).collect()
}

#[test]
fn every_target_has_a_binary_and_a_corpus() {
    let Some(package) = package() else { return };
    let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names(&package.join("fuzz_targets")), targets);
    assert_eq!(names(&package.join("corpus")), targets);
    let manifest = fs::read_to_string(package.join("Cargo.toml")).unwrap();
    for name in targets {
        assert!(manifest.contains(&format!("name = \"{name}\"\n")), "{name} is not in Cargo.toml");
    }
}

#[test]
fn no_target_finds_a_fault_in_its_corpus() {
    let Some(package) = package() else { return };
    for (name, run) in TARGETS {
        let corpus = package.join("corpus").join(name);
        let mut inputs: Vec<_> =
            fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
        inputs.sort();
        assert!(!inputs.is_empty(), "{name} has a corpus");
        for input in inputs {
            println!("{}", input.display());
            run(&fs::read(input).unwrap());
        }
    }
}
