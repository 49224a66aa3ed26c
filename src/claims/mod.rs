//! What a state of L1 says about the withdrawals in an archive, and the calls that pay them out.
//!
//! | item | purpose |
//! | --- | --- |
//! | [`Claims`] | judges everything that is selected, on all threads |
//! | [`ClaimSelection`], [`ClaimKind`] | which logs |
//! | [`Claim`], [`Status`], [`Reason`] | the record of a withdrawal, a failed deposit, or another message |
//! | [`ClaimCall`] | the call, which the sender of the message decides |
//! | [`Totals`] | the sums by token |
//! | [`Rechecks`] | judges proofs that were made before |
//! | [`needed_slots`] | the slots of L1 that decide on proofs and payouts |
//!
//! Only `L1Nullifier` knows what was paid out, and only the roots that L1 accepts
//! ([`anchor`](crate::anchor)) show what can be. Nothing is said of the balance that L1 keeps for a chain.
//! Sources: era-contracts `L1Nullifier.sol`, v29 and v31.

mod abi;
mod call;
mod claim;
mod deposit;
mod job;
mod judge;
mod l1;
mod needed;
mod options;
mod reason;
mod recheck;
mod route;
mod selection;
mod subject;
mod totals;

pub use call::ClaimCall;
pub use claim::Claim;
pub use deposit::Deposit;
pub use job::Claims;
pub use needed::needed_slots;
pub use options::ClaimsOptions;
pub use reason::{ContractError, Reason, Status};
pub use recheck::{Recheck, RecheckStatus, Rechecks};
pub use selection::ClaimSelection;
pub use subject::ClaimKind;
pub use totals::{Token, TokenTotals, Total, Totals};
