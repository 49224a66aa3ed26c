//! The values of a column in a row group, one row at a time.

use std::{
    fs::File,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::{Buf, Bytes};

use super::{
    Damage, LONGEST_LIST, Leaf, Physical, Problem,
    decimal::decimal,
    delta::{Deltas, Lengths, Shared},
    footer::Chunk,
    hybrid::Hybrid,
    pages::{Page, PageKind, Pages},
};

/// The encodings of parquet-format.
const PLAIN: u64 = 0;
const PLAIN_DICTIONARY: u64 = 2;
const RLE: u64 = 3;
const DELTA_BINARY_PACKED: u64 = 5;
const DELTA_LENGTH_BYTE_ARRAY: u64 = 6;
const DELTA_BYTE_ARRAY: u64 = 7;
const RLE_DICTIONARY: u64 = 8;

/// The number of bytes of the pages that the columns of a row group hold.
#[derive(Clone)]
pub(super) struct Memory {
    used: Arc<AtomicU64>,
    most: u64,
}

impl Memory {
    pub(super) fn new(most: u64) -> Self {
        Self { used: Arc::default(), most }
    }

    /// Counts `new` bytes in place of `old`.
    fn replace(&self, old: u64, new: u64) -> Result<(), Damage> {
        self.used.fetch_sub(old, Ordering::Relaxed);
        let before = self.used.fetch_add(new, Ordering::Relaxed);
        if before + new <= self.most { Ok(()) } else { Err(Damage::Memory) }
    }
}

/// A value of a list that is not as long as the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Irregular {
    Null,
    Length(usize),
}

/// Reads a column of a row group.
pub(crate) struct Column {
    leaf: Leaf,
    pages: Pages,
    memory: Memory,
    dictionary: Option<Dictionary>,
    page: DataPage,
    /// The bytes of the earlier pages in which values of the last row are. Values keep their pages in memory.
    kept: u64,
    /// The repetition and the definition level of the next value, if they were read.
    next: Option<(u8, u8)>,
}

/// The part of a data page that was not read yet.
struct DataPage {
    at: u64,
    /// The length of the decompressed page.
    len: u64,
    /// The number of values, including absent ones.
    left: u64,
    repetition: Hybrid,
    definition: Hybrid,
    values: Values,
}

enum Values {
    Plain(Bytes),
    /// Booleans, which take one bit each.
    Bits(Hybrid),
    Deltas(Deltas),
    Lengths(Lengths),
    Shared(Shared),
    Indexes(Hybrid),
}

/// A value where it is stored.
enum Stored<'c> {
    /// A part of a page.
    Part(&'c Bytes, Range<usize>),
    /// A little-endian number with this many bytes.
    Number([u8; 8], usize),
    Apart(Bytes),
}

impl Stored<'_> {
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Part(page, place) => &page[place.clone()],
            Self::Number(bytes, len) => &bytes[..*len],
            Self::Apart(bytes) => bytes,
        }
    }

    /// The value, which keeps its page in memory.
    fn into_bytes(self) -> Bytes {
        match self {
            Self::Part(page, place) => page.slice(place),
            Self::Number(bytes, len) => Bytes::copy_from_slice(&bytes[..len]),
            Self::Apart(bytes) => bytes,
        }
    }
}

impl Column {
    pub(super) fn new(
        file: &Arc<File>,
        chunk: Chunk,
        leaf: &Leaf,
        memory: &Memory,
    ) -> Result<Self, Damage> {
        debug_assert!(leaf.physical != Physical::Other);
        let none = || Hybrid::new(Bytes::new(), 0);
        let (repetition, definition) = (none(), none());
        let values = Values::Plain(Bytes::new());
        let page = DataPage { at: 0, len: 0, left: 0, repetition, definition, values };
        let pages = Pages::new(file, chunk, leaf)?;
        let (leaf, memory) = (leaf.clone(), memory.clone());
        Ok(Self { leaf, pages, memory, dictionary: None, page, kept: 0, next: None })
    }

    /// Reads the value in the next row of a column without lists; `None` for null. Numbers are little-endian.
    ///
    /// # Errors
    /// [`Damage`] when a page is damaged, or when there is no further row.
    pub(crate) fn value(&mut self) -> Result<Option<Bytes>, Damage> {
        let (_, definition) = self.take_level()?;
        self.value_at(definition, |value| value.into_bytes())
    }

    /// Reads the value in the next row as [`Self::value`] does, and returns what `read` makes of it.
    ///
    /// # Errors
    /// As [`Self::value`].
    pub(crate) fn read<T>(&mut self, read: impl FnOnce(&[u8]) -> T) -> Result<Option<T>, Damage> {
        let (_, definition) = self.take_level()?;
        self.value_at(definition, |value| read(value.as_slice()))
    }

    /// Reads the number in the next row of a column of integers or of 64-bit floats; `None` for null. The bits are
    /// taken as an unsigned number.
    ///
    /// # Errors
    /// As [`Self::value`].
    pub(crate) fn number(&mut self) -> Result<Option<u64>, Damage> {
        self.read(|mut value| value.get_uint_le(value.len().min(8)))
    }

    /// As [`Self::number`], also of a column of decimals: `None` within if one is negative or has more than 64 bits.
    pub(crate) fn whole(&mut self) -> Result<Option<Option<u64>>, Damage> {
        let is_decimal = matches!(self.leaf.physical, Physical::Fixed(_));
        if is_decimal { self.read(decimal) } else { Ok(self.number()?.map(Some)) }
    }

    /// Whether the values are in lists.
    pub(crate) fn is_list(&self) -> bool {
        self.leaf.repetition > 0
    }

    /// Reads the list in the next row of a column of lists; `None` for null or an empty list. Its values may
    /// be null.
    ///
    /// # Errors
    /// As [`Self::value`], or when the list is too long.
    pub(crate) fn list(&mut self) -> Result<Option<Vec<Option<Bytes>>>, Damage> {
        let (_, first) = self.take_level()?;
        let mut list = vec![self.value_at(first, |value| value.into_bytes())?];
        while let Some((1.., definition)) = self.peek_level()? {
            self.next = None;
            if list.len() == LONGEST_LIST {
                return Err(Damage::LongList);
            }
            list.push(self.value_at(definition, |value| value.into_bytes())?);
        }
        Ok(if matches!(list[..], [None]) { None } else { Some(list) })
    }

    /// Reads the list in the next row into `list`, as [`Self::list`] does. Lists of plain values take one copy. Returns
    /// `None` for null or an empty list, and otherwise the first value that is null or does not have `N` bytes, if
    /// there is one; `list` is then not the whole list.
    ///
    /// # Errors
    /// As [`Self::list`].
    pub(crate) fn fixed_list<const N: usize>(
        &mut self,
        list: &mut Vec<[u8; N]>,
    ) -> Result<Option<Result<(), Irregular>>, Damage> {
        list.clear();
        let (_, first) = self.take_level()?;
        let (mut len, mut irregular) = (0, None);
        let mut next = Some(first);
        while let Some(definition) = next {
            if len == LONGEST_LIST {
                return Err(Damage::LongList);
            }
            len += 1;
            let value = self.value_at(definition, |value| {
                let bytes = value.as_slice();
                bytes.try_into().map_err(|_| Irregular::Length(bytes.len()))
            })?;
            match value.unwrap_or(Err(Irregular::Null)) {
                Ok(value) => list.push(value),
                Err(other) => irregular = irregular.or(Some(other)),
            }
            len += self.take_plain(list, LONGEST_LIST - len)?;
            next = match self.peek_level()? {
                Some((1.., definition)) => {
                    self.next = None;
                    Some(definition)
                }
                _ => None,
            };
        }
        Ok(match irregular {
            Some(Irregular::Null) if len == 1 => None,
            Some(irregular) => Some(Err(irregular)),
            None => Some(Ok(())),
        })
    }

    /// Takes at most `most` values of the list in the current row that follow each other in the page. Returns how many.
    fn take_plain<const N: usize>(
        &mut self,
        list: &mut Vec<[u8; N]>,
        most: usize,
    ) -> Result<usize, Damage> {
        let DataPage { left, repetition, definition, values, .. } = &mut self.page;
        let Values::Plain(bytes) = values else { return Ok(0) };
        if self.next.is_some() || self.leaf.physical != Physical::Fixed(N) {
            return Ok(0);
        }
        let equal = repetition.equal(1).min(definition.equal(self.leaf.definition.into()));
        let count = equal.min(*left).min(most as u64);
        // The count is at most `most`.
        let len = count as usize;
        let Some(taken) = take(bytes, len * N) else { return Err(self.damaged(Problem::Values)) };
        list.extend_from_slice(taken.as_chunks().0);
        repetition.pass(count);
        definition.pass(count);
        *left -= count;
        Ok(len)
    }

    /// Takes the first level of the next row.
    fn take_level(&mut self) -> Result<(u8, u8), Damage> {
        // Rows are many more than pages, and the count is shared.
        if self.kept > 0 {
            self.memory.replace(std::mem::take(&mut self.kept), 0)?;
        }
        if let Some(level) = self.next.take() {
            return Ok(level);
        }
        self.read_level()?.ok_or_else(|| Damage::FewRows(self.leaf.name.to_string()))
    }

    /// The levels of the next value; `None` at the end of the column.
    fn peek_level(&mut self) -> Result<Option<(u8, u8)>, Damage> {
        if self.next.is_none() {
            self.next = self.read_level()?;
        }
        Ok(self.next)
    }

    /// Reads the levels of the next value; `None` at the end of the column.
    fn read_level(&mut self) -> Result<Option<(u8, u8)>, Damage> {
        while self.page.left == 0 {
            let Some(page) = self.pages.next()? else { return Ok(None) };
            self.start(page)?;
        }
        self.page.left -= 1;
        let level = |levels: &mut Hybrid, deepest: u8| match deepest {
            0 => Some(0),
            _ => u8::try_from(levels.next()?).ok().filter(|level| *level <= deepest),
        };
        let repetition = level(&mut self.page.repetition, self.leaf.repetition);
        let definition = level(&mut self.page.definition, self.leaf.definition);
        repetition.zip(definition).map(Some).ok_or_else(|| self.damaged(Problem::Levels))
    }

    fn damaged(&self, problem: Problem) -> Damage {
        Damage::Page { at: self.page.at, problem }
    }

    /// What `read` makes of the value with this definition level; `None` for null.
    fn value_at<T>(
        &mut self,
        definition: u8,
        read: impl FnOnce(Stored<'_>) -> T,
    ) -> Result<Option<T>, Damage> {
        if definition < self.leaf.definition {
            return Ok(None);
        }
        let expected = self.leaf.physical.len();
        let value = match &mut self.page.values {
            Values::Plain(bytes) => first_value(bytes, self.leaf.physical).map(|place| {
                let end = place.end;
                let value = read(Stored::Part(bytes, place));
                bytes.advance(end);
                value
            }),
            Values::Deltas(numbers) => numbers
                .next()
                .map(|number| read(Stored::Number(number.to_le_bytes(), expected.unwrap_or(8)))),
            Values::Lengths(values) => values.next().map(|value| read(Stored::Apart(value))),
            Values::Shared(values) => {
                let value = values.next();
                let value = value.filter(|value| expected.is_none_or(|len| len == value.len()));
                value.map(|value| read(Stored::Apart(value)))
            }
            Values::Bits(bits) => bits.next().map(|bit| read(Stored::Apart(boolean(bit)))),
            Values::Indexes(indexes) => match indexes.next() {
                None => None,
                Some(at) => {
                    let Some((page, place)) = self.dictionary.as_ref().and_then(|all| all.get(at))
                    else {
                        return Err(self.damaged(Problem::Dictionary));
                    };
                    Some(read(Stored::Part(page, place)))
                }
            },
        };
        value.map(Some).ok_or_else(|| self.damaged(Problem::Values))
    }

    /// Starts to read a page.
    fn start(&mut self, page: Page) -> Result<(), Damage> {
        let Page { at, values: left, encoding, kind, mut bytes } = page;
        let len = bytes.len() as u64;
        let damaged = |problem| Damage::Page { at, problem };
        let deepest = [self.leaf.repetition, self.leaf.definition];
        let levels = match kind {
            PageKind::Dictionary => {
                self.memory.replace(0, 2 * len)?;
                let dictionary = Dictionary::new(bytes, left, self.leaf.physical);
                self.dictionary = Some(dictionary.ok_or_else(|| damaged(Problem::Values))?);
                return Ok(());
            }
            PageKind::Data { repetition, definition } => {
                let levels = [(deepest[0], repetition), (deepest[1], definition)];
                levels.map(|(deepest, encoding)| match (deepest, encoding) {
                    (0, _) => Some(Bytes::new()),
                    (_, RLE) => take_prefixed(&mut bytes),
                    _ => None,
                })
            }
            PageKind::DataV2 { repetition, definition } => {
                [repetition, definition].map(|len| take(&mut bytes, usize::try_from(len).ok()?))
            }
        };
        let [Some(repetition), Some(definition)] = levels else {
            return Err(damaged(Problem::Levels));
        };
        let values = match encoding {
            PLAIN if self.leaf.physical == Physical::Boolean => {
                Values::Bits(Hybrid::packed(bytes, 1))
            }
            RLE if self.leaf.physical == Physical::Boolean => {
                let bits = take_prefixed(&mut bytes).ok_or(damaged(Problem::Values))?;
                Values::Bits(Hybrid::new(bits, 1))
            }
            PLAIN => Values::Plain(bytes),
            // The width of the indexes is a separate byte. A page of nulls may have none.
            PLAIN_DICTIONARY | RLE_DICTIONARY => match take(&mut bytes, 1).as_deref() {
                Some(&[width @ 0..=32]) => Values::Indexes(Hybrid::new(bytes, width)),
                None => Values::Plain(bytes),
                _ => return Err(damaged(Problem::Dictionary)),
            },
            // A page of nulls may have nothing.
            _ if bytes.is_empty() => Values::Plain(bytes),
            other => {
                let values = match (other, self.leaf.physical) {
                    (DELTA_BINARY_PACKED, Physical::Int32 | Physical::Int64) => {
                        Deltas::new(bytes).map(Values::Deltas)
                    }
                    (DELTA_LENGTH_BYTE_ARRAY, Physical::Bytes) => {
                        Lengths::new(bytes).map(Values::Lengths)
                    }
                    (DELTA_BYTE_ARRAY, Physical::Bytes | Physical::Fixed(_)) => {
                        Shared::new(bytes).map(Values::Shared)
                    }
                    _ => return Err(damaged(Problem::Encoding(other))),
                };
                values.ok_or(damaged(Problem::Values))?
            }
        };
        self.memory.replace(0, len)?;
        self.kept += self.page.len;
        let repetition = Hybrid::levels(repetition, self.leaf.repetition);
        let definition = Hybrid::levels(definition, self.leaf.definition);
        self.page = DataPage { at, len, left, repetition, definition, values };
        Ok(())
    }
}

/// The values to which indexes refer.
struct Dictionary {
    bytes: Bytes,
    places: Places,
}

enum Places {
    /// Every value has this length.
    Fixed { len: usize, count: usize },
    /// The offset of each value, which is after its length.
    Offsets(Vec<u32>),
}

impl Dictionary {
    /// `None` when there are fewer values than declared.
    fn new(bytes: Bytes, count: u64, physical: Physical) -> Option<Self> {
        let places = match physical.len() {
            Some(len) => {
                let count = usize::try_from(count).ok()?;
                (count.checked_mul(len)? <= bytes.len()).then_some(Places::Fixed { len, count })?
            }
            None => {
                let (mut rest, mut offsets) = (&bytes[..], Vec::new());
                for _ in 0..count {
                    offsets.push(u32::try_from(bytes.len() - rest.len()).ok()?);
                    rest = &rest[prefixed(rest)?.end..];
                }
                Places::Offsets(offsets)
            }
        };
        Some(Self { bytes, places })
    }

    /// The page and the place of a value in it.
    fn get(&self, at: u64) -> Option<(&Bytes, Range<usize>)> {
        let at = usize::try_from(at).ok()?;
        let place = match &self.places {
            Places::Fixed { len, count } => {
                let start = (at < *count).then_some(at * len)?;
                start..start + len
            }
            Places::Offsets(offsets) => {
                let start = *offsets.get(at)? as usize;
                let place = prefixed(self.bytes.get(start..)?)?;
                start + place.start..start + place.end
            }
        };
        Some((&self.bytes, place))
    }
}

/// A boolean as one byte.
fn boolean(bit: u64) -> Bytes {
    Bytes::from_static(if bit == 0 { &[0] } else { &[1] })
}

/// The place of the first value of a page.
fn first_value(bytes: &[u8], physical: Physical) -> Option<Range<usize>> {
    match physical.len() {
        Some(len) => (len <= bytes.len()).then_some(0..len),
        None => prefixed(bytes),
    }
}

/// The place of bytes that follow their length.
fn prefixed(bytes: &[u8]) -> Option<Range<usize>> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    let len = usize::try_from(u32::from_le_bytes(*len)).ok()?;
    (len <= rest.len()).then_some(4..4 + len)
}

/// Takes bytes that follow their length.
fn take_prefixed(bytes: &mut Bytes) -> Option<Bytes> {
    let place = prefixed(bytes)?;
    bytes.advance(place.start);
    take(bytes, place.len())
}

fn take(bytes: &mut Bytes, len: usize) -> Option<Bytes> {
    (len <= bytes.len()).then(|| bytes.split_to(len))
}
