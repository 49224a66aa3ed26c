//! Parallel work whose result does not depend on the timing of the threads.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

/// Runs `work` on every input, on all threads of the current rayon pool, and returns the results in the order
/// of the inputs. Rayon's own `collect` returns whichever error occurs first in time.
///
/// # Errors
/// The error of the first input, in order, that fails. Later inputs may not be processed.
pub(crate) fn try_map<I, T, E>(
    inputs: I,
    work: impl Fn(I::Item) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E>
where
    I: IndexedParallelIterator,
    T: Send,
    E: Send,
{
    // An input is skipped only when an earlier one failed, so the first failing input is never skipped.
    let failed = AtomicUsize::new(usize::MAX);
    let results: Vec<Option<Result<T, E>>> = inputs
        .enumerate()
        .map(|(at, input)| {
            if failed.load(Ordering::Relaxed) < at {
                return None;
            }
            let result = work(input);
            if result.is_err() {
                failed.fetch_min(at, Ordering::Relaxed);
            }
            Some(result)
        })
        .collect();
    results.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

    use super::*;

    #[test]
    fn the_error_is_that_of_the_first_input_that_fails() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(8).build();
        let pool = pool.unwrap_or_else(|error| unreachable!("{error}"));
        let work = |input: u64| {
            // Earlier inputs take longer.
            thread::sleep(Duration::from_micros(20 * (100 - input)));
            if input % 10 == 7 { Err(input) } else { Ok(input) }
        };
        let run = |range: std::ops::Range<usize>| {
            pool.install(|| try_map(range.into_par_iter(), |input| work(input as u64)))
        };
        for _ in 0..20 {
            assert_eq!(run(0..100), Err(7));
            assert_eq!(run(8..17), Ok((8..17).collect()));
        }
    }
}
