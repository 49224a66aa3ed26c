use std::{
    collections::{BTreeMap, HashMap, HashSet, hash_map::Entry},
    path::Path,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
};

use rayon::prelude::*;

use super::{BLOB_LEN, BLOB_PUBDATA_LEN, BlobDecoder, BlobFault, BlobFaultKind, reader::each_blob};
use crate::{
    archive::Place,
    files::{
        Input, InputError, InputSequence, Inputs, OutputError, ReadProgressHandle, Scratch,
        is_in_archive,
    },
    ingest::IndexError,
    keccak::keccak256,
    primitives::Hash,
};

/// The faults that are kept, those of the first files. All are counted.
const MOST_FAULTS: usize = 1000;
/// With at least this many files for each thread, every thread reads files of its own. Otherwise all threads decode
/// the blobs of one file.
const FILES_PER_THREAD: usize = 4;
/// The blobs of one file that wait in memory to be decoded, for each thread.
const BLOBS_PER_THREAD: usize = 8;

/// The linear hash of a blob of zeros.
static OF_ZEROS: LazyLock<Hash> = LazyLock::new(|| keccak256(&[0; BLOB_PUBDATA_LEN]));

/// The pubdata in the blobs that batches were committed with, by their linear hash: the keccak256 of all the pubdata
/// that fit into a blob. They are in a temporary file.
#[derive(Debug)]
pub struct Blobs {
    scratch: Scratch,
    /// Where the pubdata with a linear hash begin.
    offsets: HashMap<Hash, u64>,
    counts: BlobCounts,
    faults: BTreeMap<Position, BlobFault>,
}

/// What became of the blobs in some files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlobCounts {
    /// Different blobs that batches were committed with.
    pub used: u64,
    /// Copies of these.
    pub copies: u64,
    /// Blobs of Era chains that are in no given commit.
    pub unused: u64,
    /// Blobs of others.
    pub foreign: u64,
    /// Damaged blobs and files.
    pub damaged: u64,
}

/// The number of a file, and of a blob in it.
type Position = (usize, u64);

impl Blobs {
    /// Reads all blobs in some files once, on all threads, and an archive in one pass if its files are in order. Keeps the pubdata of those with a linear hash in
    /// `wanted` in `scratch`.
    ///
    /// # Errors
    /// [`IndexError`] when a disk fails. Damaged blobs and files are no errors, but [`Blobs::faults`].
    pub fn read<P: AsRef<Path> + Sync>(
        paths: &[P],
        wanted: &HashSet<Hash>,
        scratch: Scratch,
        watcher: &ReadProgressHandle,
    ) -> Result<Self, IndexError> {
        let intake = Intake::new(wanted, scratch);
        let (packed, files): (Vec<_>, Vec<_>) =
            paths.iter().map(AsRef::as_ref).enumerate().partition(|(_, path)| is_in_archive(path));
        let threads = rayon::current_num_threads();
        if files.len() >= FILES_PER_THREAD * threads {
            files.into_par_iter().try_for_each_init(Decoding::default, |decoding, file| {
                let mut decode = |at: At, blob: &[u8; BLOB_LEN]| intake.decode(decoding, at, blob);
                intake.read_file(file, watcher, &mut decode)
            })?;
        } else {
            for file in files {
                let mut waiting = Waiting::new(&intake);
                intake.read_file(file, watcher, &mut |at, blob| waiting.push(at, blob))?;
                waiting.decode()?;
            }
        }
        intake.read_packed(&packed, watcher)?;
        Ok(intake.finish())
    }

    /// As [`Blobs::read`], for an open input.
    ///
    /// # Errors
    /// As [`Blobs::read`].
    pub fn read_input(
        input: Input,
        wanted: &HashSet<Hash>,
        scratch: Scratch,
    ) -> Result<Self, IndexError> {
        let intake = Intake::new(wanted, scratch);
        let mut waiting = Waiting::new(&intake);
        let at = At { position: (0, 0), name: input.name().into(), place: Place::Whole };
        intake.read_input(input, at, &mut |at, blob| waiting.push(at, blob))?;
        waiting.decode()?;
        Ok(intake.finish())
    }

    /// Appends the pubdata with a linear hash to `pubdata`, [`BLOB_PUBDATA_LEN`] bytes. Returns `false` if there was
    /// no such blob. One of zeros, the end of a batch's last blob, is known without a file.
    ///
    /// # Errors
    /// [`OutputError`] when the disk with the temporary file fails.
    pub fn append_to(
        &self,
        pubdata: &mut Vec<u8>,
        linear_hash: &Hash,
    ) -> Result<bool, OutputError> {
        let offset = self.offsets.get(linear_hash);
        if offset.is_none() && *linear_hash != *OF_ZEROS {
            return Ok(false);
        }
        let start = pubdata.len();
        pubdata.resize(start + BLOB_PUBDATA_LEN, 0);
        let Some(offset) = offset else { return Ok(true) };
        self.scratch.read(*offset, &mut pubdata[start..])?;
        Ok(true)
    }

    /// How many blobs there were.
    #[must_use]
    pub fn counts(&self) -> BlobCounts {
        self.counts
    }

    /// The damaged blobs and files, in the order of the files: the first 1000.
    pub fn faults(&self) -> impl Iterator<Item = &BlobFault> {
        self.faults.values()
    }
}

/// A blob's position, and its description.
#[derive(Clone)]
struct At {
    position: Position,
    name: Arc<str>,
    place: Place,
}

/// What is done with a blob.
type Take<'t> = &'t mut dyn FnMut(At, &[u8; BLOB_LEN]) -> Result<(), OutputError>;

/// What a thread needs to decode blobs.
#[derive(Default)]
struct Decoding {
    decoder: BlobDecoder,
    pubdata: Vec<u8>,
}

/// What the threads that read share.
struct Intake<'w> {
    wanted: &'w HashSet<Hash>,
    blobs: Mutex<Blobs>,
}

impl<'w> Intake<'w> {
    fn new(wanted: &'w HashSet<Hash>, scratch: Scratch) -> Self {
        let (offsets, faults) = (HashMap::new(), BTreeMap::new());
        let blobs = Blobs { scratch, offsets, counts: BlobCounts::default(), faults };
        Self { wanted, blobs: Mutex::new(blobs) }
    }

    fn finish(self) -> Blobs {
        self.blobs.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn blobs(&self) -> MutexGuard<'_, Blobs> {
        self.blobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes the blobs of a file to `take`.
    fn read_file(
        &self,
        (number, path): (usize, &Path),
        watcher: &ReadProgressHandle,
        take: Take<'_>,
    ) -> Result<(), IndexError> {
        let name = path.to_string_lossy().into();
        let mut at = At { position: (number, 0), name, place: Place::Whole };
        let inputs = match Inputs::open_watched(path, watcher) {
            Ok(inputs) => inputs,
            Err(error) => return self.damage(at, error),
        };
        for input in inputs {
            at.position.1 += 1;
            match input {
                Ok(input) => {
                    at.name = input.name().into();
                    at.position.1 = self.read_input(input, at.clone(), take)?;
                }
                Err(error) => self.damage(at.clone(), error)?,
            }
        }
        Ok(())
    }

    /// Decodes the blobs of files in archives. All threads decode what one of them reads.
    fn read_packed(
        &self,
        files: &[(usize, &Path)],
        watcher: &ReadProgressHandle,
    ) -> Result<(), IndexError> {
        let (mut inputs, mut waiting) = (InputSequence::default(), Waiting::new(self));
        for (number, path) in files {
            let name = path.to_string_lossy().into();
            let at = At { position: (*number, 0), name, place: Place::Whole };
            match inputs.open(path, watcher) {
                Ok(input) => {
                    self.read_input(input, at, &mut |at, blob| waiting.push(at, blob))?;
                }
                Err(error) => self.damage(at, error)?,
            }
        }
        Ok(waiting.decode()?)
    }

    /// Passes the blobs of an input to `take`. Returns the number of the last one.
    fn read_input(&self, input: Input, mut at: At, take: Take<'_>) -> Result<u64, IndexError> {
        let mut failed = None;
        each_blob(input, &mut |place, found| {
            at.position.1 += 1;
            let at = At { place, ..at.clone() };
            match found {
                Ok(_) if failed.is_some() => {}
                Ok(blob) => failed = take(at, blob).err(),
                Err(kind) => self.fault(at, kind),
            }
        })?;
        failed.map_or(Ok(at.position.1), |error| Err(error.into()))
    }

    /// Keeps an error that is the file's own.
    fn damage(&self, at: At, error: InputError) -> Result<(), IndexError> {
        if !error.is_damage() {
            return Err(error.into());
        }
        self.fault(at, error.into());
        Ok(())
    }

    fn decode(
        &self,
        decoding: &mut Decoding,
        at: At,
        blob: &[u8; BLOB_LEN],
    ) -> Result<(), OutputError> {
        let Decoding { decoder, pubdata } = decoding;
        if let Err(error) = decoder.decode(blob, pubdata) {
            self.fault(at, error.into());
            return Ok(());
        }
        let hash = keccak256(pubdata);
        let is_wanted = self.wanted.contains(&hash);
        let mut blobs = self.blobs();
        let Blobs { scratch, offsets, counts, .. } = &mut *blobs;
        match offsets.entry(hash) {
            _ if !is_wanted => counts.unused += 1,
            Entry::Occupied(_) => counts.copies += 1,
            Entry::Vacant(vacant) => {
                vacant.insert(scratch.append(pubdata)?);
                counts.used += 1;
            }
        }
        Ok(())
    }

    fn fault(&self, at: At, source: BlobFaultKind) {
        let Blobs { counts, faults, .. } = &mut *self.blobs();
        if source.is_foreign() {
            counts.foreign += 1;
            return;
        }
        counts.damaged += 1;
        let At { position, name, place } = at;
        faults.insert(position, BlobFault { name: name.to_string(), place, source });
        if faults.len() > MOST_FAULTS {
            faults.pop_last();
        }
    }
}

/// The blobs of a file that wait until all threads decode them.
struct Waiting<'i, 'w> {
    intake: &'i Intake<'w>,
    blobs: Vec<(At, Box<[u8; BLOB_LEN]>)>,
}

impl<'i, 'w> Waiting<'i, 'w> {
    fn new(intake: &'i Intake<'w>) -> Self {
        Self { intake, blobs: Vec::new() }
    }

    fn push(&mut self, at: At, blob: &[u8; BLOB_LEN]) -> Result<(), OutputError> {
        self.blobs.push((at, Box::new(*blob)));
        let is_full = self.blobs.len() >= BLOBS_PER_THREAD * rayon::current_num_threads();
        if is_full { self.decode() } else { Ok(()) }
    }

    fn decode(&mut self) -> Result<(), OutputError> {
        self.blobs.par_drain(..).try_for_each_init(Decoding::default, |decoding, (at, blob)| {
            self.intake.decode(decoding, at, &blob)
        })
    }
}
