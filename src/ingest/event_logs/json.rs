//! Logs in JSON: answers of nodes and of block explorers, receipts, pages, blocks with their logs, and rows as
//! objects, one value or many.
//!
//! An object with topics is a log, which may describe its block in one of [`HEADERS`]. Another object that holds others in
//! one of [`CONTAINERS`] is an envelope, such as an answer, a page or a receipt. Anything else in the place of a log is an
//! error, so that no log is passed over.

use struson::reader::ValueType;

use super::{
    cells::{Cell, Cells, Decoder},
    columns::{ColumnNames, FIELDS, LogField, Meaning, normalize},
    mapping::{Form, Mapping},
    record::{EventLog, LogPlace},
};
use crate::{
    archive::Place,
    files::Input,
    ingest::{json::Json, state::ImportError},
};

/// The members of envelopes that hold logs or other envelopes, normalized.
const CONTAINERS: [&str; 8] =
    ["result", "logs", "items", "data", "rows", "receipts", "events", "records"];
/// The members that describe the block of the log, or of the logs beside them.
const HEADERS: [&str; 2] = ["header", "block"];

/// Passes every log of a text to `take`, and returns which members were read.
pub(super) fn read<E: From<ImportError>>(
    input: Input,
    names: &ColumnNames,
    take: impl FnMut(EventLog, LogPlace<'_>) -> Result<(), E>,
) -> Result<Mapping, E> {
    let mapping = Mapping::new(input.name(), Form::Json);
    let json = Json::of(input);
    let mut reader = Reader { json, names, decoder: Decoder::default(), take, mapping };
    while reader.json.has_next()? {
        reader.value(&BlockHeader::default())?;
    }
    reader.json.finish()?;
    reader.mapping.spelling = reader.decoder.spelling();
    Ok(reader.mapping)
}

struct Reader<'n, F> {
    json: Json<Input>,
    names: &'n ColumnNames,
    decoder: Decoder,
    take: F,
    mapping: Mapping,
}

/// What an envelope says of the block of its logs.
#[derive(Clone, Default)]
struct BlockHeader {
    number: Cell<'static>,
    hash: Cell<'static>,
}

impl<E: From<ImportError>, F: FnMut(EventLog, LogPlace<'_>) -> Result<(), E>> Reader<'_, F> {
    /// Reads a log, or an envelope or array that contains logs.
    fn value(&mut self, header: &BlockHeader) -> Result<(), E> {
        match self.json.peek()? {
            ValueType::Array => {
                self.json.begin_array()?;
                while self.json.has_next()? {
                    self.value(header)?;
                }
                Ok(self.json.end_array()?)
            }
            _ => self.object(header),
        }
    }

    fn object(&mut self, outer: &BlockHeader) -> Result<(), E> {
        let mut header = outer.clone();
        let (mut cells, mut found) = (Cells::default(), [const { None }; FIELDS]);
        let (mut is_envelope, mut is_decoded) = (false, false);
        self.json.begin_object()?;
        while self.json.has_next()? {
            let member = self.json.member()?;
            let mut name = member.clone();
            normalize(&mut name);
            is_decoded |= name.starts_with("evt") || name == "event";
            let kind = self.json.peek()?;
            let is_nested = matches!(kind, ValueType::Array | ValueType::Object);
            let meaning = self.names.meaning(&name);
            match (name.as_str(), meaning) {
                ("error", _) if kind == ValueType::Object => {
                    let reason = "is an error of the node, not events";
                    return Err(self.json.bad("the answer", reason).into());
                }
                ("result", None) if kind == ValueType::String => {
                    let reason = format!("is not a list of logs: {:?}", self.json.string()?);
                    return Err(self.json.bad("the answer", reason).into());
                }
                (_, Some(Meaning { field: LogField::Topics, rank }))
                    if kind == ValueType::Array =>
                {
                    let topics = self.elements()?;
                    note(
                        &mut found,
                        &mut cells,
                        Meaning { field: LogField::Topics, rank },
                        member,
                        topics,
                    );
                }
                (_, Some(meaning)) if meaning.field == LogField::Address && is_nested => {
                    let address = self.address_of_object()?;
                    note(&mut found, &mut cells, meaning, member, address);
                }
                (name, _) if is_nested && HEADERS.contains(&name) => {
                    is_envelope = true;
                    self.block_header(&mut header)?;
                }
                (name, _) if is_nested && CONTAINERS.contains(&name) => {
                    is_envelope = true;
                    self.value(&header)?;
                }
                (_, Some(meaning)) if !is_nested => {
                    let cell = self.scalar(kind)?;
                    note(&mut found, &mut cells, meaning, member, cell);
                }
                _ => self.json.skip()?,
            }
        }
        self.json.end_object()?;
        if !cells.has_topics() {
            if is_envelope {
                return Ok(());
            }
            let reason = if is_decoded {
                "has no \"topics\": it is a decoded event; export the raw logs"
            } else {
                "has no \"topics\""
            };
            return Err(self.json.bad("an event", reason).into());
        }
        for (field, cell) in [(LogField::Block, header.number), (LogField::BlockHash, header.hash)]
        {
            if !cells.has(field) {
                cells.set(field, cell);
            }
        }
        for (field, found) in LogField::all().zip(found) {
            if let Some((_, member)) = found {
                self.mapping.add(field, &member);
            }
        }
        let place = Place::Byte(self.json.offset());
        let log = self.decoder.decode(cells);
        let place = LogPlace { name: self.json.name(), place };
        let log = log.map_err(|fault| place.bad(fault.what, fault.reason))?;
        (self.take)(log, place)
    }

    fn scalar(&mut self, kind: ValueType) -> Result<Cell<'static>, ImportError> {
        match kind {
            ValueType::Null => self.json.skip().map(|()| Cell::Null),
            ValueType::Boolean => self.json.boolean().map(Cell::Flag),
            ValueType::Number => self.json.number_text().map(Cell::text),
            _ => self.json.string().map(Cell::text),
        }
    }

    /// The elements of an array of texts. Answers of explorers have null for absent topics.
    fn elements(&mut self) -> Result<Cell<'static>, ImportError> {
        let mut elements = Vec::with_capacity(4);
        self.json.begin_array()?;
        while self.json.has_next()? {
            if elements.len() > 4 {
                return Err(self.json.bad("the topics", "are more than four"));
            }
            let kind = self.json.peek()?;
            elements.push(self.scalar(kind)?);
        }
        self.json.end_array()?;
        Ok(Cell::List(elements))
    }

    /// The address in an object that describes a contract.
    fn address_of_object(&mut self) -> Result<Cell<'static>, ImportError> {
        let mut address = Cell::Absent;
        if self.json.peek()? == ValueType::Array {
            return Err(self.json.bad("the address", "is an array"));
        }
        self.json.begin_object()?;
        while self.json.has_next()? {
            let (name, kind) = (self.json.member()?, self.json.peek()?);
            match (name.as_str(), kind) {
                ("hash", ValueType::String) => address = self.scalar(kind)?,
                _ => self.json.skip()?,
            }
        }
        self.json.end_object()?;
        Ok(address)
    }

    fn block_header(&mut self, header: &mut BlockHeader) -> Result<(), ImportError> {
        if self.json.peek()? == ValueType::Array {
            return Err(self.json.bad("the block", "is an array"));
        }
        self.json.begin_object()?;
        while self.json.has_next()? {
            let (name, kind) = (self.json.member()?, self.json.peek()?);
            match (name.as_str(), kind) {
                ("number", ValueType::Number | ValueType::String) => {
                    header.number = self.scalar(kind)?;
                }
                ("hash", ValueType::String) => header.hash = self.scalar(kind)?,
                _ => self.json.skip()?,
            }
        }
        self.json.end_object()
    }
}

/// Keeps the cell, unless a member with a more specific name has the same meaning.
fn note(
    found: &mut [Option<(u8, String)>; FIELDS],
    cells: &mut Cells<'static>,
    Meaning { field, rank }: Meaning,
    member: String,
    cell: Cell<'static>,
) {
    let known = &mut found[field as usize];
    if known.as_ref().is_none_or(|(known, _)| rank < *known) {
        *known = Some((rank, member));
        cells.set(field, cell);
    }
}
