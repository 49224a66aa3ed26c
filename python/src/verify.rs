//! Verdicts on proofs.

use std::{io::Cursor, path::PathBuf};

use pyo3::prelude::*;
use slproof::{
    StateOptions, TrustedRoots,
    files::Input,
    records::{Entries, VerdictLine, Verdicts},
};

use crate::{error::Failed, prover::address};

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

/// A verdict: the number of the row or line, whether it is valid, the anchor, the code and the message of the error.
type Line = (u64, Option<bool>, Option<String>, Option<String>, Option<String>);

/// Verifies proofs. Failed requests have no verdict.
#[pyfunction]
pub fn verify(py: Python<'_>, proofs: Proofs, anchor: Anchor) -> PyResult<Vec<Line>> {
    let verdicts = py.detach(|| -> Result<Vec<Line>, Failed> {
        let roots = anchor.roots()?;
        let input = match proofs {
            Proofs::Bytes(bytes) => Input::from_reader("proofs", Cursor::new(bytes)),
            Proofs::File(path) => Input::open(&path),
        };
        let defaults = Default::default();
        let entries = Entries::open(input.map_err(slproof::Error::from)?, &defaults);
        let entries = entries.map_err(slproof::Error::from)?;
        let mut verdicts = Verdicts::new(entries, defaults, roots);
        let mut lines = Vec::new();
        loop {
            let chunk = verdicts.next_chunk()?;
            if chunk.is_empty() {
                return Ok(lines);
            }
            lines.extend(chunk.into_iter().flatten().map(line));
        }
    })?;
    Ok(verdicts)
}

fn line(VerdictLine { line, valid, anchor, error, .. }: VerdictLine) -> Line {
    let anchor = anchor.map(|place| place.to_string());
    let (code, message) = error.map(|error| (error.code.to_string(), error.message)).unzip();
    (line, valid, anchor, code, message)
}

impl Anchor {
    fn roots(&self) -> Result<TrustedRoots, Failed> {
        let mut options = StateOptions::default();
        options.bridgehub = self.bridgehub.as_deref().map(address).transpose()?;
        options.message_root = self.message_root.as_deref().map(address).transpose()?;
        let trusted = self.trust_block.as_deref().map(str::parse).transpose();
        options.trusted_block = trusted.map_err(Failed::arguments)?;
        match (&self.paths[..], &self.root) {
            ([], Some(root)) => Ok(TrustedRoots::Root(root.parse().map_err(Failed::arguments)?)),
            ([_, ..], None) => Ok(TrustedRoots::open_all(&self.paths, &options)?),
            _ => Err(Failed::arguments("give either an anchor or a root")),
        }
    }
}
