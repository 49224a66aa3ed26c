use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc,
        mpsc::{self, Receiver},
    },
    thread,
};

use super::{
    Entries, Entry, TrustedRoots, VerdictLine, VerdictsError,
    bulk_judge::{BulkJudge, Failed, Judged, SEGMENT, SEGMENT_BYTES},
};
use crate::proof::{Hints, no_hints, reader::Defaults};

/// The maximum number of parts of an input that are verified at once, for each thread: one that is verified, and another,
/// so that no thread waits for this one to read the next.
const PARTS_PER_THREAD: usize = 2;
/// No further part is read while those that are verified have about this number of bytes.
const MOST_BYTES: usize = 64 << 20;

/// The verdicts on the records of an input, in their order, computed on all threads of the current rayon pool.
pub struct Verdicts {
    entries: Entries,
    judge: Arc<BulkJudge>,
    /// The parts of which no verdict was returned, in order.
    parts: VecDeque<Part>,
    /// Whether the whole input was read, or as much of it as can be.
    is_read: bool,
}

/// Some records.
enum Part {
    UnderWay {
        /// Gets the verdicts, or the payload of a panic.
        judged: Receiver<thread::Result<Judged>>,
        bytes: usize,
    },
    Done(Judged),
}

impl Part {
    /// Waits for the verdicts. If other parts are queued that no thread has started, this thread verifies them meanwhile.
    fn judged(self) -> Judged {
        let judged = match self {
            Self::Done(judged) => return judged,
            Self::UnderWay { judged, .. } => judged,
        };
        loop {
            let found = match judged.try_recv() {
                Ok(found) => Some(found),
                Err(_) if rayon::yield_now() == Some(rayon::Yield::Executed) => None,
                Err(_) => judged.recv().ok(),
            };
            if let Some(found) = found {
                return found.unwrap_or_else(|panic| resume_unwind(panic));
            }
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::UnderWay { bytes, .. } => *bytes,
            Self::Done(_) => 0,
        }
    }
}

impl Verdicts {
    /// Creates verdicts on these entries. `defaults` replace values that the records lack.
    #[must_use]
    pub fn new(entries: Entries, defaults: Defaults, roots: TrustedRoots) -> Self {
        let free = Arc::default();
        let judge = Arc::new(BulkJudge { defaults, roots, hints: no_hints, free });
        Self { entries, judge, parts: VecDeque::new(), is_read: false }
    }

    /// Appends hints to the messages of failures.
    #[must_use]
    pub fn with_hints(mut self, hints: Hints) -> Self {
        Arc::make_mut(&mut self.judge).hints = hints;
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
        loop {
            self.begin();
            let Some(part) = self.parts.pop_front() else { return Ok(Vec::new()) };
            let judged = match part.judged() {
                Err(Failed { alone: Some(group), .. }) => {
                    // It takes the memory of all parts.
                    let parts = std::mem::take(&mut self.parts).into_iter();
                    self.parts = parts.map(|part| Part::Done(part.judged())).collect();
                    self.judge.group(group)
                }
                judged => judged,
            };
            match judged {
                // A row group may have no rows.
                Ok(verdicts) if verdicts.is_empty() => {}
                Ok(verdicts) => return Ok(verdicts),
                Err(Failed { error, .. }) => {
                    self.parts.clear();
                    self.is_read = true;
                    return Err(error);
                }
            }
        }
    }

    /// Begins to verify further parts.
    fn begin(&mut self) {
        let most = PARTS_PER_THREAD * rayon::current_num_threads();
        while !self.is_read
            && self.parts.len() < most
            && self.parts.iter().map(Part::bytes).sum::<usize>() < MOST_BYTES
        {
            match self.entries.take_group(most) {
                Some(group) => self.spawn(0, move |judge| judge.group(group)),
                None => match self.entries.next_chunk(SEGMENT, SEGMENT_BYTES) {
                    Ok(entries) if entries.is_empty() => self.is_read = true,
                    Ok(entries) => self.begin_with(entries),
                    Err(error) => {
                        self.is_read = true;
                        self.parts.push_back(Part::Done(Err(error.into())));
                    }
                },
            }
        }
    }

    fn begin_with(&mut self, mut entries: Vec<(u64, Entry)>) {
        while !entries.is_empty() {
            let rest = entries.split_off(SEGMENT.min(entries.len()));
            let bytes = entries.iter().map(|(_, entry)| entry.weight()).sum();
            self.spawn(bytes, move |judge| Ok(judge.verdicts(entries)?));
            entries = rest;
        }
    }

    /// Begins a part of about this number of bytes.
    fn spawn(&mut self, bytes: usize, work: impl FnOnce(&BulkJudge) -> Judged + Send + 'static) {
        let (sender, judged) = mpsc::channel();
        let judge = Arc::clone(&self.judge);
        rayon::spawn_fifo(move || {
            // The receiver is dropped if no further verdicts are wanted.
            let _ = sender.send(catch_unwind(AssertUnwindSafe(|| work(&judge))));
        });
        self.parts.push_back(Part::UnderWay { judged, bytes });
    }
}

#[cfg(test)]
mod tests;
