//! Files that are damaged or contradict others.

use std::path::PathBuf;

use serde::{Serialize, Serializer, ser::SerializeStruct};

use crate::prove::Error;

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
        let mut message = self.error.to_string();
        let mut next = std::error::Error::source(&self.error);
        while let Some(cause) = next {
            message = format!("{message}: {cause}");
            next = cause.source();
        }
        let mut problem = serializer.serialize_struct("Problem", 3)?;
        problem.serialize_field("files", &self.files)?;
        problem.serialize_field("code", &self.error.code())?;
        problem.serialize_field("message", &message)?;
        problem.end()
    }
}
