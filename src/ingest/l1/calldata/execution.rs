//! The data of an execution.
//!
//! ```text
//! u8 version ‖ abi.encode(StoredBatchInfo[], …)      version 0: 8 words, v26 to v28; 1: 9 words, v29 to v31
//! u8 2 ‖ abi.encode(struct { StoredBatchInfo[], … })  9 words, since v33
//! ```
//!
//! The other values are not needed. Source: era-contracts `BatchDecoder.sol`, v26 to v31 and v33.

use super::{Call, CalldataError, CalldataProblem, StoredBatchInfo, stored_batch::Layout};

const VERSION: &str = "the version of the execution";
/// The version in which one struct holds all values.
const STRUCT: u8 = 2;
const LIST: &str = "the list of executed batches";

/// The batches that a call executes.
pub(super) fn executed(call: &Call<'_>) -> Result<Vec<StoredBatchInfo>, CalldataError> {
    let layout = match call.data.byte(VERSION)? {
        0 => Layout::V26,
        1 | STRUCT => Layout::V29,
        version => return Err(call.data.bad(0, VERSION, CalldataProblem::Version(version))),
    };
    let mut arguments = call.data.after(1);
    if call.data.byte(VERSION)? == STRUCT {
        arguments = arguments.tail(0, "the struct of the execution")?;
    }
    let (count, mut elements) = arguments.array(0, LIST)?;
    let (mut batches, mut named) = (Vec::new(), call.batches.0);
    for _ in 0..count {
        let batch = StoredBatchInfo::read(elements, layout)?;
        if batch.batch != named {
            let problem = CalldataProblem::OtherBatch { found: batch.batch, named };
            return Err(elements.bad(0, "the number of the stored batch", problem));
        }
        batches.push(batch);
        named.0 = named.0.saturating_add(1);
        elements = elements.after(32 * layout.words());
    }
    match batches.last() {
        Some(last) if last.batch == call.batches.1 => Ok(batches),
        last => {
            let found = last.map_or(call.batches.0, |last| last.batch);
            let problem = CalldataProblem::OtherBatch { found, named: call.batches.1 };
            Err(arguments.bad(0, LIST, problem))
        }
    }
}
