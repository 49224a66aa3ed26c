//! Floor 6: state dumps as nodes write them, and events as they answer them.
//!
//! [`read_state`] finds out by content what a file is, unwraps what it is wrapped in (gzip, a JSON-RPC
//! answer, hexadecimal) and streams its slots into a [`MemoryState`]; the text of a big dump is never
//! held. One file per format:
//!
//! | format | written by | slots filed by |
//! | --- | --- | --- |
//! | [`Format::Anvil`] | `anvil --dump-state`, `anvil_dumpState` | slot |
//! | [`Format::Geth`] | `geth dump`, whole or as JSON lines, `debug_dumpBlock` | slot |
//! | [`Format::GethSnapshot`] | `geth snapshot dump` | keccak256(slot) |
//!
//! [`read_events`] reads the events of MessageRoot, which a dump can be completed with.

mod anvil;
mod detect;
mod error;
mod events;
mod geth;
mod hex_text;
mod json;

use std::path::Path;

pub use detect::Format;
pub use error::ImportError;
pub use events::{read_events, read_events_input};

use crate::{
    files::Input,
    primitives::SlBlock,
    state::{MemoryState, MemoryStateBuilder, StorageSink, keys::SlotForm},
};

/// A dump that was read, and what it turned out to be.
#[derive(Debug)]
pub struct Dump {
    /// What to call it in messages.
    pub name: String,
    /// Its format.
    pub format: Format,
    /// Its storage.
    pub state: MemoryState,
}

/// What a parser learned beside the slots.
struct Facts {
    form: SlotForm,
    block: Option<SlBlock>,
}

/// Reads the state dump at `path` (`-` for standard input) into memory. Its format is found by
/// content unless it is given.
///
/// # Errors
/// [`ImportError`] naming the file and the place in it: when it cannot be read, is damaged, is of an
/// unknown format, gives one slot two values, or holds more slots than fit the memory set aside.
pub fn read_state(path: &Path, format: Option<Format>) -> Result<Dump, ImportError> {
    read_input(Input::open(path)?, format, MemoryStateBuilder::default())
}

/// Reads a dump that is open already, keeping no more slots than `builder` allows.
///
/// # Errors
/// As [`read_state`].
pub fn read_input(
    input: Input,
    format: Option<Format>,
    mut builder: MemoryStateBuilder,
) -> Result<Dump, ImportError> {
    let input = hex_text::unwrap(input)?;
    let name = input.name().to_owned();
    let format = match format {
        Some(format) => format,
        None => detect::detect(&input)?,
    };
    let sink: &mut dyn StorageSink = &mut builder;
    let facts = match format {
        Format::Anvil => anvil::read(input, sink),
        Format::Geth => geth::read(input, sink, SlotForm::Plain),
        Format::GethSnapshot => geth::read(input, sink, SlotForm::Keccak),
    }?;
    let state = builder
        .finish(facts.form, facts.block)
        .map_err(|source| ImportError::Conflict { name: name.clone(), source })?;
    Ok(Dump { name, format, state })
}
