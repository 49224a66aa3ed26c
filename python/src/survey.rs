//! What some files are, and what can be proven with them.

use std::path::PathBuf;

use pyo3::prelude::*;
use slproof::{primitives::ChainId, survey::SurveyOptions};

use crate::error::Failed;

/// Returns the report as JSON, as `slproof survey --json` prints it without the next command.
#[pyfunction]
pub fn survey(py: Python<'_>, paths: Vec<PathBuf>, chain: Option<u64>) -> PyResult<String> {
    let report = py.detach(|| -> Result<String, Failed> {
        let mut options = SurveyOptions::default();
        options.chain_of_others = chain.map(ChainId);
        let found = slproof::survey::survey(&paths, &options)?;
        serde_json::to_string(&found).map_err(Failed::arguments)
    })?;
    Ok(report)
}
