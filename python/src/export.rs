//! Record batches for Python, through Arrow's C data interface (source: arrow.apache.org, "The Arrow PyCapsule Interface").

use std::ffi::CStr;

use arrow_array::{Array, RecordBatch, StructArray, ffi::to_ffi};
use arrow_schema::ffi::FFI_ArrowSchema;
use pyo3::{prelude::*, types::PyCapsule};

use crate::{batch::schema, error::Failed};

const SCHEMA: &CStr = c"arrow_schema";
const ARRAY: &CStr = c"arrow_array";

/// A record batch, which pyarrow and other libraries take without a copy.
#[pyclass(frozen, module = "slproof")]
pub struct Batch(RecordBatch);

impl Batch {
    pub fn new(batch: RecordBatch) -> Self {
        Self(batch)
    }
}

#[pymethods]
impl Batch {
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
        // A consumer casts if it wants another schema, as the interface allows.
        let _ = requested_schema;
        let data = StructArray::from(self.0.clone()).into_data();
        let (array, schema) = to_ffi(&data).map_err(Failed::arguments)?;
        let schema = PyCapsule::new_with_value(py, schema, SCHEMA)?;
        Ok((schema, PyCapsule::new_with_value(py, array, ARRAY)?))
    }

    fn __len__(&self) -> usize {
        self.0.num_rows()
    }
}

/// The schema of the batches of proofs of one settlement layer.
#[pyclass(frozen, module = "slproof")]
pub struct ProofSchema {
    pub has_timestamps: bool,
}

#[pymethods]
impl ProofSchema {
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let schema = FFI_ArrowSchema::try_from(schema(self.has_timestamps).as_ref());
        let schema = schema.map_err(Failed::arguments)?;
        PyCapsule::new_with_value(py, schema, SCHEMA)
    }
}
