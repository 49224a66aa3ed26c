use std::fmt;

/// The formats of state dumps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// `anvil --dump-state` or the answer of `anvil_dumpState`.
    Anvil,
    /// `geth dump` or `debug_dumpBlock`: slots and values are plain.
    Geth,
    /// `geth snapshot dump`: slots are hashed, values are RLP.
    GethSnapshot,
    /// `anvil-zksync --dump-state`.
    AnvilZksync,
    /// A snapshot of a zksync-era node: a directory, or the header in it.
    EraSnapshot,
    /// Pages of `debug_storageRangeAt`.
    StorageRange,
    /// A table of slots as CSV or NDJSON.
    Table,
    /// A snapshot of slproof.
    Snapshot,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anvil => "anvil state dump",
            Self::Geth => "geth dump",
            Self::GethSnapshot => "geth snapshot dump",
            Self::AnvilZksync => "anvil-zksync state dump",
            Self::EraSnapshot => "zksync-era snapshot",
            Self::StorageRange => "set of debug_storageRangeAt pages",
            Self::Table => "table of slots",
            Self::Snapshot => "snapshot of slproof",
        })
    }
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 8] = [
        Self::Anvil,
        Self::Geth,
        Self::GethSnapshot,
        Self::AnvilZksync,
        Self::EraSnapshot,
        Self::StorageRange,
        Self::Table,
        Self::Snapshot,
    ];
}
