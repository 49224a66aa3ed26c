//! The values of flags for formats and calls: the variants of the library's types.

use clap::{
    ValueEnum,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
};

use crate::{
    contracts::Network,
    ingest::{logs::SourceFormat, state::Format},
    message::LogKind,
    proof::calldata::{Call, CallChoice},
    records::{Integers, ProofFormat},
};

/// The format of an input; `None` if it is to be detected.
#[derive(Clone, Copy, Debug)]
pub(super) struct InputFormat<T>(pub(super) Option<T>);

impl<T: ValueEnum + Send + Sync + 'static> InputFormat<T> {
    /// Parses a format, or the word "auto", whose help text is `detection`.
    pub(super) fn parser(detection: &'static str) -> impl TypedValueParser<Value = Self> {
        let formats = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let values = [PossibleValue::new("auto").help(detection)].into_iter().chain(formats);
        PossibleValuesParser::new(values).map(|name| {
            let is_named = |format: &&T| {
                format.to_possible_value().is_some_and(|value| value.get_name() == name)
            };
            Self(T::value_variants().iter().find(is_named).cloned())
        })
    }
}

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, help) = match self {
            Self::Anvil => ("anvil", "anvil --dump-state, or the answer of anvil_dumpState"),
            Self::Geth => ("geth", "geth dump, or the answer of debug_dumpBlock"),
            Self::GethSnapshot => ("geth-snapshot", "geth snapshot dump"),
            Self::AnvilZksync => ("anvil-zksync", "anvil-zksync --dump-state"),
            Self::EraSnapshot => {
                ("era-snapshot", "The directory or the header of a zksync-era snapshot")
            }
            Self::StorageRange => {
                ("storage-range", "Pages of debug_storageRangeAt; needs --account")
            }
            Self::Table => (
                "table",
                "A table of address,slot,value or hashedKey,value: CSV, NDJSON or pg_dump as text",
            ),
            Self::Snapshot => ("snapshot", "A snapshot that slproof import made"),
        };
        Some(PossibleValue::new(name).help(help))
    }
}

impl ValueEnum for SourceFormat {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            // A native file is always detected, so it needs no name.
            Self::Native => return None,
            Self::Jsonl => "One JSON object per line and batch",
            Self::Receipts => "Receipts and events, as nodes return them",
            Self::EventLogs => {
                "Events in tables and pages of exporters: CSV, COPY, Parquet and JSON"
            }
            Self::Pubdata => "The pubdata of one batch of an Era or ZKsync OS chain",
            Self::PubdataList => {
                "A list of batches with their pubdata, or with the names of its files"
            }
            Self::Executions => {
                "Transactions of a Gateway of v31 that execute batches with their logs"
            }
            Self::Postgres => {
                "Rows of a zksync-era node's tables: pg_dump in plain text, COPY with HEADER, or CSV"
            }
        };
        Some(PossibleValue::new(self.word()).help(help))
    }
}

impl ValueEnum for ProofFormat {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, help) = match self {
            Self::Json => ("json", "One JSON object, or an array of them"),
            Self::Ndjson => ("ndjson", "One JSON object per line"),
            Self::Rpc => ("rpc", "One object per line, with the fields that a node returns"),
            Self::Calldata => {
                ("calldata", "One object per line, with the ABI-encoded call for the proof")
            }
            Self::Parquet => ("parquet", "Rows of a Parquet file"),
            Self::Bundle => {
                ("bundle", "One page of HTML with the proofs and the script that checks them")
            }
        };
        Some(PossibleValue::new(name).help(help))
    }
}

impl ValueEnum for Integers {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Number, Self::String]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, help) = match self {
            Self::Number => ("number", "JSON numbers, which are exact to 64 bits"),
            Self::String => ("string", "Strings of decimal digits, for JavaScript"),
        };
        Some(PossibleValue::new(name).help(help))
    }
}

impl ValueEnum for CallChoice {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self::BySender,
            Self::Only(Call::Message),
            Self::Only(Call::Log),
            Self::Only(Call::Leaf),
            Self::Only(Call::FinalizeDeposit),
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, call, contract) = match self {
            // The default has no name.
            Self::ByLog => return None,
            Self::BySender => {
                let help = "finalizeDeposit for withdrawals, message or log for other logs";
                return Some(PossibleValue::new("auto").help(help));
            }
            Self::Only(call @ Call::Message) => ("message", call, ""),
            Self::Only(call @ Call::Log) => ("log", call, ""),
            Self::Only(call @ Call::Leaf) => ("leaf", call, ""),
            Self::Only(call @ Call::FinalizeDeposit) => (
                "finalize-deposit",
                call,
                " of L1Nullifier; other logs than withdrawals are skipped",
            ),
        };
        Some(PossibleValue::new(name).help(format!("{}{contract}", call.name())))
    }
}

impl ValueEnum for Network {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Self::Mainnet => "ZKsync on Ethereum",
            Self::Testnet => "ZKsync on Sepolia",
        };
        Some(PossibleValue::new(self.name()).help(help))
    }
}

impl ValueEnum for LogKind {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Message, Self::Status, Self::Other]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, help) = match self {
            Self::Message => ("message", "Logs of messages"),
            Self::Status => ("status", "Logs that say whether an L1→L2 transaction succeeded"),
            Self::Other => ("other", "All other logs"),
        };
        Some(PossibleValue::new(name).help(help))
    }
}
