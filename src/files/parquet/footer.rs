//! The footer: the columns of the file and its row groups (source: parquet-format, `parquet.thrift`,
//! `FileMetaData`).

use std::sync::Arc;

use super::{
    Damage, MOST_ELEMENTS,
    thrift::{Compact, Kind},
};

/// The type of the values of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Physical {
    Boolean,
    Int32,
    Int64,
    Double,
    Bytes,
    /// Bytes of this length.
    Fixed(usize),
    /// A type whose values cannot be read.
    Other,
}

impl Physical {
    /// The length of a value in bytes; `None` if it is stored before each value.
    pub(super) fn len(self) -> Option<usize> {
        match self {
            Self::Int32 => Some(4),
            Self::Int64 | Self::Double => Some(8),
            Self::Fixed(len) => Some(len),
            Self::Bytes | Self::Boolean | Self::Other => None,
        }
    }
}

/// A column, which is a leaf of the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leaf {
    /// The name of the field of the table that contains the column. For a list, the name of the list.
    pub(crate) name: Arc<str>,
    pub(crate) physical: Physical,
    /// The definition level of a value that is not null.
    pub(super) definition: u8,
    /// The number of lists in which a value is.
    pub(crate) repetition: u8,
}

/// A row group, with the places of its columns in the order of the schema.
#[derive(Default)]
pub(super) struct Group {
    pub(super) rows: u64,
    pub(super) chunks: Vec<Chunk>,
}

/// The pages of a column in a row group.
#[derive(Clone, Copy)]
pub(super) struct Chunk {
    pub(super) start: u64,
    pub(super) len: u64,
    pub(super) codec: u64,
}

/// The parsed schema, and the places of the row groups. A row group is parsed again when it is read, so that a
/// footer takes little more memory than its length.
pub(super) struct Footer {
    bytes: Vec<u8>,
    pub(super) leaves: Vec<Leaf>,
    /// The offset of each row group in `bytes`.
    groups: Vec<usize>,
}

impl Footer {
    pub(super) fn parse(bytes: Vec<u8>) -> Result<Self, Damage> {
        let (mut columns, mut groups, mut is_long) = (None, Vec::new(), false);
        let read = Compact::new(&bytes).fields(|thrift, id, kind| match (id, kind) {
            (2, Kind::List) => {
                let mut elements = Vec::new();
                thrift.list(|thrift, _| {
                    is_long = elements.len() == MOST_ELEMENTS;
                    elements.push(if is_long { None } else { Element::parse(thrift) }?);
                    Some(())
                })?;
                columns = Some(leaves(elements)?);
                Some(())
            }
            (4, Kind::List) => {
                let count = columns.as_ref()?.len();
                thrift.list(|thrift, _| {
                    groups.push(bytes.len() - thrift.rest().len());
                    Group::parse(thrift, count).map(drop)
                })
            }
            _ => thrift.skip(kind),
        });
        match (read, columns) {
            (Some(()), Some(leaves)) => Ok(Self { bytes, leaves, groups }),
            _ if is_long => Err(Damage::ManyElements),
            _ => Err(Damage::Footer),
        }
    }

    pub(super) fn groups(&self) -> usize {
        self.groups.len()
    }

    /// Parses the row group at a position.
    pub(super) fn group(&self, at: usize) -> Result<Group, Damage> {
        let bytes = self.groups.get(at).and_then(|start| self.bytes.get(*start..));
        let group = Group::parse(&mut Compact::new(bytes.unwrap_or_default()), self.leaves.len());
        group.ok_or(Damage::Footer)
    }
}

/// An element of the schema.
#[derive(Default)]
struct Element {
    name: String,
    physical: Option<u64>,
    len: Option<u64>,
    /// 0 for a required, 1 for an optional, and 2 for a repeated element.
    repetition: Option<u64>,
    children: u64,
    /// The number of digits after the point of a decimal.
    scale: u64,
}

impl Element {
    fn parse(thrift: &mut Compact<'_>) -> Option<Self> {
        let mut element = Self::default();
        thrift.fields(|thrift, id, kind| {
            match (id, kind) {
                (1, Kind::Integer) => element.physical = Some(thrift.number()?),
                // Some writers give the length -1 or 0 to types without one.
                (2, Kind::Integer) => element.len = thrift.integer()?.try_into().ok(),
                (3, Kind::Integer) => element.repetition = Some(thrift.number()?),
                (4, Kind::Binary) => {
                    element.name = String::from_utf8_lossy(thrift.binary()?).into_owned();
                }
                (5, Kind::Integer) => element.children = thrift.number()?,
                (7, Kind::Integer) => element.scale = thrift.number()?,
                _ => thrift.skip(kind)?,
            }
            Some(())
        })?;
        Some(element)
    }

    fn physical(&self) -> Option<Physical> {
        Some(match self.physical? {
            // A decimal with a fraction is not the number that is stored.
            _ if self.scale > 0 => Physical::Other,
            0 => Physical::Boolean,
            1 => Physical::Int32,
            2 => Physical::Int64,
            5 => Physical::Double,
            6 => Physical::Bytes,
            7 => Physical::Fixed(usize::try_from(self.len?).ok()?),
            _ => Physical::Other,
        })
    }
}

/// An element whose children are being read.
struct Parent {
    /// `None` for the root.
    name: Option<Arc<str>>,
    definition: u8,
    repetition: u8,
    /// The number of children that were not read yet.
    left: u64,
}

/// The leaves of a schema, which is a tree in depth-first order.
fn leaves(elements: Vec<Element>) -> Option<Vec<Leaf>> {
    let mut elements = elements.into_iter();
    let root = elements.next()?;
    let mut open = vec![Parent { name: None, definition: 0, repetition: 0, left: root.children }];
    let mut leaves = Vec::new();
    for element in elements {
        while open.last()?.left == 0 {
            open.pop();
        }
        let parent = open.last_mut()?;
        parent.left -= 1;
        let (optional, repeated) = match element.repetition? {
            0 => (0, 0),
            1 => (1, 0),
            2 => (1, 1),
            _ => return None,
        };
        let definition = parent.definition.checked_add(optional)?;
        let repetition = parent.repetition.checked_add(repeated)?;
        let name = parent.name.clone().unwrap_or_else(|| element.name.as_str().into());
        if element.children > 0 {
            open.push(Parent { name: Some(name), definition, repetition, left: element.children });
        } else if element.physical.is_some() {
            leaves.push(Leaf { name, physical: element.physical()?, definition, repetition });
        }
    }
    open.iter().all(|parent| parent.left == 0).then_some(leaves)
}

impl Group {
    fn parse(thrift: &mut Compact<'_>, columns: usize) -> Option<Self> {
        let (mut rows, mut chunks) = (None, Vec::new());
        thrift.fields(|thrift, id, kind| match (id, kind) {
            (1, Kind::List) => thrift.list(|thrift, _| {
                chunks.push((chunks.len() < columns).then(|| Chunk::parse(thrift))??);
                Some(())
            }),
            (3, Kind::Integer) => {
                rows = Some(thrift.number()?);
                Some(())
            }
            _ => thrift.skip(kind),
        })?;
        (chunks.len() == columns).then_some(Self { rows: rows?, chunks })
    }
}

impl Chunk {
    /// Parses a `ColumnChunk`. `None` also if its pages are in another file, which has a name, or encrypted.
    fn parse(thrift: &mut Compact<'_>) -> Option<Self> {
        let (mut codec, mut len, mut data, mut dictionary) = (None, None, None, None);
        let mut field = |thrift: &mut Compact<'_>, id, kind| {
            match (id, kind) {
                (4, Kind::Integer) => codec = Some(thrift.number()?),
                (7, Kind::Integer) => len = Some(thrift.number()?),
                (9, Kind::Integer) => data = Some(thrift.number()?),
                (11, Kind::Integer) => dictionary = Some(thrift.number()?),
                _ => thrift.skip(kind)?,
            }
            Some(())
        };
        thrift.fields(|thrift, id, kind| match (id, kind) {
            (1, Kind::Binary) => thrift.binary()?.is_empty().then_some(()),
            (3, Kind::Struct) => thrift.fields(&mut field),
            _ => thrift.skip(kind),
        })?;
        // Some writers use 0 for an absent dictionary.
        let start = match dictionary {
            Some(offset) if offset > 0 => data?.min(offset),
            _ => data?,
        };
        Some(Self { start, len: len?, codec: codec? })
    }
}
