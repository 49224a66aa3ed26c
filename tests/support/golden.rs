//! Files of format versions that are read for ever.

use std::{fs, path::PathBuf};

use super::fixture;

/// The files that were made now have the bytes of the golden ones; `test` is where both are made.
pub fn are_written(made: &[PathBuf], golden: &[&str], test: &str) {
    assert_eq!(made.len(), golden.len());
    for (made, file) in made.iter().zip(golden) {
        assert!(
            fs::read(made).unwrap() == fs::read(fixture(file)).unwrap(),
            "{file} differs from what is written now. If the format was meant to change, raise its \
             version, keep this file for the reader, and make a new one: \
             cargo test --test {test} -- --ignored regenerate"
        );
    }
}

/// Makes the golden files anew.
pub fn regenerate(made: &[PathBuf], golden: &[&str]) {
    for (made, file) in made.iter().zip(golden) {
        fs::copy(made, fixture(file)).unwrap();
    }
}
