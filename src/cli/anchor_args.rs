//! Arguments about the state with which proofs and trees are compared.

use std::path::PathBuf;

use clap::{Arg, Args};

use super::{
    formats::InputFormat,
    state_args::{StateArgs, dump_format},
};
use crate::{
    ingest::state::Format,
    primitives::{Address, Hash},
    prove::{L1Options, StateOptions},
};

/// The name of the format flag in commands whose main input is not the state.
pub(super) const FORMAT: &str = "--anchor-format";

/// For commands whose main input is not the state.
pub(super) fn with_anchor_format(format: Arg) -> Arg {
    format.long(FORMAT.trim_start_matches('-'))
}

/// The state that decides.
#[derive(Clone, Debug, Args)]
pub(super) struct AnchorArgs {
    /// The state of L1: a snapshot, dumps of one state, or answers of eth_getProof with the header of
    /// their block (with --trust-block)
    #[arg(id = "anchor", long = "anchor", num_args = 1.., value_name = "STATE")]
    pub(super) paths: Vec<PathBuf>,
    /// The hash of the block that you trust; answers of eth_getProof have to hold for it
    #[arg(long, value_name = "HASH", requires = "anchor")]
    pub(super) trust_block: Option<Hash>,
}

/// For commands whose anchor may also be the state of another layer. The flag takes one value, so that the proofs
/// may follow it.
pub(super) fn of_any_layer(anchor: Arg) -> Arg {
    anchor.num_args(1).help(
        "A state that stores the roots: of the settlement layer, of a chain that imported them, or of L1 (with \
         --bridgehub): a snapshot, a dump, or answers of eth_getProof with the header of their block (with \
         --trust-block). May be repeated for the parts of one state",
    )
}

/// For commands that need the state of L1.
pub(super) fn required(anchor: Arg) -> Arg {
    anchor.required(true)
}

impl AnchorArgs {
    /// These options, with the trusted block.
    pub(super) fn options(&self, options: StateOptions) -> StateOptions {
        StateOptions { trusted_block: self.trust_block, ..options }
    }
}

/// The state of L1, beside data of a settlement layer.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "The state of L1")]
pub(super) struct L1StateArgs {
    #[command(flatten)]
    pub(super) anchor: AnchorArgs,
    /// The format of the state of L1
    #[arg(long, value_parser = dump_format(), default_value = "auto", value_name = "FORMAT", requires = "anchor")]
    pub(super) anchor_format: InputFormat<Format>,
    /// The address of Bridgehub on L1
    #[arg(long, value_name = "ADDRESS", requires = "anchor")]
    pub(super) anchor_bridgehub: Option<Address>,
    /// The address of MessageRoot on L1 [default: the one that Bridgehub names]
    #[arg(long, value_name = "ADDRESS", requires = "anchor")]
    pub(super) anchor_message_root: Option<Address>,
}

impl L1StateArgs {
    /// The state, if it was given. `others` are the flags about the data of the settlement layer, whose network L1
    /// belongs to.
    pub(super) fn options(&self, others: &StateArgs) -> Option<L1Options> {
        let network = others.deployment();
        let state = StateOptions {
            format: self.anchor_format.0,
            access: others.access,
            bridgehub: self.anchor_bridgehub.or(network.map(|network| network.bridgehub)),
            message_root: self.anchor_message_root,
            ..StateOptions::default()
        };
        let paths = self.anchor.paths.clone();
        (!paths.is_empty()).then(|| L1Options { paths, state: self.anchor.options(state) })
    }
}
