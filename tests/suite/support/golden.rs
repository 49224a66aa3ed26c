//! Golden files: one file of every format version, which must stay readable.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::fixture;

/// Asserts that the files that `make` writes to a directory equal the golden ones. `module` is the path of
/// the module whose test `regenerate` writes the golden files.
pub fn are_written<const N: usize>(
    make: impl Fn(&Path) -> [PathBuf; N],
    golden: &[&str; N],
    module: &str,
) {
    let folder = tempfile::tempdir().unwrap();
    let made = make(folder.path());
    let (_, module) = module.split_once("::").unwrap();
    for (made, file) in made.iter().zip(golden) {
        assert!(
            fs::read(made).unwrap() == fs::read(fixture(file)).unwrap(),
            "{file} differs from what is written now. If the format was meant to change, raise its \
             version, keep this file for the reader, and make a new one: \
             cargo test --test suite -- --ignored {module}::regenerate"
        );
    }
}

/// Writes the golden files again.
pub fn regenerate<const N: usize>(make: impl Fn(&Path) -> [PathBuf; N], golden: &[&str; N]) {
    let folder = tempfile::tempdir().unwrap();
    for (made, file) in make(folder.path()).iter().zip(golden) {
        fs::copy(made, fixture(file)).unwrap();
    }
}
