//! What each file is and what it gives.

use std::{collections::HashSet, path::PathBuf};

use serde::Serialize;

use super::logs::SurveyedLogs;
use crate::{
    files::InputError,
    ingest::{FileKind, FoundFile, FoundFiles, OtherAnswer},
    primitives::{ChainId, SlBlock},
    prove::{ChosenEvidence, StateUse, SurveyedState},
};

/// What a file is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileUse {
    /// Trees are rebuilt from it, alone or with other files.
    Evidence,
    /// It is an older state of the same settlement layer, or the same one again.
    Past,
    /// It is evidence of another settlement layer.
    OtherLayer,
    /// It is the state of a chain that imported interop roots, with which proofs can be compared.
    Anchor,
    /// It is the state of L1 or of another chain, or a part of a state that is not whole.
    OtherState,
    /// It holds answers of `eth_getProof` or a block's header, with which proofs can be compared.
    StateProofs,
    /// It holds logs.
    Logs,
    /// It holds logs of a chain that is not known.
    LogsOfUnknownChain,
    /// It holds the settlement layer's own batches, for targets on L1.
    SlBatches,
    /// It holds the blocks of batches, for receipts that do not name their batch.
    BatchBlocks,
    /// It belongs to proofs that were made, or are to be made: proofs, requests, manifests, checkpoints.
    Proofs,
    /// It is damaged or contradicts other files.
    Problem,
    /// It is not used.
    Nothing,
}

/// A file.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileReport {
    /// Where it is.
    pub path: PathBuf,
    /// What it is, in words.
    pub what: String,
    /// What it is used for.
    #[serde(rename = "use")]
    pub usage: FileUse,
    /// The chain of its logs, if the roots showed it; or the settlement layer of the state.
    pub chain_id: Option<ChainId>,
    /// The block of a state.
    pub block: Option<SlBlock>,
    /// The number of batches in it, if it is known.
    pub batches: Option<u64>,
}

impl FileReport {
    /// Marks the file as damaged or contradicting others.
    pub(super) fn mark_as_problem(&mut self) {
        self.usage = FileUse::Problem;
    }
}

/// Reports every file, in order.
pub(super) fn report(
    found: &FoundFiles,
    chosen: &ChosenEvidence,
    used: &[PathBuf],
    logs: &SurveyedLogs,
) -> Vec<FileReport> {
    let used: HashSet<&PathBuf> = used.iter().collect();
    found
        .files
        .iter()
        .map(|file| {
            let path = &file.path;
            let state = chosen.seen.iter().find(|state| state.paths.contains(path));
            FileReport {
                path: path.clone(),
                what: what(file),
                usage: usage(file, state, &used, &logs.without_chain),
                chain_id: state.map_or(logs.chains.of(path), |state| state.sl_chain),
                block: state.and_then(|state| state.block),
                batches: match state {
                    Some(state) => state.sl_chain.map(|_| state.batches),
                    None => logs.batches.get(path).copied(),
                },
            }
        })
        .collect()
}

fn what(file: &FoundFile) -> String {
    match (file.description(), &file.damage) {
        (Some(what), _) => what,
        (None, Some(InputError::Empty { .. })) => "empty".into(),
        (None, Some(InputError::Packed { what, command, .. })) => {
            format!("{what}, to be unpacked with {command}")
        }
        (None, Some(error)) if error.is_damage() => "damaged".into(),
        (None, Some(_)) => "cannot be read".into(),
        (None, None) => "not recognized".into(),
    }
}

fn usage(
    file: &FoundFile,
    state: Option<&SurveyedState>,
    used: &HashSet<&PathBuf>,
    without_chain: &[PathBuf],
) -> FileUse {
    match (state.map(|state| &state.usage), file.kind) {
        (Some(StateUse::Past), _) => FileUse::Past,
        (Some(StateUse::OtherLayer), _) => FileUse::OtherLayer,
        (Some(StateUse::Importer), _) => FileUse::Anchor,
        (Some(StateUse::Part(_)), _) => FileUse::OtherState,
        (Some(StateUse::Unusable(_) | StateUse::Contradicts(_)), _) => FileUse::Problem,
        _ if used.contains(&file.path) => FileUse::Evidence,
        _ if without_chain.contains(&file.path) => FileUse::LogsOfUnknownChain,
        (_, Some(kind)) if kind.has_logs() => FileUse::Logs,
        (_, Some(FileKind::Answer(OtherAnswer::EthGetProof | OtherAnswer::Block))) => {
            FileUse::StateProofs
        }
        (_, Some(FileKind::SlBatches)) => FileUse::SlBatches,
        (_, Some(FileKind::BatchBlocks)) => FileUse::BatchBlocks,
        (
            _,
            Some(FileKind::Proofs | FileKind::Requests | FileKind::Manifest | FileKind::Checkpoint),
        ) => FileUse::Proofs,
        _ => FileUse::Nothing,
    }
}
