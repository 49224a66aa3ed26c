//! Verdicts on proofs.

use std::{io::Cursor, path::PathBuf, sync::Arc};

use arrow_array::{
    RecordBatch,
    builder::{BooleanBuilder, StringBuilder, UInt64Builder},
};
use arrow_schema::{DataType, Field, Schema};
use pyo3::prelude::*;
use slproof::{
    StateOptions, TrustedRoots,
    files::Input,
    records::{Entries, VerdictLine, Verdicts},
};

use crate::{
    batch::TOO_LARGE,
    call::run,
    error::{Failed, parsed, parsed_option},
    export::Batch,
};

/// Where the proofs are.
#[derive(FromPyObject)]
pub enum Proofs {
    Bytes(Vec<u8>),
    File(PathBuf),
}

/// The state that is trusted, as Python gives it.
#[derive(FromPyObject)]
pub struct Anchor {
    #[pyo3(item)]
    paths: Vec<PathBuf>,
    #[pyo3(item)]
    root: Option<String>,
    #[pyo3(item)]
    bridgehub: Option<String>,
    #[pyo3(item)]
    message_root: Option<String>,
    #[pyo3(item)]
    trust_block: Option<String>,
}

/// Verifies proofs. Failed requests have no verdict.
#[pyfunction]
pub fn verify(py: Python<'_>, proofs: Proofs, anchor: Anchor) -> PyResult<Batch> {
    let verdicts = run(py, move || {
        let roots = anchor.roots()?;
        let input = match proofs {
            Proofs::Bytes(bytes) => Input::from_reader("proofs", Cursor::new(bytes)),
            Proofs::File(path) => Input::open(&path),
        };
        let defaults = Default::default();
        let entries = Entries::open(input.map_err(slproof::Error::from)?, &defaults);
        let entries = entries.map_err(slproof::Error::from)?;
        let mut verdicts = Verdicts::new(entries, defaults, roots);
        let mut columns = Columns::default();
        loop {
            let chunk = verdicts.next_chunk()?;
            if chunk.is_empty() {
                return columns.finish();
            }
            chunk.into_iter().flatten().try_for_each(|verdict| columns.push(verdict))?;
        }
    })?;
    Ok(Batch::new(verdicts))
}

/// The columns of verdicts: the number of the row or line, whether it is valid, the anchor, and the code and the message
/// of the error.
#[derive(Default)]
struct Columns {
    line: UInt64Builder,
    valid: BooleanBuilder,
    anchor: StringBuilder,
    error_code: StringBuilder,
    error_message: StringBuilder,
}

impl Columns {
    fn push(&mut self, verdict: VerdictLine) -> Result<(), Failed> {
        let VerdictLine { line, valid, anchor, error, .. } = verdict;
        self.line.append_value(line);
        self.valid.append_option(valid);
        append(&mut self.anchor, anchor.map(|place| place.to_string()).as_deref())?;
        append(&mut self.error_code, error.as_ref().map(|error| error.code.as_str()))?;
        append(&mut self.error_message, error.as_ref().map(|error| &*error.message))
    }

    fn finish(mut self) -> Result<RecordBatch, Failed> {
        let text = |name| Field::new(name, DataType::Utf8, true);
        let schema = Schema::new(vec![
            Field::new("line", DataType::UInt64, false),
            Field::new("valid", DataType::Boolean, true),
            text("anchor"),
            text("error_code"),
            text("error_message"),
        ]);
        let texts = [self.anchor, self.error_code, self.error_message];
        let [anchor, code, message] = texts.map(|mut text| Arc::new(text.finish()));
        let (line, valid) = (Arc::new(self.line.finish()), Arc::new(self.valid.finish()));
        let columns = vec![line as _, valid as _, anchor as _, code as _, message as _];
        RecordBatch::try_new(Arc::new(schema), columns).map_err(Failed::arguments)
    }
}

/// Appends a text to a column, which holds less than 2 GiB.
fn append(column: &mut StringBuilder, text: Option<&str>) -> Result<(), Failed> {
    let len = column.values_slice().len() + text.map_or(0, str::len);
    if i32::try_from(len).is_err() {
        return Err(Failed::arguments(TOO_LARGE));
    }
    column.append_option(text);
    Ok(())
}

impl Anchor {
    fn roots(&self) -> Result<TrustedRoots, Failed> {
        let mut options = StateOptions::default();
        options.bridgehub = parsed_option("bridgehub", self.bridgehub.as_ref())?;
        options.message_root = parsed_option("message_root", self.message_root.as_ref())?;
        options.trusted_block = parsed_option("trust_block", self.trust_block.as_ref())?;
        match (&self.paths[..], &self.root) {
            ([], Some(root)) => Ok(TrustedRoots::Root(parsed("root", root)?)),
            ([_, ..], None) => Ok(TrustedRoots::open_all(&self.paths, &options)?),
            _ => Err(Failed::arguments("give either an anchor or a root")),
        }
    }
}
