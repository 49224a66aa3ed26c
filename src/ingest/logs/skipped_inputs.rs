use crate::{
    ingest::IndexError,
    primitives::{BatchNumber, ChainId},
};

/// The most errors kept.
pub(super) const MOST_KEPT: usize = 100;

/// The parts that were left out of an archive: the first hundred errors, and the total number of parts.
#[derive(Debug, Default)]
pub struct SkippedInputs {
    kept: Vec<IndexError>,
    count: u64,
    incomplete: u64,
    need_roots: bool,
}

impl SkippedInputs {
    pub(super) fn add(&mut self, error: IndexError) {
        self.count = self.count.saturating_add(error.parts());
        self.incomplete += u64::from(matches!(error, IndexError::Incomplete { .. }));
        self.need_roots |= error.needs_roots();
        if self.kept.len() < MOST_KEPT {
            self.kept.push(error);
        }
    }

    /// Counts errors after [`MOST_KEPT`] others.
    pub(super) fn count_more(&mut self, errors: u64) {
        self.count += errors;
    }

    /// The total number of parts. Batches of the settlement layer that are missing on L1 have one error and count each.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many of them are batches whose logs do not fold to their root.
    #[must_use]
    pub fn incomplete(&self) -> u64 {
        self.incomplete
    }

    /// Whether some were left out only because they do not name their chain or their batches.
    #[must_use]
    pub fn need_roots(&self) -> bool {
        self.need_roots
    }

    /// The first errors.
    #[must_use]
    pub fn first(&self) -> &[IndexError] {
        &self.kept
    }

    /// Why a batch was left out, if that is among the first errors and names the batch. An error about a whole file names
    /// none.
    #[must_use]
    pub fn of_batch(&self, chain: ChainId, batch: BatchNumber) -> Option<&IndexError> {
        self.kept.iter().find(|error| error.batch() == Some((chain, batch)))
    }

    /// What the message has to add that something is not in the archive; nothing if no part was left out.
    #[must_use]
    pub fn note(&self) -> String {
        match self.count {
            0 => String::new(),
            1 => "; a part that may have it was left out of the archive".into(),
            parts => format!("; {parts} parts that may have it were left out of the archive"),
        }
    }

    /// The first errors, owned.
    #[must_use]
    pub fn into_first(self) -> Vec<IndexError> {
        self.kept
    }
}
