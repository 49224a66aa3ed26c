use rayon::prelude::*;

use super::{
    Entries, EntriesError, Entry, TrustedRoots, VerdictLine, VerdictsError,
    bulk_judge::{BulkJudge, SEGMENT},
};
use crate::{
    primitives::ordered::try_map,
    proof::{Hints, no_hints, reader::Defaults},
};

/// The number of segments that are verified at once, while as many are read. What is said of an input must not depend on
/// the number of threads.
const SEGMENTS: usize = 16;
/// The approximate maximum size of the records that are verified at once, in bytes.
const BYTES_AT_ONCE: usize = 64 << 20;

/// The verdicts on the records of an input, in their order, computed on all threads.
pub struct Verdicts {
    entries: Entries,
    /// The entries that were read while those before them were verified.
    ahead: Option<Result<Vec<(u64, Entry)>, EntriesError>>,
    /// The error after the verdicts that were returned.
    failed: Option<VerdictsError>,
    judge: BulkJudge,
}

impl Verdicts {
    /// Creates verdicts on these entries. `defaults` replace values that the records lack.
    #[must_use]
    pub fn new(entries: Entries, defaults: Defaults, roots: TrustedRoots) -> Self {
        let judge = BulkJudge { defaults, roots, hints: no_hints };
        Self { entries, ahead: None, failed: None, judge }
    }

    /// Appends hints to the messages of failures.
    #[must_use]
    pub fn with_hints(mut self, hints: Hints) -> Self {
        self.judge.hints = hints;
        self
    }

    /// The entries that are verified.
    #[must_use]
    pub fn entries(&self) -> &Entries {
        &self.entries
    }

    /// Returns the verdicts on the next entries, up to some thousands; an empty list after the last entry.
    /// `None` stands for the record of a failed request, which has no proof to verify.
    ///
    /// # Errors
    /// [`VerdictsError`] when the input or the state cannot be read, or when the input contains no record.
    pub fn next_chunk(&mut self) -> Result<Vec<Option<VerdictLine>>, VerdictsError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let threads = rayon::current_num_threads();
        while self.ahead.is_none() {
            let groups = self.entries.take_groups(threads);
            if groups.is_empty() {
                break;
            }
            let (verdicts, failed) = self.judge.groups(groups);
            self.failed = failed;
            if !verdicts.is_empty() {
                return Ok(verdicts);
            }
            if let Some(error) = self.failed.take() {
                return Err(error);
            }
        }
        let Self { entries, ahead, judge, .. } = self;
        let mut read = || entries.next_chunk(SEGMENT * SEGMENTS, BYTES_AT_ONCE);
        let chunk = match ahead.take() {
            Some(chunk) => chunk?,
            None => read()?,
        };
        if chunk.is_empty() {
            return Ok(Vec::new());
        }
        let segments =
            || try_map(chunk.into_par_iter().chunks(SEGMENT), |part| judge.verdicts(part));
        let (verdicts, next) = rayon::join(segments, read);
        *ahead = Some(next);
        Ok(verdicts?.into_iter().flatten().collect())
    }
}
