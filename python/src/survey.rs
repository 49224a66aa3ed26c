//! What some files are, and what can be proven with them.

use std::path::PathBuf;

use pyo3::prelude::*;
use slproof::{primitives::ChainId, survey::SurveyOptions};

use crate::{call::run, error::Failed};

/// Returns the report as JSON, as `slproof survey --json` prints it without the next command.
#[pyfunction]
pub fn survey(py: Python<'_>, paths: Vec<PathBuf>, chain: Option<u64>) -> PyResult<String> {
    run(py, move || {
        let chain_of_others = chain.map(ChainId);
        let options = SurveyOptions { chain_of_others, ..SurveyOptions::default() };
        let found = slproof::survey::survey(&paths, &options)?;
        serde_json::to_string(&found).map_err(Failed::arguments)
    })
}
