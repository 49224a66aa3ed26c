//! Records with calldata instead of the words of a proof.

use std::fmt::Display;

use super::{Defaults, Fields, RecordError};
use crate::{
    keccak::keccak256,
    proof::calldata::{self, Call, CalldataError, Decoded, Subject},
};

/// Reads a proof from calldata. The other fields of the record must agree with the calldata.
///
/// # Errors
/// [`RecordError`] if the calldata cannot be decoded, or another field contradicts them.
pub(super) fn from_calldata(
    data: &str,
    call: Option<Call>,
    mut fields: Fields,
    defaults: &Defaults,
) -> Result<Fields, RecordError> {
    let Decoded { chain, batch, id, subject, words } = calldata::decode(data, call)?;
    same("chainId", &chain, fields.chain.as_ref())?;
    same("batchNumber", &batch, fields.batch.as_ref())?;
    same("id", &id, fields.id.as_ref())?;
    let known = fields.log.or_else(|| fields.derived_log());
    if let Some(log) = subject.log(known.or(defaults.log))? {
        same("log", &log, fields.log.as_ref())?;
        fields.log = Some(log);
    }
    // If the calldata have a message, a log or message hash in the record must match it.
    if let Subject::Message(_, message) = subject {
        let expected = fields.message.as_deref().map(keccak256);
        same("hash of the message", &keccak256(&message), expected.as_ref())?;
        fields.message = Some(message);
    }
    let words = Some(words);
    Ok(Fields { chain: Some(chain), batch: Some(batch), id: Some(id), words, ..fields })
}

fn same<T: PartialEq + Display>(
    field: &'static str,
    got: &T,
    expected: Option<&T>,
) -> Result<(), CalldataError> {
    match expected.filter(|expected| *expected != got) {
        None => Ok(()),
        Some(expected) => {
            let (got, expected) = (got.to_string(), expected.to_string());
            Err(CalldataError::Contradiction { field, got, expected })
        }
    }
}
