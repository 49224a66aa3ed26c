//! Replaces the module `calldata` in a build without the feature `calldata`. No call can be selected, and
//! jobs refuse outputs of this format before they begin.

use super::{EncoderError, ProofFormat};
use crate::proof::{ProofView, TargetKind};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CallOptions {}

impl CallOptions {
    pub(crate) fn check(&self, _: TargetKind) -> Result<(), EncoderError> {
        ProofFormat::Calldata.check()
    }

    pub(crate) fn encode(&self, _: &ProofView<'_>) -> Result<(), EncoderError> {
        ProofFormat::Calldata.check()
    }
}
