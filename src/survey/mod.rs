//! What some files are, what can be proven with them, and what is missing.
//!
//! [`survey`] reads everything once: it rebuilds the trees of each state, folds the logs of each batch, and
//! searches for the contents of past roots. What it counts is what a job makes proofs of.

mod chain_counts;
mod counts;
mod files;
mod l1;
mod logs;
mod missing;
mod options;
mod problem;
mod provable;

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use serde::Serialize;

use logs::SurveyedLogs;

pub use chain_counts::{BatchRuns, ChainCounts};
pub use counts::Counts;
pub use files::{FileReport, FileUse};
pub use l1::{CrossedReport, L1Report, LostOnL1, LostRun};
pub use missing::{Missing, MissingPart};
pub use options::SurveyOptions;
pub use problem::Problem;
pub use provable::{Provable, TargetKind};

use crate::{
    files::InputError,
    forest::{Forest, InteropRoot},
    ingest::{FileKind, FoundFile, FoundFiles},
    primitives::{ChainId, Hash, SlBlock},
    proof::CheckedBy,
    prove::{ChosenEvidence, Error, StateUse, Trees, TreesOptions},
};

/// The number of trees that are tried for each past root, unless the options say it. More of them may be found
/// by a job.
const SEARCH: u64 = 1 << 16;

/// What some files are, what can be proven with them, and what is missing.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Survey {
    /// Every file, in order.
    pub files: Vec<FileReport>,
    /// What directories hold that was not read: hidden files, links to directories, devices and pipes.
    pub passed_over: Vec<PathBuf>,
    /// The trees, if there is evidence of a settlement layer.
    pub settlement_layer: Option<TreesReport>,
    /// What L1 keeps of the settlement layer, if there are files of L1.
    pub l1: Option<L1Report>,
    /// The chains of the trees, by their index, then further chains of the logs.
    pub chains: Vec<ChainCounts>,
    /// The number of parts of archives that were left out because they are damaged, lost on L1 or contradict each other.
    pub left_out: u64,
    /// What can be proven against each kind of target. Kinds against which nothing can be proven are not listed.
    pub provable: Vec<Provable>,
    /// What is missing; first what would make the most batches provable.
    pub missing: Vec<Missing>,
    /// Files that are damaged or contradict others.
    pub problems: Vec<Problem>,
}

/// The trees of a settlement layer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TreesReport {
    /// The settlement layer.
    pub sl_chain_id: ChainId,
    /// Whether there are states of other settlement layers, so that this one has to be named.
    pub is_one_of_several: bool,
    /// The release of its contracts.
    pub release: String,
    /// The files that they were rebuilt from.
    pub files: Vec<PathBuf>,
    /// What they were compared with.
    pub checked_by: CheckedBy,
    /// The block of the state, if it is known.
    pub block: Option<SlBlock>,
    /// The number of batches.
    pub batches: u64,
    /// The newest interop root. To trust the files, compare it with one from another source.
    pub interop_root: Option<InteropRootReport>,
    /// The root of the shared tree, which is to be compared if there is no interop root.
    pub shared_root: Hash,
}

/// An interop root.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InteropRootReport {
    /// The block whose root it is.
    pub block: SlBlock,
    /// The number of chains in it.
    pub chains: u64,
    /// The root.
    pub root: Hash,
}

impl From<InteropRoot> for InteropRootReport {
    fn from(root: InteropRoot) -> Self {
        Self { block: root.block, chains: root.chains, root: root.root }
    }
}

/// Surveys the files at some paths: files, or directories with all their subdirectories.
///
/// ```
/// use slproof::survey::survey;
///
/// let found = survey(&["fixtures/gateway-v29/state.anvil.json".into()], &Default::default())?;
/// assert_eq!(found.settlement_layer.map(|layer| layer.batches), Some(145));
/// // Without logs, nothing can be proven.
/// assert!(found.provable.is_empty() && !found.missing.is_empty());
/// # Ok::<(), slproof::Error>(())
/// ```
///
/// # Errors
/// [`Error`] if one of the paths cannot be read, or a temporary file not be written. Files in directories that
/// cannot be read, are damaged or contradict others are no error, but [problems](Survey::problems).
pub fn survey(paths: &[PathBuf], options: &SurveyOptions) -> Result<Survey, Error> {
    for path in paths {
        // Without this, a wrong name would be a file that is not recognized.
        path.metadata().map_err(|source| InputError::Open { path: path.clone(), source })?;
    }
    let found = FoundFiles::with_unreadable(paths, &options.trees.known)?;
    let trees_options = TreesOptions {
        search: options.trees.search.or(Some(SEARCH)),
        sl_batches: paths_of(found.of(|kind| kind == FileKind::SlBatches)),
        batch_roots_only: false,
        ..options.trees.clone()
    };
    let mut chosen = ChosenEvidence::among(&found, &trees_options, true)?;
    let mut problems = Vec::new();
    let (trees, used) = open(&mut chosen, &trees_options, &mut problems);
    let logs = SurveyedLogs::read(&found, trees.as_ref(), options, &mut problems)?;
    let mut files = files::report(&found, &chosen, &used, &logs);
    let kinds = provable::kinds(trees.as_ref(), &mut problems);
    let (chains, counts) = chain_counts::count(trees.as_ref(), &logs, &kinds)?;
    let missing = missing::missing(trees.as_ref(), &logs, &chains, &counts);
    let is_one_of_several =
        chosen.seen.iter().any(|state| matches!(state.usage, StateUse::OtherLayer));
    for state in chosen.seen {
        if let StateUse::Unusable(error) | StateUse::Contradicts(error) = state.usage {
            problems.push(Problem { files: state.paths, error });
        }
    }
    for FoundFile { path, damage, .. } in found.files {
        if let Some(error @ (InputError::Read { .. } | InputError::Open { .. })) = damage {
            problems.push(Problem { files: vec![path], error: error.into() });
        }
    }
    let in_problems: HashSet<&PathBuf> = problems.iter().flat_map(|found| &found.files).collect();
    let in_problem = files.iter_mut().filter(|file| in_problems.contains(&file.path));
    in_problem.for_each(FileReport::mark_as_problem);
    let settlement_layer = trees
        .as_ref()
        .and_then(|trees| Some(TreesReport::new(trees, trees.forest()?, used, is_one_of_several)));
    let l1 = trees.as_ref().and_then(L1Report::of);
    let provable = counts.into_iter().filter(|provable| provable.counts.batches > 0).collect();
    let (passed_over, left_out) = (found.passed_over, logs.left_out);
    Ok(Survey {
        files,
        passed_over,
        settlement_layer,
        l1,
        chains,
        left_out,
        provable,
        missing,
        problems,
    })
}

fn paths_of<'f>(files: impl Iterator<Item = &'f FoundFile>) -> Vec<PathBuf> {
    files.map(|file| file.path.clone()).collect()
}

/// Opens the trees of the chosen evidence, with the files that they come from. If the other evidence does not agree
/// with the first, that alone is used.
fn open(
    chosen: &mut ChosenEvidence,
    options: &TreesOptions,
    problems: &mut Vec<Problem>,
) -> (Option<Trees>, Vec<PathBuf>) {
    // The first kind that is there shows the trees; the others have to agree.
    let l1: Vec<PathBuf> = chosen.l1.paths().map(Path::to_owned).collect();
    let events = chosen.events.clone();
    let kinds = [chosen.state.clone(), events.clone(), l1.clone()];
    let kinds: Vec<Vec<PathBuf>> = kinds.into_iter().filter(|files| !files.is_empty()).collect();
    let Some((first, others)) = kinds.split_first() else { return (None, Vec::new()) };
    let mut with = |others: &[Vec<PathBuf>]| {
        let of = |files: &Vec<PathBuf>| match others.contains(files) {
            true => files.clone(),
            false => Vec::new(),
        };
        let options = TreesOptions { events: of(&events), from_l1: of(&l1), ..options.clone() };
        match chosen.state.is_empty() {
            true => Trees::open(first, &options),
            false => Trees::open_chosen(chosen, &options),
        }
    };
    match with(others) {
        Ok(trees) => (Some(trees), kinds.iter().flatten().cloned().collect()),
        Err(error) if others.is_empty() => {
            problems.push(Problem { files: first.clone(), error });
            (None, Vec::new())
        }
        Err(error) => {
            let (mut agreeing, mut failed) = (Vec::new(), Vec::new());
            for kind in others.iter().filter(|_| others.len() > 1) {
                match with(std::slice::from_ref(kind)) {
                    Ok(trees) => agreeing.push((trees, kind)),
                    Err(error) => failed.push(Problem { files: kind.clone(), error }),
                }
            }
            match (agreeing.pop(), failed.is_empty()) {
                (Some((trees, kind)), false) => {
                    problems.append(&mut failed);
                    return (Some(trees), first.iter().chain(kind).cloned().collect());
                }
                (None, false) => problems.append(&mut failed),
                // They contradict each other.
                (_, true) => {
                    let files = others.iter().flatten().cloned().collect();
                    problems.push(Problem { files, error });
                }
            }
            (with(&[]).ok(), first.clone())
        }
    }
}

impl TreesReport {
    fn new(trees: &Trees, forest: &Forest, files: Vec<PathBuf>, is_one_of_several: bool) -> Self {
        Self {
            sl_chain_id: forest.sl_chain(),
            is_one_of_several,
            release: forest.layout().to_string(),
            files,
            checked_by: forest.checked_by(),
            block: trees.block(),
            batches: forest.batch_count(),
            interop_root: forest.latest().map(InteropRootReport::from),
            shared_root: forest.root(),
        }
    }
}
