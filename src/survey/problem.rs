//! Files that are damaged or contradict others.

use std::path::PathBuf;

use serde::{Serialize, Serializer, ser::SerializeStruct};

use crate::prove::{Error, with_causes};

/// Files that are damaged or contradict others.
#[derive(Debug)]
pub struct Problem {
    /// The files.
    pub files: Vec<PathBuf>,
    /// What is wrong with them.
    pub error: Error,
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut problem = serializer.serialize_struct("Problem", 3)?;
        problem.serialize_field("files", &self.files)?;
        problem.serialize_field("code", &self.error.code())?;
        problem.serialize_field("message", &with_causes(&self.error))?;
        problem.end()
    }
}
