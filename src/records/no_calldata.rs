//! What stands for the module `calldata` in a build without the feature `calldata`: no call can be chosen, and
//! outputs of this format are refused before their job begins.

use super::{EncoderError, ProofFormat};
use crate::proof::{ProofView, TargetKind};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CallOptions {}

impl CallOptions {
    pub(crate) fn contract(&self, _: TargetKind) -> Result<(), EncoderError> {
        ProofFormat::Calldata.check()
    }

    pub(crate) fn encode(&self, _: &ProofView<'_>) -> Result<(), EncoderError> {
        ProofFormat::Calldata.check()
    }
}
