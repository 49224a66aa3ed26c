//! Writes a directory.

use std::{collections::BTreeMap, path::Path};

use rayon::prelude::*;

use super::{
    PublishError,
    batch::{BatchFile, Shared, Targets, files_of},
    files::{Directory, MANIFEST, PAGE_NAME, batch_name, digest, part_name},
    index::{self, Index},
    manifest::{ChainEntry, Counts, Manifest, VERSION},
    roots::{ListedRoots, RootFiles},
    stored::Stored,
};
use crate::{
    keccak::keccak256,
    message::BatchView,
    primitives::{BatchNumber, ChainId, Hash},
    proof::{Failure, FailureCode, Target, no_hints},
    prove::{
        BatchProofs, ExtractError, Extractor, LogFilter, Messages, Trees, VerifiedProofs, prepare,
        with_causes,
    },
    records::{L1Verdict, PAGE},
};

/// The most logs of batches that are proven together: four of the largest batches.
const WINDOW_LOGS: usize = 4 << 14;

/// The bytes of their messages from which on no further batch is taken.
const WINDOW_BYTES: usize = 32 << 20;

/// What is published.
#[derive(Clone, Debug)]
pub struct Publication {
    trees: Trees,
    messages: Messages,
    l1_target: Target,
}

/// What a run wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Published {
    /// The batches in the directory.
    pub batches: u64,
    /// Those whose files this run wrote.
    pub written: u64,
    /// The batches without a proof to one of the roots.
    pub partial: u64,
    /// The logs in the directory.
    pub logs: u64,
    /// The batches that were left out, with the reason.
    pub left_out: Vec<((ChainId, BatchNumber), Failure)>,
    /// The number of parts that were left out of the archive ([`Messages::skipped`]).
    pub not_archived: u64,
}

/// A batch in the list of its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) hash: Hash,
    pub(super) is_whole: bool,
}

/// What to list of a batch and whether a file was written, or why the batch is left out.
type WriteResult = Result<(Listed, bool), Failure>;

/// What makes the proofs to L1 and those to interop roots, or why there are none.
type Extractors<'t> = [Result<Extractor<'t>, Failure>; 2];

/// The batches of a directory.
pub(super) type Lists = BTreeMap<ChainId, BTreeMap<BatchNumber, Listed>>;

impl Publication {
    /// Publishes the batches of an archive. `l1_target` is the root for L1: [`Target::FirstSlBatch`], or
    /// [`Target::BatchRoot`] for chains that settle on L1.
    #[must_use]
    pub fn new(trees: Trees, messages: Messages, l1_target: Target) -> Self {
        Self { trees, messages, l1_target }
    }

    /// Writes a directory, or adds to one what it lacks. The manifest is written last, so clients see all of it or
    /// nothing.
    ///
    /// # Errors
    /// [`PublishError`] if the inputs cannot be read, the directory cannot be written, another run writes to it, it has
    /// files that no run wrote and this one would replace, batches that the archive lacks, or proofs of another history. The
    /// manifest is then as it was.
    pub fn write(&self, directory: &Path) -> Result<Published, PublishError> {
        let directory = Directory(directory.to_owned());
        let mut published =
            Published { not_archived: self.messages.skipped().count(), ..Published::default() };
        let mut run = directory.begin()?;
        let manifest_before = directory.read(MANIFEST)?;
        let before = match &manifest_before {
            Some(text) => lists(&directory, &manifest(&directory, text)?)?,
            None => Lists::new(),
        };
        self.refuse_lost(&before)?;
        // Opened before threads ask for it.
        self.trees.l1()?;
        let extractors = [self.extractor(self.l1_target)?, self.extractor(Target::First)?];
        let files = RootFiles::of(&self.trees);
        refuse_other_history(&directory, &before, &files.listed())?;
        // Until the manifest is written, nothing else shows whose files these are.
        run.is_unfinished = manifest_before.is_none();
        let mut lists = Lists::new();
        let mut index = Index::beside(&directory.0);
        let mut counts = BTreeMap::<ChainId, Counts>::new();
        let mut window: Vec<BatchView<'_>> = Vec::new();
        let (mut logs_in_window, mut bytes_in_window) = (0, 0);
        let known = |batch: &BatchView<'_>| {
            let (chain, number) = batch.key();
            let Some(listed) = before.get(&chain).and_then(|list| list.get(&number)) else {
                return Ok(None);
            };
            let stored = Stored::read(&directory, batch, listed.hash, &self.trees)?;
            Ok::<_, PublishError>(stored.map(|mut stored| {
                stored.compare(
                    extractors
                        .each_ref()
                        .map(|extractor| extractor.as_ref().ok()?.target_of(chain, number).ok()),
                );
                (*listed, stored)
            }))
        };
        let mut flush = |window: &mut Vec<BatchView<'_>>, published: &mut Published| {
            let known: Vec<_> = window.par_iter().map(known).collect::<Result<_, _>>()?;
            let mut open = Vec::new();
            for (batch, known) in window.drain(..).zip(known) {
                let (chain, number) = batch.key();
                match known {
                    Some((_, Stored { lacking: Some(what), .. })) => {
                        return Err(PublishError::LackingPart { chain, batch: number, what });
                    }
                    Some((listed, stored)) if listed.is_whole && stored.is_current => {
                        lists.entry(chain).or_default().insert(number, listed);
                    }
                    known => open.push((batch, known.map(|(_, stored)| stored))),
                }
            }
            let written = self.write_batches(&directory, &extractors, &open)?;
            for ((batch, _), listed) in open.iter().zip(written) {
                let (chain, number) = batch.key();
                match listed {
                    Ok((listed, is_new)) => {
                        published.written += u64::from(is_new);
                        lists.entry(chain).or_default().insert(number, listed);
                    }
                    Err(failure) => published.left_out.push((batch.key(), failure)),
                }
            }
            Ok::<_, PublishError>(())
        };
        for batch in self.messages.archive().batches() {
            let batch = batch?;
            if batch.logs().is_empty() {
                continue;
            }
            logs_in_window += batch.logs().len();
            bytes_in_window += batch.messages().bytes().len();
            window.push(batch);
            if logs_in_window >= WINDOW_LOGS || bytes_in_window >= WINDOW_BYTES {
                flush(&mut window, &mut published)?;
                (logs_in_window, bytes_in_window) = (0, 0);
            }
        }
        flush(&mut window, &mut published)?;
        for batch in self.messages.archive().batches() {
            let batch = batch?;
            let (chain, number) = batch.key();
            if lists.get(&chain).is_some_and(|list| list.contains_key(&number)) {
                index.add(&batch)?;
                counts.entry(chain).or_default().add(&batch);
            }
        }
        let mut chains = Vec::new();
        for (chain, list) in &lists {
            let text: String = list
                .iter()
                .map(|(batch, Listed { hash, is_whole })| {
                    format!("{batch} {hash} {}\n", if *is_whole { "whole" } else { "partial" })
                })
                .collect();
            let list_hash = keccak256(text.as_bytes());
            let name = format!("lists/{chain}-{}.txt", digest(list_hash));
            directory.write_once(&name, text.as_bytes())?;
            published.batches += list.len() as u64;
            published.partial += list.values().filter(|listed| !listed.is_whole).count() as u64;
            let counts = counts.get(chain).copied().unwrap_or_default();
            published.logs += counts.logs;
            chains.push(ChainEntry::new(*chain, counts, name, list_hash));
        }
        let (index, index_hash, indexes) = index::write(index, &directory)?;
        let roots_of = |bytes: &[u8], extension: &str| {
            let hash = keccak256(bytes);
            let name = format!("roots/{}.{extension}", digest(hash));
            directory.write_once(&name, bytes).map(|_| (name, hash))
        };
        let (roots, roots_hash) = roots_of(&files.plot, "json")?;
        let (all_roots, all_roots_hash) = roots_of(files.all.as_bytes(), "txt")?;
        let manifest = Manifest {
            format: "slproof-published".into(),
            version: VERSION,
            chains,
            index,
            index_hash,
            indexes,
            roots,
            roots_hash,
            all_roots,
            all_roots_hash,
        };
        directory.write(PAGE_NAME, PAGE.as_bytes())?;
        // Cannot fail: all members are numbers, texts and lists.
        let mut text = serde_json::to_vec_pretty(&manifest).unwrap_or_default();
        text.push(b'\n');
        directory.write_last(MANIFEST, &text)?;
        run.is_unfinished = false;
        Ok(published)
    }

    /// Refuses an archive without batches that were published before.
    fn refuse_lost(&self, before: &Lists) -> Result<(), PublishError> {
        for (chain, list) in before {
            for batch in list.keys() {
                if !self.messages.archive().contains(*chain, *batch)? {
                    return Err(PublishError::Lacking { chain: *chain, batch: *batch });
                }
            }
        }
        Ok(())
    }

    /// Writes the files of batches, each with what an earlier run wrote of it: its proofs stay if these trees do not
    /// give better ones. The result says what to list and whether a file was written, or why a batch is left out.
    fn write_batches(
        &self,
        directory: &Directory,
        extractors: &Extractors<'_>,
        batches: &[(BatchView<'_>, Option<Stored>)],
    ) -> Result<Vec<WriteResult>, PublishError> {
        if batches.is_empty() {
            return Ok(Vec::new());
        }
        let views: Vec<_> = batches.iter().map(|(batch, _)| *batch).collect();
        let [l1, interop] = extractors.each_ref().map(|extractor| proofs(extractor, &views));
        l1.into_par_iter()
            .zip(interop)
            .zip(batches)
            .map(|((l1, interop), (batch, stored))| {
                let verdict = match &l1 {
                    Ok(proofs) => self.l1_verdict(proofs)?,
                    Err(_) => None,
                };
                let shared = |proofs: &Result<BatchProofs<'_>, Failure>, verdict| match proofs {
                    Ok(proofs) => Shared::of(proofs, verdict),
                    Err(failure) => Shared::None(failure.clone()),
                };
                let (file, parts) = match (l1.as_ref().or(interop.as_ref()), stored) {
                    (Ok(proofs), stored) => {
                        let mut targets = Targets {
                            l1_batch_root: shared(&l1, verdict),
                            message_root: shared(&interop, None),
                        };
                        if let Some(stored) = stored {
                            stored.complete(proofs.settled().batch_root(), &mut targets);
                        }
                        files_of(proofs, targets)
                    }
                    (Err(_), Some(stored)) => stored.with_entries_of(batch),
                    // Neither root has a proof. The one for L1 says why.
                    (Err(_), None) => return Ok(Err(l1.err().unwrap_or_else(unexplained))),
                };
                let (chain, number) = (file.chain_id, file.batch_number);
                let found = stored.as_ref().map(|stored| &stored.hashes);
                let mut is_new = false;
                for (at, (part, hash)) in parts.iter().zip(&file.parts).enumerate() {
                    let found = found.and_then(|found| found.parts.get(at).copied());
                    let name = part_name(chain, number, at);
                    is_new |= directory.write_known(&name, (part, *hash), found)?;
                }
                let text = serde_json::to_vec(&file).unwrap_or_default();
                let hash = keccak256(&text);
                let found = found.map(|found| found.file);
                is_new |=
                    directory.write_known(&batch_name(chain, number), (&text, hash), found)?;
                let listed = Listed { hash, is_whole: file.targets.are_whole() };
                Ok(Ok((listed, is_new)))
            })
            .collect()
    }

    /// What makes the proofs to one kind of root, or why there are none.
    fn extractor(&self, target: Target) -> Result<Result<Extractor<'_>, Failure>, PublishError> {
        match self.trees.extractor(target) {
            Err(error) if error.is_of_target() => {
                Ok(Err(Failure { code: error.code(), message: with_causes(&error) }))
            }
            extractor => Ok(Ok(extractor?)),
        }
    }

    /// What the state of L1 says of the proofs of a batch, which all lead to one root.
    fn l1_verdict(&self, proofs: &BatchProofs<'_>) -> Result<Option<L1Verdict>, PublishError> {
        if self.trees.options().l1.is_none() {
            return Ok(None);
        }
        let record = proofs.prove_all().find_map(Result::ok);
        Ok(record.map(|record| self.trees.l1_verdict(record)).transpose()?.flatten())
    }
}

/// Refuses roots of another history than that to which the proofs in a directory lead: a client would refuse those that stay.
/// Nothing may be written before.
fn refuse_other_history(
    directory: &Directory,
    before: &Lists,
    roots: &ListedRoots,
) -> Result<(), PublishError> {
    let batches: Vec<_> =
        before.iter().flat_map(|(chain, list)| list.keys().map(|batch| (*chain, *batch))).collect();
    batches.par_iter().try_for_each(|(chain, batch)| {
        // A file that is missing or damaged is written anew.
        let file = directory.need(&batch_name(*chain, *batch)).ok();
        let file = file.and_then(|text| serde_json::from_slice::<BatchFile>(&text).ok());
        file.map_or(Ok(()), |file| roots.accept(&file))
    })
}

/// Prepares the proofs of batches to one kind of root, and verifies all of them.
fn proofs<'a>(
    extractor: &Result<Extractor<'_>, Failure>,
    batches: &[BatchView<'a>],
) -> Vec<Result<BatchProofs<'a>, Failure>> {
    match extractor {
        Ok(extractor) => verified(extractor, batches),
        Err(failure) => batches.iter().map(|_| Err(failure.clone())).collect(),
    }
}

/// The proofs of batches, of which each log's was accepted by the verifier. The padding of log trees has none.
fn verified<'a>(
    extractor: &Extractor<'_>,
    batches: &[BatchView<'a>],
) -> Vec<Result<BatchProofs<'a>, Failure>> {
    let wanted: Vec<_> = batches.iter().map(|batch| (extractor, *batch)).collect();
    let prepared = prepare(&wanted);
    let all = prepared.iter().flatten().map(|proofs| (proofs, LogFilter::All));
    let verified = VerifiedProofs::new(all);
    let mut place = 0;
    let refused: Vec<Option<ExtractError>> = prepared
        .iter()
        .map(|proofs| {
            proofs.as_ref().ok()?;
            place += 1;
            verified.of(place - 1).find_map(|(_, proof)| match proof {
                Err(ExtractError::DefaultLeaf { .. }) | Ok(_) => None,
                Err(error) => Some(error.clone()),
            })
        })
        .collect();
    drop(verified);
    let results = prepared.into_iter().zip(refused);
    let result =
        |(proofs, refused): (Result<BatchProofs<'a>, ExtractError>, Option<ExtractError>)| {
            let failure = |error: ExtractError| Failure::of(error.code(), &error, no_hints);
            match refused {
                Some(error) => Err(failure(error)),
                None => proofs.map_err(failure),
            }
        };
    results.map(result).collect()
}

fn unexplained() -> Failure {
    Failure { code: FailureCode::InternalError, message: "there is no proof".into() }
}

/// Reads a manifest.
pub(super) fn manifest(directory: &Directory, text: &[u8]) -> Result<Manifest, PublishError> {
    let bad = |reason: String| directory.damaged(MANIFEST, reason);
    let manifest: Manifest =
        serde_json::from_slice(text).map_err(|error| bad(error.to_string()))?;
    match (manifest.format.as_str(), manifest.version) {
        ("slproof-published", VERSION) => Ok(manifest),
        (_, version) => Err(bad(format!("format {:?}, version {version}", manifest.format))),
    }
}

/// Reads the lists that a manifest names.
pub(super) fn lists(directory: &Directory, manifest: &Manifest) -> Result<Lists, PublishError> {
    let mut lists = Lists::new();
    for chain in &manifest.chains {
        let bytes = directory.need_with(&chain.list, chain.list_hash)?;
        let text = String::from_utf8_lossy(&bytes);
        let list = lists.entry(chain.chain_id).or_default();
        for line in text.lines() {
            let listed = parse_line(line);
            let (batch, listed) = listed.ok_or_else(|| {
                directory.damaged(&chain.list, format!("{line:?} is not a line of a list"))
            })?;
            list.insert(batch, listed);
        }
    }
    Ok(lists)
}

fn parse_line(line: &str) -> Option<(BatchNumber, Listed)> {
    let mut words = line.split(' ');
    let (batch, hash) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let is_whole = match words.next()? {
        "whole" => true,
        "partial" => false,
        _ => return None,
    };
    words.next().is_none().then_some((batch, Listed { hash, is_whole }))
}
