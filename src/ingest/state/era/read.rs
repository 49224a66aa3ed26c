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
    files::{ReadProgressHandle, gunzip},
    ingest::state::{ImportError, snapshot_builder::reversed},
    primitives::{Address, Hash, Word},
    snapshot::Enumeration,
    state::{
        entries::{Entry, out_of_order},
        keys::era_keys,
    },
};

/// The most slots that wait for each worker, and the most in total: 320 MB. A chunk has a million slots. A
/// much larger limit would let the workers finish long before the last slots are written.
const AHEAD: usize = 3 << 18;
const WAITING: usize = 1 << 22;
/// More threads than this inflate faster than one thread can write.
const MOST_WORKERS: usize = 8;
const READ_BUFFER: usize = 1 << 18;

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
    let mut refused = |index: &[u8; 8]| {
        let index = u64::from_le_bytes(*index);
        indexes.insert(index).err().map(|refused| (index, refused))
    };
    let (mut kept, mut left_out) = (piece.indexes.iter().enumerate(), piece.left_out.iter());
    let found = kept
        .find_map(|(at, index)| refused(index).map(|refused| (piece.place(at), refused)))
        .or_else(|| left_out.find_map(|(at, index)| Some((*at as usize, refused(index)?))));
    let Some((place, (index, refused))) = found else { return Ok(()) };
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
        let mut logs = open(path, &ReadProgressHandle::default()).ok()?;
        if let Some(log) = logs.next().ok()? {
            return Some((log.name.version(), path.display().to_string()));
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
    /// The number of slots passed on.
    handed_on: u64,
    /// Plain keys that are still to be hashed.
    plain: Vec<(Address, Word)>,
    keys: Vec<Hash>,
}

impl<'s> PieceReader<'s> {
    fn new(shared: &'s Shared<'s>) -> Self {
        let (plain, keys, piece) = (Vec::new(), Vec::new(), RecordChunk::default());
        let mut reader = Self { shared, piece, handed_on: 0, plain, keys };
        reader.piece();
        reader
    }

    /// Reads until the chunk of records is full. Returns `false` at the end. An error has its position.
    fn fill(&mut self, logs: &mut Logs<impl Read>) -> Result<bool, (u64, ChunkError)> {
        while self.piece.entries.len() < CHUNK {
            let offset = logs.offset();
            match logs.next().map_err(|error| (offset, error))? {
                Some(log) => self.accept(&log).map_err(|error| (offset, error))?,
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    #[inline]
    fn accept(&mut self, log: &Log<'_>) -> Result<(), ChunkError> {
        let version = log.name.version();
        if let Some((expected, source)) = &self.shared.version
            && *expected != version
        {
            return Err(ChunkError::Bad(format!(
                "a record of version {version}, but by {source} this is a snapshot of version \
                 {expected}: chunks of different snapshots are mixed"
            )));
        }
        let key = match log.name {
            Name::Plain(address, slot) => {
                self.plain.push((*address, *slot));
                Hash::ZERO
            }
            Name::Hashed(key) if self.shared.reverse => reversed(*key),
            Name::Hashed(key) => *key,
        };
        let batch = self.shared.snapshot.batch;
        if log.batch > batch {
            let first = log.batch;
            return Err(ChunkError::Bad(format!(
                "a slot first written in batch {first}, after batch {batch}"
            )));
        }
        self.piece.entries.push(Entry { key, value: *log.value });
        self.piece.batches.push(log.batch.to_le_bytes());
        self.piece.indexes.push(log.index.to_le_bytes());
        Ok(())
    }

    /// Takes the collected slots. The next ones start empty.
    fn piece(&mut self) -> RecordChunk {
        let mut piece = std::mem::replace(&mut self.piece, self.shared.ahead.piece());
        if !self.plain.is_empty() {
            self.keys.clear();
            era_keys(self.plain.drain(..), &mut self.keys);
            for (entry, key) in piece.entries.iter_mut().zip(&self.keys) {
                entry.key = *key;
            }
        }
        let entries = &piece.entries;
        piece.before = self.handed_on;
        self.handed_on += entries.len() as u64;
        piece.range = entries.first().zip(entries.last()).map(|(a, b)| (a.key, b.key));
        if self.shared.order == Order::Ascending {
            piece.ascending = out_of_order(entries).is_none();
            without_zeros(&mut piece);
        }
        piece
    }
}

fn without_zeros(piece: &mut RecordChunk) {
    let zero = |entry: &Entry| entry.value.is_zero();
    let Some(first) = piece.entries.iter().position(zero) else { return };
    let mut kept = first;
    for at in first..piece.entries.len() {
        if !zero(&piece.entries[at]) {
            piece.entries[kept] = piece.entries[at];
            piece.batches[kept] = piece.batches[at];
            piece.indexes[kept] = piece.indexes[at];
            kept += 1;
        } else {
            piece.left_out.push((at as u32, piece.indexes[at]));
        }
    }
    piece.entries.truncate(kept);
    piece.batches.truncate(kept);
    piece.indexes.truncate(kept);
}
