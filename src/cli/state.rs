//! From a path and flags to a state and its forest.

use std::{fs::File, io::Read, path::Path, time::Instant};

use super::{
    error::CliError,
    report::{Console, count},
    sniff::{Role, wrong_input},
    state_args::{DumpFormat, SearchArgs, StateArgs, TreeArgs},
};
use crate::{
    contracts::{Bridgehub, MessageRoot, MessageRootEvent, system},
    files::{Kind, container::is_container},
    forest::{
        Addresses, Forest, HistoryError, HistoryOptions, RebuildOptions, SearchBudget, TREE_FILE,
        Timeline, TreeFile, explain, explain_further, rebuild, rebuild_to_file,
    },
    ingest::{
        events::read_events,
        state::{Dump, Import, KnownSlots},
    },
    primitives::{Address, SlBlock},
    snapshot::Snapshot,
    state::{StateError, StorageReader},
};

/// The addresses of the contracts in a state.
pub(super) fn addresses<S: StorageReader + ?Sized>(
    state: &S,
    bridgehub: Option<Address>,
    message_root: Option<Address>,
) -> Result<Addresses, StateError> {
    let system = Addresses::default();
    let message_root = match (message_root, bridgehub) {
        (Some(given), _) => Some(given),
        (None, Some(bridgehub)) => Bridgehub::at(state, bridgehub).message_root()?,
        (None, None) => None,
    };
    Ok(Addresses {
        bridgehub: bridgehub.unwrap_or(system.bridgehub),
        message_root: message_root.unwrap_or(system.message_root),
    })
}

/// The slots of MessageRoot by which states are recognised.
pub(super) fn known_slots(message_root: Address) -> KnownSlots {
    KnownSlots {
        contract: message_root,
        written: MessageRoot::<Snapshot>::chain_count_slot(),
        sl_chain: MessageRoot::<Snapshot>::chain_at_slot(0),
    }
}

impl StateArgs {
    /// The addresses of the contracts: the given ones, MessageRoot's from Bridgehub if only that is given,
    /// or the system addresses.
    pub(super) fn addresses(&self, state: &Snapshot) -> Result<Addresses, CliError> {
        Ok(addresses(state, self.bridgehub, self.message_root)?)
    }

    /// How to read a dump.
    pub(super) fn import(&self) -> Import {
        Import {
            format: self.format.into(),
            account: self.account,
            known: Some(known_slots(self.message_root.unwrap_or(system::MESSAGE_ROOT))),
            access: self.access,
            ..Import::default()
        }
    }

    /// Reads the state at `path`: a snapshot or a dump.
    pub(super) fn read(&self, path: &Path, console: &Console) -> Result<Dump, CliError> {
        let read = self.import().read(path);
        let dump = read.map_err(|error| wrong_input(path, Role::State, error.into()))?;
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
        Ok(dump)
    }

    /// The tree file at a path, if it is one.
    pub(super) fn tree_file(&self, path: &Path) -> Result<Option<TreeFile>, CliError> {
        if !is_native(path, TREE_FILE) {
            return Ok(None);
        }
        let file = TreeFile::open(path, self.access)?;
        match self.given() {
            Some(flag) => Err(CliError::Usage(format!(
                "{} is a tree file; {flag} has no effect on one, because its trees are rebuilt already",
                file.container().name()
            ))),
            None => Ok(Some(file)),
        }
    }

    /// The first of these flags that was given.
    pub(super) fn given(&self) -> Option<&'static str> {
        let given = [
            (self.format_flag, !matches!(self.format, DumpFormat::Auto)),
            ("--account", self.account.is_some()),
            ("--bridgehub", self.bridgehub.is_some()),
            ("--message-root", self.message_root.is_some()),
        ];
        given.into_iter().find_map(|(flag, given)| given.then_some(flag))
    }
}

impl TreeArgs {
    /// The first of these flags that was given.
    pub(super) fn given(&self) -> Option<&'static str> {
        let given = [
            ("--sl-chain-id", self.sl_chain_id.is_some()),
            ("--release", self.release.is_some()),
            ("--last-block", self.last_block.is_some()),
        ];
        let of_trees = given.into_iter().find_map(|(flag, given)| given.then_some(flag));
        self.state.given().or(of_trees)
    }

    fn options(&self, state: &Snapshot) -> Result<RebuildOptions, CliError> {
        Ok(RebuildOptions {
            addresses: self.state.addresses(state)?,
            release: self.release,
            sl_chain: self.sl_chain_id,
            last_block: self.last_block,
            max_gap: self.max_gap,
            ..RebuildOptions::default()
        })
    }

    /// The trees at `path`: those of a tree file, or of a dump whose trees are rebuilt.
    pub(super) fn forest(&self, path: &Path, console: &Console) -> Result<Rebuilt, CliError> {
        if let Some(file) = self.tree_file(path)? {
            console.verbose(format_args!(
                "{}: tree file, {} batches; nothing is hashed again",
                file.container().name(),
                count(file.forest().batch_count()),
            ));
            return Ok(Rebuilt { forest: file.forest().clone(), origin: Origin::File(file) });
        }
        let dump = self.state.read(path, console)?;
        let forest = rebuild(&dump.state, &self.options(&dump.state)?)
            .map_err(|source| CliError::Rebuild { name: dump.name.clone(), source })?;
        let how = if self.release.is_some() { "as given" } else { "detected from the state" };
        console.verbose(format_args!("release of the contracts: {} ({how})", forest.layout()));
        Ok(Rebuilt { forest, origin: Origin::State(dump) })
    }

    /// The tree file at a path, if it is one.
    fn tree_file(&self, path: &Path) -> Result<Option<TreeFile>, CliError> {
        let Some(file) = self.state.tree_file(path)? else { return Ok(None) };
        let wrong =
            |what: String| Err(CliError::Usage(format!("{} {what}", file.container().name())));
        let found = file.forest().sl_chain();
        if let Some(expected) = self.sl_chain_id.filter(|expected| *expected != found) {
            return wrong(format!(
                "holds the trees of settlement layer {found}, not of {expected}"
            ));
        }
        if let Some(given) = self.release.filter(|given| given.layout() != file.forest().layout()) {
            return wrong(format!("is of release {}, not {given}", file.forest().layout()));
        }
        match (self.last_block, file.block()) {
            (Some(given), Some(block)) if given != block => {
                wrong(format!("holds the trees of block {block}, not of {given}"))
            }
            (Some(_), None) => wrong("does not name the block of its trees".into()),
            _ => Ok(Some(file)),
        }
    }

    /// Rebuilds the trees of the state at `path` straight into a tree file.
    pub(super) fn write_tree_file(
        &self,
        path: &Path,
        past: Option<&SearchArgs>,
        target: &Path,
        console: &Console,
    ) -> Result<Rebuilt, CliError> {
        if is_native(path, TREE_FILE) {
            return Err(CliError::Usage(format!(
                "{} is a tree file already; -o needs a snapshot or a dump",
                path.display()
            )));
        }
        let dump = self.state.read(path, console)?;
        let options = self.options(&dump.state)?;
        let events = match past {
            Some(past) => past.events(options.addresses.message_root)?,
            None => Vec::new(),
        };
        let past = past.map(|past| HistoryOptions { events: &events, effort: past.effort() });
        rebuild_to_file(&dump.state, &options, past, target)
            .map_err(|source| CliError::TreeFile { name: dump.name.clone(), source })?;
        let file = TreeFile::open(target, self.state.access)?;
        Ok(Rebuilt { forest: file.forest().clone(), origin: Origin::File(file) })
    }
}

/// Whether a regular file is a native one of this kind. An unreadable file is reported where it is read.
pub(super) fn is_native(path: &Path, kind: Kind) -> bool {
    let mut head = [0; 16];
    path.is_file()
        && File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok()
        && is_container(&head)
        && head[12..] == kind.tag
}

/// Trees, and what they were rebuilt from.
pub(super) struct Rebuilt {
    pub(super) forest: Forest,
    pub(super) origin: Origin,
}

/// What trees were rebuilt from.
pub(super) enum Origin {
    State(Dump),
    File(TreeFile),
}

impl Origin {
    /// The block of the state, if it is known.
    pub(super) fn block(&self) -> Option<SlBlock> {
        match self {
            Self::State(dump) => dump.state.block(),
            Self::File(file) => file.block(),
        }
    }
}

impl SearchArgs {
    fn events(&self, message_root: Address) -> Result<Vec<MessageRootEvent>, CliError> {
        Ok(match &self.events {
            Some(path) => read_events(path, message_root)?,
            None => Vec::new(),
        })
    }

    /// How many trees to try, if that is given.
    fn effort(&self) -> Option<SearchBudget> {
        self.search.map(SearchBudget::with_step)
    }

    /// Finds what every root by block contains, unless a tree file has it.
    pub(super) fn timeline(
        &self,
        how: &TreeArgs,
        Rebuilt { forest, origin }: &Rebuilt,
        console: &Console,
    ) -> Result<Timeline, CliError> {
        let started = Instant::now();
        let effort =
            self.effort().unwrap_or_else(|| SearchBudget::for_batches(forest.batch_count()));
        let timeline = match origin {
            Origin::State(dump) => {
                let addresses = how.state.addresses(&dump.state)?;
                let events = self.events(addresses.message_root)?;
                explain(&dump.state, addresses, forest, &events, effort)?
            }
            Origin::File(file) => {
                if forest.latest().is_none() {
                    return Err(CliError::History(HistoryError::NoRoots));
                }
                let events = self.events(system::MESSAGE_ROOT)?;
                explain_further(forest, file.history()?, &events, effort)?
            }
        };
        let history = timeline.history();
        let unexplained = history.unexplained().count();
        console.info(format_args!(
            "{} of {} roots by block explained, each by trees that hash to it, in {:.2} s",
            count(history.len() - unexplained),
            count(history.len()),
            started.elapsed().as_secs_f64(),
        ));
        if unexplained > 0 {
            console.info(
                "the other roots changed in more ways than were tried; give --events, or try more with \
                 --search",
            );
        }
        Ok(timeline)
    }
}
