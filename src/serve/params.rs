//! The parameters of a call.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::rpc::RpcError;
use crate::primitives::Number;

/// A whole number, as a JSON number or in digits, decimal or `0x` and hexadecimal.
#[derive(Deserialize)]
pub(super) struct Whole(#[serde(deserialize_with = "Number::read")] pub(super) u64);

/// The parameters of a call by their position. Clients leave optional ones out, or write null.
#[derive(Debug)]
pub(super) struct Params<'b>(Vec<&'b RawValue>);

impl<'b> Params<'b> {
    /// Reads a list of at most `most` parameters. Without `params` there are none.
    pub(super) fn parse(params: Option<&'b RawValue>, most: usize) -> Result<Self, RpcError> {
        let Some(params) = params.filter(|params| params.get() != "null") else {
            return Ok(Self(Vec::new()));
        };
        let list: Vec<&RawValue> = serde_json::from_str(params.get())
            .map_err(|_| RpcError::params("the parameters are not a list".into()))?;
        if list.len() > most {
            let text = format!("{} parameters, at most {most} are known", list.len());
            return Err(RpcError::params(text));
        }
        Ok(Self(list))
    }

    /// A parameter that has to be there.
    pub(super) fn required<T: DeserializeOwned>(
        &self,
        at: usize,
        name: &str,
    ) -> Result<T, RpcError> {
        self.optional(at, name)?.ok_or_else(|| RpcError::params(format!("{name} is missing")))
    }

    /// A parameter with members that may be missing or null.
    pub(super) fn object<T: DeserializeOwned>(
        &self,
        at: usize,
        name: &str,
    ) -> Result<Option<T>, RpcError> {
        // A derived reader takes a list for the members in their order.
        match self.text(at) {
            Some(text) if !text.starts_with('{') => {
                Err(RpcError::params(format!("{name}: not an object")))
            }
            _ => self.optional(at, name),
        }
    }

    /// A parameter that may be missing or null.
    pub(super) fn optional<T: DeserializeOwned>(
        &self,
        at: usize,
        name: &str,
    ) -> Result<Option<T>, RpcError> {
        let Some(text) = self.text(at) else { return Ok(None) };
        let read = serde_json::from_str(text);
        read.map(Some).map_err(|error| RpcError::params(format!("{name}: {error}")))
    }

    /// The JSON text of a parameter that is neither missing nor null.
    pub(super) fn text(&self, at: usize) -> Option<&'b str> {
        self.0.get(at).map(|value| value.get()).filter(|text| *text != "null")
    }
}
