//! The part of the Python package `slproof` that is written in Rust. `python/slproof/__init__.py` is its front.

mod batch;
mod call;
mod error;
mod export;
mod prover;
mod stream;
mod survey;
mod verify;

use pyo3::prelude::*;

#[pymodule]
mod _slproof {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::{
        error::Error,
        export::{Batch, ProofSchema},
        prover::{Prover, open},
        stream::Stream,
        survey::survey,
        verify::verify,
    };

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
