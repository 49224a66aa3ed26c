//! Single-threaded replacements for the parts of rayon that the tree code uses, for builds without the
//! feature `archive`. They return the iterators of the standard library under rayon's names.

use std::slice::{Chunks, ChunksMut};

/// Runs `first`, then `second`.
pub(super) fn join<A, B>(first: impl FnOnce() -> A, second: impl FnOnce() -> B) -> (A, B) {
    (first(), second())
}

pub(super) trait IntoParallelIterator: IntoIterator + Sized {
    fn into_par_iter(self) -> Self::IntoIter {
        self.into_iter()
    }
}

impl<I: IntoIterator> IntoParallelIterator for I {}

pub(super) trait ParallelIterator: Iterator + Sized {
    fn for_each_init<T>(self, init: impl Fn() -> T, work: impl Fn(&mut T, Self::Item)) {
        let mut state = init();
        self.for_each(|item| work(&mut state, item));
    }

    fn find_map_first<T>(mut self, work: impl Fn(Self::Item) -> Option<T>) -> Option<T> {
        self.find_map(work)
    }
}

impl<I: Iterator> ParallelIterator for I {}

pub(super) trait ParallelSlice<T> {
    fn par_chunks(&self, size: usize) -> Chunks<'_, T>;
    fn par_chunks_mut(&mut self, size: usize) -> ChunksMut<'_, T>;
}

impl<T> ParallelSlice<T> for [T] {
    fn par_chunks(&self, size: usize) -> Chunks<'_, T> {
        self.chunks(size)
    }

    fn par_chunks_mut(&mut self, size: usize) -> ChunksMut<'_, T> {
        self.chunks_mut(size)
    }
}
