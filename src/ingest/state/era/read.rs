//! Reads all chunks of a snapshot, several at once, and passes on their slots in the order of the chunks.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
};

use super::{
    EraError, EraSnapshot,
    chunk::{ChunkError, Log, Logs, Name},
    indexes::{Indexes, Refused},
    read_ahead::ReadAhead,
    record_chunk::{CHUNK, RecordChunk},
};
use crate::{
    files::{ReadProgressHandle, ShowPath, gunzip},
    ingest::state::{ImportError, snapshot_builder::reversed},
    primitives::{Address, Hash, Word},
    snapshot::Enumeration,
    state::{entries::Entry, keys::era_keys},
};

/// The most slots that wait for each worker, and the most in total: 320 MB. A chunk has a million slots. A
/// much larger limit would let the workers finish long before the last slots are written.
const AHEAD: usize = 3 << 18;
const WAITING: usize = 1 << 22;
/// More threads than this inflate faster than one thread can write.
const MOST_WORKERS: usize = 8;
const READ_BUFFER: usize = 1 << 18;
/// The slots that are hashed and compared together, while the first cache of the processor holds them.
const AT_ONCE: usize = 1 << 8;

/// The assumed order of the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ingest::state) enum Order {
    /// Ascending over all chunks. Zero values are dropped, and slots that do not follow the ones before are
    /// reported.
    Ascending,
    /// Any.
    Unknown,
}

/// The facts found in all chunks together.
#[derive(Clone, Copy, Debug)]
pub(in crate::ingest::state) struct Learned {
    pub(in crate::ingest::state) enumeration: Enumeration,
    /// The lowest index that no slot has.
    pub(in crate::ingest::state) first_missing: Option<u64>,
    /// Whether the slots have hashed keys (version 1).
    pub(in crate::ingest::state) hashed: bool,
}

/// The data shared by all workers.
struct Shared<'s> {
    snapshot: &'s EraSnapshot,
    order: Order,
    reverse: bool,
    watcher: &'s ReadProgressHandle,
    /// The version of all records, and what it is known from; `None` if there are no records.
    version: Option<(u16, String)>,
    ahead: ReadAhead,
}

/// Reads all chunks and passes their slots to `take`, chunk by chunk, with the number of the chunk. `take`
/// returns whether to continue. Returns `None` if `take` stopped it.
pub(in crate::ingest::state) fn read(
    snapshot: &EraSnapshot,
    order: Order,
    reverse: bool,
    watcher: &ReadProgressHandle,
    mut take: impl FnMut(usize, &RecordChunk) -> Result<bool, ImportError>,
) -> Result<Option<Learned>, ImportError> {
    let workers = rayon::current_num_threads().clamp(1, MOST_WORKERS).min(snapshot.chunks.len());
    let shared = Shared {
        snapshot,
        order,
        reverse,
        watcher,
        version: match snapshot.version {
            Some(version) => Some((version, "the snapshot's header".into())),
            None => first_version(snapshot),
        },
        ahead: ReadAhead::new(WAITING.min(workers * AHEAD) / CHUNK),
    };
    let lens = snapshot.chunks.iter().filter_map(|chunk| Some(chunk.metadata().ok()?.len()));
    watcher.expect(lens.sum());
    let next = AtomicUsize::new(0);
    let (senders, receivers): (Vec<_>, Vec<_>) = snapshot.chunks.iter().map(|_| channel()).unzip();
    // Chunks are claimed in order, so the next chunk to take always has a worker.
    let senders: Vec<Mutex<Option<Sender<_>>>> =
        senders.into_iter().map(|sender| Mutex::new(Some(sender))).collect();

    let mut indexes = Indexes::new();
    let went_on = std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(sender) = senders.get(at) else { return };
                    let sender = sender.lock().unwrap_or_else(PoisonError::into_inner).take();
                    let (Some(sender), false) = (sender, shared.ahead.is_closed()) else {
                        return;
                    };
                    if let Err(error) = read_chunk(&shared, at, &sender) {
                        // The receiver is gone if the work was stopped.
                        let _ = sender.send(Err(error));
                    }
                }
            });
        }
        let result = consume(receivers, &shared.ahead, |chunk, piece| {
            note_indexes(&mut indexes, piece, &snapshot.chunks[chunk])?;
            take(chunk, piece)
        });
        shared.ahead.close();
        result
    })?;
    if !went_on {
        return Ok(None);
    }
    let (last, count, first_missing) = indexes.summary();
    Ok(Some(Learned {
        enumeration: Enumeration { last, missing: last - count },
        first_missing,
        hashed: shared.version.is_some_and(|(version, _)| version == 1),
    }))
}

type Message = Result<RecordChunk, EraError>;

/// Takes the slots of one chunk after the other.
fn consume(
    receivers: Vec<Receiver<Message>>,
    ahead: &ReadAhead,
    mut take: impl FnMut(usize, &RecordChunk) -> Result<bool, ImportError>,
) -> Result<bool, ImportError> {
    for (chunk, pieces) in receivers.into_iter().enumerate() {
        ahead.turn(chunk);
        for piece in pieces {
            let piece = piece?;
            if !take(chunk, &piece)? {
                return Ok(false);
            }
            ahead.leave(piece);
        }
    }
    Ok(true)
}

/// Records the indexes of slots. Each index must be unique.
fn note_indexes(indexes: &mut Indexes, piece: &RecordChunk, path: &Path) -> Result<(), EraError> {
    let kept = indexes.insert_all(&piece.indexes);
    let kept = kept.map_err(|(at, refused)| (piece.place(at), piece.indexes[at], refused));
    let noted = kept.and_then(|()| {
        piece.left_out.iter().try_for_each(|(place, index)| {
            let noted = indexes.insert(u64::from_le_bytes(*index));
            noted.map_err(|refused| (*place as usize, *index, refused))
        })
    });
    let Err((place, index, refused)) = noted else { return Ok(()) };
    let index = u64::from_le_bytes(index);
    let reason = match refused {
        Refused::Zero => "a slot with the enumeration index 0, which is not used".into(),
        Refused::TooLarge => format!("the enumeration index {index} is too large"),
        Refused::Twice => format!(
            "a second slot with the enumeration index {index}: the chunks are damaged or not of one \
             snapshot"
        ),
    };
    Err(EraError::Index { path: path.into(), record: piece.record(place), reason })
}

fn open(path: &Path, watcher: &ReadProgressHandle) -> io::Result<Logs<impl Read + use<>>> {
    let data = BufReader::with_capacity(READ_BUFFER, watcher.of(File::open(path)?));
    Ok(Logs::new(gunzip(data)))
}

/// The version of the first record, and its chunk. `None` if a chunk up to it cannot be read; the error of
/// that chunk is then the first one in the order of the chunks.
fn first_version(snapshot: &EraSnapshot) -> Option<(u16, String)> {
    for path in &snapshot.chunks {
        let (mut logs, mut version) = (open(path, &ReadProgressHandle::default()).ok()?, None);
        logs.read(1, |log| {
            version = Some(log.name.version());
            Ok(())
        })
        .ok()?;
        if let Some(version) = version {
            return Some((version, path.shown().to_string()));
        }
    }
    None
}

fn read_chunk(shared: &Shared<'_>, chunk: usize, sender: &Sender<Message>) -> Result<(), EraError> {
    let path = &shared.snapshot.chunks[chunk];
    let read_error = |source| EraError::Read { path: path.into(), source };
    let mut logs = open(path, shared.watcher).map_err(read_error)?;
    let mut reader = PieceReader::new(shared);
    loop {
        let is_full = reader.fill(&mut logs).map_err(|(offset, error)| match error {
            ChunkError::Read(source) => read_error(source),
            ChunkError::Bad(reason) => EraError::Chunk { path: path.into(), offset, reason },
        })?;
        let has_place = shared.ahead.enter(chunk);
        if !has_place || sender.send(Ok(reader.piece())).is_err() || !is_full {
            return Ok(());
        }
    }
}

/// Collects slots of one chunk.
struct PieceReader<'s> {
    shared: &'s Shared<'s>,
    piece: RecordChunk,
    /// Plain keys that are still to be hashed.
    plain: Vec<(Address, Word)>,
    keys: Vec<Hash>,
}

impl<'s> PieceReader<'s> {
    fn new(shared: &'s Shared<'s>) -> Self {
        Self { shared, piece: shared.ahead.piece(0), plain: Vec::new(), keys: Vec::new() }
    }

    /// Reads until the piece is full. Returns `false` at the end. An error has its position.
    fn fill(&mut self, logs: &mut Logs<impl Read>) -> Result<bool, (u64, ChunkError)> {
        while !self.piece.is_full() {
            let start = self.piece.entries.len();
            let most = AT_ONCE.min(CHUNK - start);
            let read = logs.read(most, |log| self.accept(log))?;
            self.complete(start);
            if read < most {
                return Ok(false);
            }
        }
        Ok(true)
    }

    #[inline]
    fn accept(&mut self, log: &Log<'_>) -> Result<(), ChunkError> {
        let Shared { snapshot, version, .. } = self.shared;
        if let Some(known) = version
            && known.0 != log.name.version()
        {
            return Err(mixed(known, log));
        }
        if log.batch > snapshot.batch {
            return Err(too_late(snapshot.batch, log));
        }
        let key = match log.name {
            Name::Plain(address, slot) => {
                self.plain.push((*address, *slot));
                &Hash::ZERO
            }
            Name::Hashed(key) => key,
        };
        self.piece.entries.push(Entry { key: *key, value: *log.value });
        self.piece.batches.push(log.batch.to_le_bytes());
        self.piece.indexes.push(log.index.to_le_bytes());
        Ok(())
    }

    /// Completes the keys of the slots from the place `start` on, compares them, and drops zeros.
    fn complete(&mut self, start: usize) {
        let slots = &mut self.piece.entries[start..];
        if !self.plain.is_empty() {
            self.keys.clear();
            era_keys(self.plain.drain(..), &mut self.keys);
            slots.iter_mut().zip(&self.keys).for_each(|(slot, key)| slot.key = *key);
        } else if self.shared.reverse {
            slots.iter_mut().for_each(|slot| slot.key = reversed(slot.key));
        }
        self.piece.extend_range(start);
        if self.shared.order == Order::Ascending {
            self.piece.drop_zeros(start);
        }
    }

    /// Takes the collected slots. The next ones start empty.
    fn piece(&mut self) -> RecordChunk {
        let next = self.shared.ahead.piece(self.piece.end());
        std::mem::replace(&mut self.piece, next)
    }
}

#[cold]
fn mixed((expected, source): &(u16, String), log: &Log<'_>) -> ChunkError {
    let version = log.name.version();
    ChunkError::Bad(format!(
        "a record of version {version}, but by {source} this is a snapshot of version {expected}: chunks \
         of different snapshots are mixed"
    ))
}

#[cold]
fn too_late(batch: u32, log: &Log<'_>) -> ChunkError {
    let first = log.batch;
    ChunkError::Bad(format!("a slot first written in batch {first}, after batch {batch}"))
}
