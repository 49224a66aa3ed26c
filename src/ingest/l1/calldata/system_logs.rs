//! The system logs of an Era batch: the facts about the batch that its proof covers.
//!
//! ```text
//! n × 88 bytes, each a log; the order and the flag of service logs vary
//! key 0   batch root = keccak256(local root of the logs ‖ aggregated root)
//! key 5   hash of the first part of the data for the validator of data availability
//! ```
//!
//! Source: era-contracts `Executor.sol`, v26 to v31; `L1Messenger.sol`.

use super::{CalldataError, CalldataProblem, abi::Abi};
use crate::{message::L2ToL1Log, primitives::Hash};

const LOGS_ROOT: u64 = 0;
const DA_OUTPUT: u64 = 5;
const WHAT: &str = "the system logs";

/// The values that are used of the system logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SystemLogs {
    /// The batch root.
    pub(super) logs_root: Hash,
    /// The hash of the state differences, of the pubdata and of the blobs.
    pub(super) da_output: Hash,
}

impl SystemLogs {
    pub(super) fn read(part: Abi<'_>) -> Result<Self, CalldataError> {
        let bad = |problem| part.bad(0, WHAT, problem);
        let (logs, rest) = part.all().as_chunks::<{ L2ToL1Log::LEN }>();
        if !rest.is_empty() {
            return Err(bad(CalldataProblem::Logs(part.all().len())));
        }
        let value = |key: u64| {
            let logs = logs.iter().map(|bytes| L2ToL1Log::new(*bytes));
            let mut values = logs.filter(|log| log.key() == key.into()).map(|log| log.value());
            let value = values.next().ok_or_else(|| bad(CalldataProblem::NoLog(key)))?;
            match values.next() {
                None => Ok(value),
                Some(_) => Err(bad(CalldataProblem::LogTwice(key))),
            }
        };
        Ok(Self { logs_root: value(LOGS_ROOT)?, da_output: value(DA_OUTPUT)? })
    }
}
