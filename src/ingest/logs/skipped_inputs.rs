use crate::ingest::IndexError;

/// How many are kept to be shown.
const MOST_KEPT: usize = 100;

/// What was left out of an archive, and why: the first hundred, and how many there were.
#[derive(Debug, Default)]
pub struct SkippedInputs {
    kept: Vec<IndexError>,
    count: u64,
}

impl SkippedInputs {
    pub(super) fn add(&mut self, error: IndexError) {
        self.count += 1;
        if self.kept.len() < MOST_KEPT {
            self.kept.push(error);
        }
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The first of them.
    #[must_use]
    pub fn first(&self) -> &[IndexError] {
        &self.kept
    }

    /// The first of them, to be kept.
    #[must_use]
    pub fn into_first(self) -> Vec<IndexError> {
        self.kept
    }
}
