//! Replaces the module `parquet` in a build without the feature `parquet`. Inputs of this format are refused
//! when they are opened, and outputs before their job begins. Functions that would encode or write rows
//! return the same error.

use serde::{Deserialize, Serialize};

use super::{EncoderError, EntriesError, ProofFormat, RequestSource};
use crate::{
    files::Input,
    proof::{
        Failure, ProofView,
        reader::{Defaults, Item, RecordError},
    },
};

/// A type without values.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum NoRows {}

pub(crate) type EncodedRows = NoRows;
pub(crate) type NumberedGroup = NoRows;
pub(crate) type NumberedRows = NoRows;
pub(crate) type RowGroupSummary = NoRows;

pub(crate) struct OutcomeRows {}

#[derive(Default)]
pub(crate) struct RowGroups {}

impl NumberedRows {
    pub(crate) fn open(input: Input, _: &Defaults) -> Result<Self, EntriesError> {
        Err(EntriesError::NoParquet(input.name().to_owned()))
    }

    pub(crate) fn take_group(&mut self, _: usize) -> Option<NumberedGroup> {
        match *self {}
    }

    pub(crate) fn rows(&self) -> Result<NumberedRows, EntriesError> {
        match *self {}
    }

    pub(crate) fn alone(self, _: &EntriesError) -> Option<Self> {
        match self {}
    }
}

impl Iterator for NumberedRows {
    type Item = Result<(u64, Result<Item, RecordError>), EntriesError>;

    fn next(&mut self) -> Option<Self::Item> {
        match *self {}
    }
}

impl OutcomeRows {
    pub(crate) fn new(_: bool) -> Self {
        Self {}
    }

    pub(crate) fn proof(&mut self, _: &ProofView<'_>) -> Result<(), EncoderError> {
        ProofFormat::Parquet.check()
    }

    pub(crate) fn failure(
        &mut self,
        _: RequestSource<'_>,
        _: &Failure,
    ) -> Result<(), EncoderError> {
        ProofFormat::Parquet.check()
    }

    pub(crate) fn finish(&mut self) -> Result<Option<EncodedRows>, EncoderError> {
        Ok(None)
    }
}

impl RowGroups {
    pub(crate) fn after(_: Vec<RowGroupSummary>) -> Result<Self, EncoderError> {
        Ok(Self {})
    }

    pub(crate) fn written(&self) -> &[RowGroupSummary] {
        &[]
    }

    pub(crate) fn byte_len(&self) -> u64 {
        0
    }

    pub(crate) fn are_written(&self) -> bool {
        true
    }

    pub(crate) fn append(&mut self, rows: EncodedRows) {
        match rows {}
    }

    pub(crate) fn put_full<E: From<EncoderError>>(
        &mut self,
        _: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        Ok(())
    }

    pub(crate) fn finish<E: From<EncoderError>>(
        self,
        _: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        Ok(ProofFormat::Parquet.check()?)
    }
}
