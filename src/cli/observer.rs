//! Reports on standard error how trees are opened and how far a job is.

use std::sync::{Mutex, PoisonError};

use super::{
    interrupt::{AtOnce, InOrder, interrupted},
    progress::{Progress, ProgressFactory},
    report::{self, Console, count},
};
use crate::{
    files::names,
    forest::{BridgedEnd, BridgedTrees, Forest, InteropRoot},
    ingest::{
        event_logs::Mapping,
        l1::{L1Data, L1Layer},
        state::Dump,
    },
    primitives::SlBatch,
    proof::Target,
    prove::{AnchorState, Event, Observer, StateUse, SurveyedState, Trees, with_causes},
    state::StorageReader,
};

/// Missing events that are printed one by one.
const GAPS_SHOWN: usize = 8;

/// Reports how trees were opened.
pub(super) struct TreesObserver {
    console: Console,
    /// Set during the search for past roots, which a signal ends at once.
    at_once: Mutex<Option<AtOnce>>,
}

impl TreesObserver {
    pub(super) fn new(console: &Console) -> Self {
        Self { console: *console, at_once: Mutex::default() }
    }

    fn set(&self, at_once: Option<AtOnce>) {
        *self.at_once.lock().unwrap_or_else(PoisonError::into_inner) = at_once;
    }
}

impl Observer for TreesObserver {
    fn event(&self, event: &Event<'_>) {
        let console = &self.console;
        match event {
            Event::StateChosen(state) => state_chosen(state, console),
            Event::StateRead(dump) => state_read(dump, console),
            Event::TreeFileOpened(file) => console.verbose(format_args!(
                "{}: tree file, {} batches; nothing is hashed again",
                file.container().name(),
                count(file.forest().batch_count()),
            )),
            Event::LogsRead(mapping) => logs_read(mapping, console),
            Event::EventGaps(gaps) => {
                for gap in gaps.iter().take(GAPS_SHOWN) {
                    console.info(format_args!("missing event: {gap}"));
                }
                if gaps.len() > GAPS_SHOWN {
                    let rest = count(gaps.len() - GAPS_SHOWN);
                    console.info(format_args!("{rest} more events are missing"));
                }
            }
            Event::OnlyEvents(forest) => only_events(forest, console),
            Event::EventsUnused => console.info(
                "the events confirm nothing: they have no batch in common with the state, or the last interop root of a \
                 block in them is not that of the block in the state",
            ),
            Event::EventsGoOn(forest) => console.info(match forest.latest() {
                Some(latest) => format!(
                    "the events go on after the state, whose newest root is that of block {}: the trees are those of \
                     the events, compared with the state up to there",
                    latest.block
                ),
                None => "the events go on after the state, which has no interop root: the trees are those of the \
                         events, compared with the state"
                    .into(),
            }),
            Event::EventsNotAlone(error) => {
                console.info(
                    "the events give no trees without other data: the trees are those from L1, compared with the events",
                );
                console.verbose(with_causes(*error));
            }
            Event::L1GoesOn => {
                console.info("the trees from L1 go on after those of the other data, and are used");
            }
            Event::DamagedFile(error) => {
                console.info(format_args!("not used: {}", with_causes(*error)));
            }
            Event::L1Read { data, layer } => l1_read(data, layer, console),
            Event::L1Gaps(gaps) => {
                for gap in gaps.iter().take(GAPS_SHOWN) {
                    console.info(gap);
                }
                if gaps.len() > GAPS_SHOWN {
                    let rest = count(gaps.len() - GAPS_SHOWN);
                    console.info(format_args!("{rest} more ranges of SL batches are missing"));
                }
            }
            Event::L1BesideFile { goes_on, is_bridged } => {
                console.info("the trees equal those from L1, which the tree file does not record");
                if *goes_on {
                    console.info(match is_bridged {
                        true => {
                            "the trees from L1 go on after them, past missing batches; for all batches, give prove \
                             --tree these files and those of L1"
                        }
                        false => {
                            "the trees from L1 go on after them; rebuild from the files of L1 alone for all batches"
                        }
                    });
                }
            }
            Event::L1Within { has_all, later } => {
                if !has_all {
                    console.info(
                        "the files of L1 confirm the beginning of the trees; later batches were not compared with L1",
                    );
                }
                if *later > 0 {
                    console.info(format_args!(
                        "{} batches of chains that were executed after these trees are known from L1 only: to prove \
                         them, give the files of L1 without other evidence",
                        count(*later)
                    ));
                }
            }
            Event::L1Unused(error) => {
                console.info("the batches on L1 were not compared with the trees");
                console.verbose(with_causes(*error));
            }
            Event::L1PassedOver { name, error } => {
                console.info(format_args!("{name}: not used, because {}", with_causes(*error)));
            }
            Event::Rebuilt { layout, is_given } => {
                let how = if *is_given { "as given" } else { "detected" };
                console.verbose(format_args!("release of the contracts: {layout} ({how})"));
            }
            Event::SearchBegins => self.set(Some(AtOnce::new())),
            Event::SearchEnds => self.set(None),
            Event::HistoryFound { roots, lost, explained, elapsed } => {
                console.info(format_args!(
                    "{} of {} roots by block explained, each by trees that hash to it, in {:.2} s",
                    count(*explained),
                    count(*roots),
                    elapsed.as_secs_f64(),
                ));
                if *lost > 0 {
                    console.info(format_args!(
                        "{} more roots by block, which the contract counts, are missing in the state",
                        count(*lost)
                    ));
                }
                if explained < roots {
                    console.info(
                        "the other roots changed in more ways than were tried; give --events, or try more with \
                         --search",
                    );
                }
            }
            Event::SlBatchRootUnchecked => console.info(
                "the root of an SL batch is the one in its file or commit; compare it with L1's, or give L1's state \
                 with --anchor",
            ),
            Event::StoredPathsUnchecked => console.info(
                "the paths that the node stored lead to roots that were compared with nothing; compare them with L1's, \
                 or for sl-batch targets give L1's state with --anchor",
            ),
            Event::SlBatchRoot { batch, known } => console.verbose(format_args!(
                "the root of SL batch {batch} is {} by {}",
                known.root, known.location
            )),
            _ => {}
        }
    }
}

/// Says what was read of a file of logs, and whether an exporter may have cut it.
fn logs_read(mapping: &Mapping, console: &Console) {
    console.verbose(mapping);
    if mapping.counts.are_a_limit() {
        console.info(format_args!(
            "{}: exactly {} logs, a number at which exporters cut a list; make sure that there are none after block \
             {}",
            mapping.name,
            count(mapping.counts.logs),
            mapping.counts.last_block,
        ));
    }
}

/// Says what was read of files of L1.
fn l1_read(data: &L1Data, layer: &L1Layer, console: &Console) {
    let names = data.commits(layer).names().iter().map(ToString::to_string);
    let names: Vec<String> = names.collect();
    let batches = layer.record.batches();
    if let (Some(first), Some(last)) = (batches.first(), batches.last()) {
        console.verbose(format_args!(
            "L1: SL batches {} to {} of {}; {} blobs",
            first.batch,
            last.batch,
            names.join(", also "),
            count(data.blobs().counts().used),
        ));
    }
    let gaps = data.commits(layer).gaps();
    let without_commits = gaps
        .iter()
        .map(|(batches, reason)| format!("{}: {}", SlBatch::names(batches), with_causes(reason)));
    let without_pubdata = layer.lost.iter().map(|lost| with_causes(lost));
    let unusable = data.unusable(layer).map(with_causes);
    let passed_over = data.commits(layer).passed_over().iter();
    let passed_over = passed_over
        .filter(|(reason, _)| reason.is_uncertain())
        .map(|(reason, calls)| format!("passed over: {}, each of which {reason}", count(*calls)));
    let lines: Vec<String> =
        without_commits.chain(without_pubdata).chain(unusable).chain(passed_over).collect();
    let shown = if console.is_verbose() { usize::MAX } else { GAPS_SHOWN };
    lines.iter().take(shown).for_each(|lost| console.info(lost));
    let rest = lines.len().saturating_sub(shown);
    if rest > 0 {
        console.info(format_args!("and {} more; -v shows all", count(rest)));
    }
}

/// Says what events alone do not show.
pub(super) fn only_events(forest: &Forest, console: &Console) {
    const LACK: &str = "events do not show that they are of the real chain, or complete up to the end of their last \
                        block";
    console.info(match forest.latest() {
        Some(latest) => format!(
            "{LACK}: compare the root of block {}, {}, with one from another source, such as the interop root that \
             another chain imported",
            latest.block, latest.root
        ),
        None => format!(
            "{LACK}: compare the root of the shared tree, {}, with one from another source, such as \
             getAggregatedRoot of MessageRoot",
            forest.root()
        ),
    });
}

/// Reports what a state in a directory is used for.
fn state_chosen(state: &SurveyedState, console: &Console) {
    let names = names(&state.paths);
    match &state.usage {
        StateUse::Evidence if state.paths.len() > 1 => {
            console.info(format_args!("parts of one state: {names}"));
        }
        StateUse::Evidence => console.info(format_args!("used: {names}")),
        StateUse::Past => console.info(format_args!(
            "not used: {names}, the past of the state that is used, with {} batches",
            count(state.batches)
        )),
        StateUse::OtherLayer => {
            console.info(format_args!("not used: {names}, of another settlement layer"));
        }
        StateUse::Importer => console.info(format_args!(
            "not used: {names}, of a chain that imported interop roots; it can be an anchor"
        )),
        StateUse::Part(error) => {
            console.info(format_args!("not used: {names}, not whole, or of L1 or another chain"));
            console.verbose(with_causes(error));
        }
        StateUse::Unusable(error) | StateUse::Contradicts(error) => {
            console.info(format_args!("not used: {}", with_causes(error)));
        }
    }
}

/// Reports which state was read.
pub(super) fn state_read(dump: &Dump, console: &Console) {
    let block = match dump.state.block() {
        Some(block) => format!("of block {block}"),
        None => "of an unknown block".into(),
    };
    console.verbose(format_args!(
        "{}: {} {block}, {} storage slots",
        dump.name,
        dump.format,
        count(dump.state.header().entries),
    ));
    for note in &dump.notes {
        console.info(format_args!("{}: {note}", dump.name));
    }
}

/// Says which anchor was read.
pub(super) fn anchor_read(anchor: &AnchorState, console: &Console) {
    match anchor {
        AnchorState::Dump(dump) => state_read(dump, console),
        AnchorState::Proofs(proofs) => console.info(format_args!(
            "{} slots are proven for block {} with the trusted hash {}",
            count(proofs.slots.len() as u64),
            proofs.block,
            proofs.block_hash,
        )),
    }
}

/// Reports the progress of a job, and cancels the job on a signal.
pub(super) struct JobObserver {
    console: Console,
    bars: ProgressFactory,
    trees: Trees,
    target: Target,
    /// The number of lines of requests, if it is known.
    lines: Option<u64>,
    running: Mutex<Running>,
}

/// State that exists only while a job runs.
#[derive(Default)]
struct Running {
    progress: Option<Progress>,
    in_order: Option<InOrder>,
}

impl JobObserver {
    pub(super) fn new(
        console: &Console,
        bars: ProgressFactory,
        trees: &Trees,
        target: Target,
        lines: Option<u64>,
    ) -> Self {
        let running = Mutex::default();
        Self { console: *console, bars, trees: trees.clone(), target, lines, running }
    }

    fn running(&self, change: impl FnOnce(&mut Running)) {
        change(&mut self.running.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Called when the job is over. Removes the bar; signals end the process at once again.
    pub(super) fn end(&self) {
        self.running(|running| *running = Running::default());
    }

    /// The settlement layer and the target of the proofs.
    fn summary(&self) -> String {
        let Some(forest) = self.trees.forest() else {
            return match self.trees.are_stored_paths() {
                true => {
                    format!("target             {} of the paths that the node stored", self.target)
                }
                false => {
                    "target             batch roots of the chains, as the state stores them".into()
                }
            };
        };
        // Batches after missing ones of the settlement layer have later roots, each the last one to which its path is known.
        let after = forest.bridged().map_or(&[][..], BridgedTrees::ends);
        let after = after.iter().rev().find_map(BridgedEnd::last_block);
        let target = match (self.target, forest.latest()) {
            (Target::Latest, latest) if latest.is_some() || after.is_some() => {
                let latest = latest.map(|InteropRoot { block, root, .. }| {
                    format!("interop root of block {block}, {root}")
                });
                let after = after.map(|last| {
                    format!(
                        "after missing SL batches the last interop root with a known path, up to that of block {last}"
                    )
                });
                latest.into_iter().chain(after).collect::<Vec<_>>().join("; ")
            }
            (Target::First, _) => "interop root of the block that executed the batch".into(),
            (Target::Block(block), _) => format!("interop root of block {block}"),
            (Target::SlBatch(batch), _) => match self.trees.rebuilt_sl_batch(batch) {
                Some(rebuilt) => format!("root of SL batch {batch}, {}", rebuilt.root()),
                None => format!("root of SL batch {batch}"),
            },
            (Target::FirstSlBatch, _) => "root of the SL batch that executed the batch".into(),
            _ => "batch roots of the chains".into(),
        };
        let checked_by = forest.checked_by();
        format!(
            "settlement layer   {}: {} chains, {} batches, checked by {checked_by}\n\
             target             {target}",
            forest.sl_chain(),
            forest.chains().len(),
            count(forest.batch_count()),
        )
    }
}

impl Observer for JobObserver {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Selected => self.console.info(self.summary()),
            Event::OutputBegins { is_resumable: true } => {
                self.running(|running| running.in_order = Some(InOrder::new()));
            }
            Event::Resumed { steps } => self
                .console
                .info(format_args!("resumed            after {} of its steps", count(*steps))),
            Event::ProvingBegins { logs, done } => {
                let progress = self.bars.begin("logs", logs.or(self.lines));
                progress.go_on_from(*done);
                self.running(|running| running.progress = Some(progress));
            }
            Event::Unwritten(failure) => report::request_failed(failure),
            _ => {}
        }
    }

    fn advanced(&self, logs: u64) {
        self.running(|running| running.progress.iter().for_each(|progress| progress.add(logs)));
    }

    fn is_cancelled(&self) -> bool {
        interrupted()
    }
}
