//! Decoding of the calldata by which L1 commits, executes and reverts batches.
//!
//! | module | decodes |
//! | --- | --- |
//! | `call` | the function and its arguments, also inside another call |
//! | `stored_batch` | what L1 keeps of a batch |
//! | `commit` | a batch that is committed |
//! | `system_logs` | the facts about an Era batch that its proof covers |
//! | `da_input` | where the pubdata of a batch are |
//! | `execution` | the batches that are executed, since v31 with their logs |
//! | `decoded` | all of these |
//! | `abi` | words, numbers, bytes and lists, with their places |

mod abi;
mod call;
mod commit;
mod da_input;
mod decoded;
mod error;
mod execution;
mod stored_batch;
mod system_logs;

use call::Call;
pub(in crate::ingest) use call::has_quoted_selector;
pub use call::{Action, ChainName};
pub use commit::{Commit, CommitInfo};
pub use da_input::{BlobName, DaInput, UnknownDa};
pub use decoded::{BatchCall, DamagedCall, Effect};
pub use error::{CalldataError, CalldataProblem};
pub use execution::ExecutedBatch;
use execution::executed;
pub(in crate::ingest) use execution::has_quoted_logs;
pub use stored_batch::StoredBatchInfo;
