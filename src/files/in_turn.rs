//! Work on items of a sequence on all threads, whose results are taken in the order of the items.

use std::{
    collections::VecDeque,
    ops::ControlFlow,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// The most results for each thread that wait for the result of an item before them.
const MOST_WAITING: usize = 8;

/// Passes the items that `next` returns to workers, one on each thread of the current pool, and their results to `take`,
/// in the order of the items. A worker waits only while another one takes the next item or hands on a result.
///
/// No more items are begun when `take` breaks off, and when an item takes so long that very many results wait for its
/// own; the results of those that were begun are still taken. Returns whether all items were, so that the caller can go
/// on otherwise. `next` and `take` must not use the pool, because one thread at a time runs each of them and others wait.
pub(crate) fn in_turn<I: Send, O: Send, W: FnMut(I) -> O>(
    next: impl FnMut() -> Option<I> + Send,
    worker: impl Fn() -> W + Sync,
    take: impl FnMut(O) -> ControlFlow<()> + Send,
) -> bool {
    let threads = rayon::current_num_threads();
    let items = Mutex::new(Items { next, begun: 0, is_end: false });
    let results = Mutex::new(Results { take, taken: 0, waiting: VecDeque::new() });
    let is_broken_off = AtomicBool::new(false);
    rayon::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|_| {
                let mut work = worker();
                while !is_broken_off.load(Ordering::Relaxed) {
                    let Some((number, item)) = lock(&items).next() else { return };
                    let result = work(item);
                    if lock(&results).put(number, result, MOST_WAITING * threads).is_break() {
                        is_broken_off.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    lock(&items).is_end
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // After a panic of a worker, the scope panics too.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Items<N> {
    next: N,
    /// The number of items that were begun.
    begun: usize,
    is_end: bool,
}

impl<I, N: FnMut() -> Option<I>> Items<N> {
    /// The next item and its number.
    fn next(&mut self) -> Option<(usize, I)> {
        let item = if self.is_end { None } else { (self.next)() };
        self.is_end = item.is_none();
        let number = self.begun;
        self.begun += 1;
        Some((number, item?))
    }
}

struct Results<T, O> {
    take: T,
    /// The number of results that were taken.
    taken: usize,
    /// The results after these, as far as there are any.
    waiting: VecDeque<Option<O>>,
}

impl<O, T: FnMut(O) -> ControlFlow<()>> Results<T, O> {
    /// Takes the result with this number, and those that waited for it, or lets it wait.
    fn put(&mut self, number: usize, result: O, most_waiting: usize) -> ControlFlow<()> {
        let at = number - self.taken;
        if self.waiting.len() <= at {
            self.waiting.resize_with(at + 1, || None);
        }
        self.waiting[at] = Some(result);
        let mut flow = ControlFlow::Continue(());
        while let Some(Some(result)) = self.waiting.front_mut().map(Option::take) {
            self.waiting.pop_front();
            self.taken += 1;
            if (self.take)(result).is_break() {
                flow = ControlFlow::Break(());
            }
        }
        if self.waiting.len() > most_waiting { ControlFlow::Break(()) } else { flow }
    }
}

#[cfg(test)]
mod tests {
    use std::{thread::sleep, time::Duration};

    use rayon::ThreadPoolBuilder;

    use super::*;

    /// Some items take long, and `take` breaks off after every hundredth.
    #[test]
    fn results_are_taken_in_the_order_of_the_items() {
        for threads in [1, 2, 3, 8] {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let (mut items, mut taken, mut rounds) = (0..1000u64, Vec::new(), 0);
                let work = |item: u64| {
                    if item % 97 == 5 {
                        sleep(Duration::from_millis(2));
                    }
                    item * item
                };
                let mut are_all = false;
                while !are_all {
                    rounds += 1;
                    are_all = in_turn(
                        || items.next(),
                        || work,
                        |result| {
                            taken.push(result);
                            match taken.len() % 100 {
                                0 => ControlFlow::Break(()),
                                _ => ControlFlow::Continue(()),
                            }
                        },
                    );
                }
                assert!(taken.into_iter().eq((0..1000).map(|item| item * item)));
                assert!(rounds > 1);
            });
        }
    }
}
