//! From a path and flags to a state and its forest.

use std::{path::Path, time::Instant};

use super::{
    args::{PastArgs, StateArgs},
    error::CliError,
    report::{Words, count},
};
use crate::{
    contracts::{Bridgehub, MessageRoot, system},
    forest::{Addresses, Effort, Forest, RebuildOptions, Timeline, explain, rebuild},
    import::{Dump, Import, KnownSlots, read_events},
    primitives::Address,
    snapshot::Snapshot,
    state::{StateError, StorageReader},
};

/// Where the contracts stand in a state.
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
    /// Where the contracts stand: as given, MessageRoot where Bridgehub says when only Bridgehub is
    /// given, or at the system addresses.
    pub(super) fn addresses(&self, state: &Snapshot) -> Result<Addresses, CliError> {
        Ok(addresses(state, self.bridgehub, self.message_root)?)
    }

    fn options(&self, state: &Snapshot) -> Result<RebuildOptions, CliError> {
        Ok(RebuildOptions {
            addresses: self.addresses(state)?,
            release: self.release,
            sl_chain: self.sl_chain_id,
            last_block: self.last_block,
            max_gap: self.max_gap,
        })
    }

    /// How to read a dump.
    pub(super) fn import(&self) -> Import {
        Import {
            format: self.dump_format.into(),
            account: self.account,
            known: Some(known_slots(self.message_root.unwrap_or(system::MESSAGE_ROOT))),
            access: self.access,
            ..Import::default()
        }
    }

    /// Reads the state at `path`: a snapshot or a dump.
    pub(super) fn read(&self, path: &Path, words: &Words) -> Result<Dump, CliError> {
        let dump = self.import().read(path)?;
        let block = match dump.state.block() {
            Some(block) => format!("of block {block}"),
            None => "of an unnamed block".into(),
        };
        words.explain(format_args!(
            "{} is a {} {block}: {} storage slots",
            dump.name,
            dump.format,
            count(dump.state.header().entries),
        ));
        for note in &dump.notes {
            words.say(format_args!("{}: {note}", dump.name));
        }
        Ok(dump)
    }

    /// Reads the dump at `path` and rebuilds its trees.
    pub(super) fn forest(&self, path: &Path, words: &Words) -> Result<(Dump, Forest), CliError> {
        let dump = self.read(path, words)?;
        let forest = rebuild(&dump.state, &self.options(&dump.state)?)
            .map_err(|source| CliError::Rebuild { name: dump.name.clone(), source })?;
        let how = if self.release.is_some() { "as given" } else { "found from the state" };
        words.explain(format_args!("the contracts are of release {} ({how})", forest.layout()));
        Ok((dump, forest))
    }
}

impl PastArgs {
    /// Finds what every root by block contains.
    pub(super) fn timeline(
        &self,
        how: &StateArgs,
        dump: &Dump,
        forest: &Forest,
        words: &Words,
    ) -> Result<Timeline, CliError> {
        let started = Instant::now();
        let addresses = how.addresses(&dump.state)?;
        let events = match &self.events {
            Some(path) => read_events(path, addresses.message_root)?,
            None => Vec::new(),
        };
        let walk = Effort::default().walk.max(self.search);
        let effort = Effort { step: self.search, walk };
        let timeline = explain(&dump.state, addresses, forest, &events, effort)?;
        let history = timeline.history();
        let unexplained = history.unexplained().count();
        words.say(format_args!(
            "{} of {} roots by block explained, each by trees that hash to it, in {:.2} s",
            count(history.len() - unexplained),
            count(history.len()),
            started.elapsed().as_secs_f64(),
        ));
        if unexplained > 0 {
            words.say(
                "the others changed in more ways than were tried; give --events, or try more with \
                 --search",
            );
        }
        Ok(timeline)
    }
}
