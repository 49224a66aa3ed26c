//! The stable codes of all failures.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// Defines the codes, in the order of their texts.
macro_rules! failure_codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// A stable code for a kind of failure. Scripts may rely on its text: a code is never renamed. New
        /// codes may be added.
        ///
        /// ```
        /// use slproof::FailureCode;
        ///
        /// assert_eq!(FailureCode::UnknownRoot.as_str(), "unknown-root");
        /// assert_eq!("unknown-root".parse(), Ok(FailureCode::UnknownRoot));
        /// assert!(FailureCode::ALL.contains(&FailureCode::UnknownRoot));
        /// ```
        // Ordered by text, so that counts by code are written in alphabetical order.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum FailureCode {
            $($(#[$doc])* $name,)*
        }

        impl FailureCode {
            /// Every code, in alphabetical order.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The text of the code.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

failure_codes! {
    /// The anchor holds no Bridgehub.
    AnchorLacksBridgehub = "anchor-lacks-bridgehub",
    /// The anchor does not hold L1ChainAssetHandler.
    AnchorLacksChainAssetHandler = "anchor-lacks-chain-asset-handler",
    /// The anchor holds no contract that stores roots.
    AnchorLacksContracts = "anchor-lacks-contracts",
    /// The anchor does not hold the chain's diamond.
    AnchorLacksDiamond = "anchor-lacks-diamond",
    /// The anchor does not hold L1Nullifier.
    AnchorLacksL1Nullifier = "anchor-lacks-l1-nullifier",
    /// The anchor holds no MessageRoot.
    AnchorLacksMessageRoot = "anchor-lacks-message-root",
    /// The archive is damaged at the batch, at the log, or in the index of logs.
    ArchiveDamaged = "archive-damaged",
    /// The batch was executed after the target.
    BatchAfterTarget = "batch-after-target",
    /// The batch was executed on this layer, so it cannot be proven through another one.
    BatchExecutedHere = "batch-executed-here",
    /// No explained root contains the batch.
    BatchInNoRoot = "batch-in-no-root",
    /// The record does not name its batch.
    BatchMissing = "batch-missing",
    /// The archive has no logs of the batch.
    BatchNotArchived = "batch-not-archived",
    /// The contracts refuse the batch: it is not executed.
    BatchNotExecuted = "batch-not-executed",
    /// MessageRoot stores no root of the batch, and the contracts read only MessageRoot.
    BatchNotInMessageRoot = "batch-not-in-message-root",
    /// The batch was not executed on the settlement layer.
    BatchNotInTree = "batch-not-in-tree",
    /// The last node of the proof has a batch path.
    BatchPathOnLastNode = "batch-path-on-last-node",
    /// The log path does not fold to the batch root in the record.
    BatchRootMismatch = "batch-root-mismatch",
    /// The state stores no root of the batch.
    BatchRootNotStored = "batch-root-not-stored",
    /// The contracts refuse batch 0.
    BatchZero = "batch-zero",
    /// Storage slots are proven for a block that is not trusted.
    BlockNotTrusted = "block-not-trusted",
    /// L1 accepts no proof against a block of its own; only chains that imported the root do.
    BlockOfL1 = "block-of-l1",
    /// L1Nullifier was not told up to which batch the old bridges of Era paid out.
    BridgeValueNotSet = "bridge-value-not-set",
    /// The call is for L1, where the root is not stored.
    CallNeedsL1Target = "call-needs-l1-target",
    /// The call takes a message, but the log is not of a message.
    CallNeedsMessage = "call-needs-message",
    /// The call takes the bytes of the message, but the archive does not have them.
    CallNeedsMessageBytes = "call-needs-message-bytes",
    /// The proof is in calldata, and this build cannot read calldata.
    CalldataUnsupported = "calldata-unsupported",
    /// The chain was registered after the target.
    ChainAfterTarget = "chain-after-target",
    /// The record does not name its chain.
    ChainMissing = "chain-missing",
    /// Bridgehub in L1's state has no diamond of the chain.
    ChainNotOnL1 = "chain-not-on-l1",
    /// Several commits or executions of an SL batch differ, and nothing tells which of them L1 accepted.
    CommitAmbiguous = "commit-ambiguous",
    /// The calldata of the commit of an SL batch are damaged, or in an encoding that is not known.
    CommitDamaged = "commit-damaged",
    /// No transaction among the inputs is the commit of an SL batch that L1 accepted.
    CommitMissing = "commit-missing",
    /// The log is 88 zero bytes, the padding of log trees, which the contracts refuse to prove.
    DefaultLeaf = "default-leaf",
    /// L1Nullifier stores another deposit than the given one.
    DepositDiffers = "deposit-differs",
    /// The sender, asset and data of the deposit are needed, and were not given.
    DepositNeeded = "deposit-needed",
    /// L1Nullifier stores no deposit of this transaction.
    DepositNotRecorded = "deposit-not-recorded",
    /// The proof has no words.
    EmptyProof = "empty-proof",
    /// It is not known which root was the first to contain the batch.
    FirstRootUnknown = "first-root-unknown",
    /// This build does not have the format, because a feature is off.
    FormatUnsupported = "format-unsupported",
    /// The content of past roots in a tree file is wrong.
    HistoryDamaged = "history-damaged",
    /// The record does not name the index of its log.
    IdMissing = "id-missing",
    /// The roots of the interop commitment tree in a batch root are needed, and the archive does not have them.
    ImtRootsUnknown = "imt-roots-unknown",
    /// The state lacks what the trees are rebuilt from.
    IncompleteState = "incomplete-state",
    /// The index does not fit the length of the path.
    IndexOutOfBounds = "index-out-of-bounds",
    /// An input is damaged, contradicts itself, or cannot be decoded.
    InputDamaged = "input-damaged",
    /// The two verifiers disagree: an error of this program.
    InternalError = "internal-error",
    /// The job was cancelled.
    Interrupted = "interrupted",
    /// The options contradict each other or the inputs.
    InvalidOptions = "invalid-options",
    /// L1 does not accept the batch through this batch of the settlement layer.
    InvalidSettlementLayer = "invalid-settlement-layer",
    /// The chain id of L1 decides about a claim, and is not known.
    L1ChainUnknown = "l1-chain-unknown",
    /// The storage layout of the contracts is newer than this program, or is not supported.
    LayoutNotSupported = "layout-not-supported",
    /// The record of a leaf of a batch root has no leaf.
    LeafMissing = "leaf-missing",
    /// An input or a batch was left out of a message archive.
    LeftOut = "left-out",
    /// The record contradicts its log.
    LogMismatch = "log-mismatch",
    /// The record has no log.
    LogMissing = "log-missing",
    /// The call cannot encode the log.
    LogNotEncodable = "log-not-encodable",
    /// The batch has no such log.
    LogNotInBatch = "log-not-in-batch",
    /// The transaction has no such log.
    LogNotInTransaction = "log-not-in-transaction",
    /// The logs of the batch do not fold to its root.
    LogsDoNotFold = "logs-do-not-fold",
    /// Batches of the settlement layer are missing on L1, and what is needed is lost with them.
    LostOnL1 = "lost-on-l1",
    /// The text is not a record of a proof.
    MalformedRecord = "malformed-record",
    /// The text is not a request.
    MalformedRequest = "malformed-request",
    /// The hash of the message differs from the log's value.
    MessageMismatch = "message-mismatch",
    /// The archive has no message with this hash.
    MessageNotFound = "message-not-found",
    /// The metadata of the proof have an unknown version.
    MetadataVersion = "metadata-version",
    /// The address of the contract to call is not known.
    NoAddress = "no-address",
    /// L1Nullifier is of v33, which pays out no withdrawals.
    NoFinalizeDeposit = "no-finalize-deposit",
    /// The state stores no roots by block.
    NoInteropRoot = "no-interop-root",
    /// The block has no root.
    NoRootOfBlock = "no-root-of-block",
    /// The node answered with an error.
    NodeError = "node-error",
    /// The node answered null.
    NodeNull = "node-null",
    /// The log is not of a message.
    NotAMessage = "not-a-message",
    /// Bridgehub does not list the chain as a settlement layer.
    NotASettlementLayer = "not-a-settlement-layer",
    /// The message is no withdrawal.
    NotAWithdrawal = "not-a-withdrawal",
    /// The batch root has not eight leaves, of which one is to be proven.
    NotEightLeaves = "not-eight-leaves",
    /// Nothing in the archive matches the selection.
    NothingFound = "nothing-found",
    /// L1Nullifier is paused.
    NullifierPaused = "nullifier-paused",
    /// A chain id or another number has more bits than are supported. The contracts store 256.
    NumberNotSupported = "number-not-supported",
    /// It is not known whether a bridge before L1Nullifier paid the withdrawal out.
    OldBridgeUnknown = "old-bridge-unknown",
    /// Only L1 accepts proofs through a batch of a settlement layer.
    OnlyL1 = "only-l1",
    /// The unfinished output belongs to another job.
    OtherJob = "other-job",
    /// A path is longer than the contracts accept.
    PathTooLong = "path-too-long",
    /// The record has no proof.
    ProofMissing = "proof-missing",
    /// The proof has the words of another release than the contracts: a timestamp since v33, none before.
    ProofOfOtherRelease = "proof-of-other-release",
    /// The verifier refused a proof that slproof made.
    ProofRefused = "proof-refused",
    /// An input could not be opened or read.
    ReadFailed = "read-failed",
    /// The state does not show of which release L1's contracts are, and they take the proof only since v33.
    ReleaseNotShown = "release-not-shown",
    /// The proof folds to another root.
    RootMismatch = "root-mismatch",
    /// The content of the root is unknown.
    RootUnexplained = "root-unexplained",
    /// The proof goes through a second settlement layer.
    SecondHop = "second-hop",
    /// The logs and trees do not fold to the root of the settlement layer's batch.
    SlBatchDoesNotFold = "sl-batch-does-not-fold",
    /// The logs of the settlement layer's batch were not given.
    SlBatchNotArchived = "sl-batch-not-archived",
    /// L1 stores no root of the settlement layer's batch, or no file of L1 shows that it does.
    SlBatchNotOnL1 = "sl-batch-not-on-l1",
    /// L1 and the given file have different roots of the settlement layer's batch.
    SlBatchRootDiffers = "sl-batch-root-differs",
    /// No source has the root of the settlement layer's batch.
    SlBatchRootUnknown = "sl-batch-root-unknown",
    /// The trees were empty at the end of the settlement layer's batch.
    SlBatchTooEarly = "sl-batch-too-early",
    /// The state consists of proofs of single slots, and a slot that is needed is not proven.
    SlotNotProven = "slot-not-proven",
    /// A state cannot be read, or a slot holds an invalid value.
    StateDamaged = "state-damaged",
    /// A proof of a storage slot does not hold for the trusted block.
    StateProofRefused = "state-proof-refused",
    /// The system refused what a command needs, such as threads.
    SystemFailed = "system-failed",
    /// The proof leads to another target than the record names.
    TargetMismatch = "target-mismatch",
    /// The target needs the history of the roots.
    TargetNeedsHistory = "target-needs-history",
    /// The target needs trees, but none were rebuilt.
    TargetNeedsTrees = "target-needs-trees",
    /// The timestamp in the record differs from the one in the proof, or from the one that is stored with the
    /// root.
    TimestampMismatch = "timestamp-mismatch",
    /// The token of an old withdrawal is none that L1 issued.
    TokenNotLegacy = "token-not-legacy",
    /// The proof has too few words.
    TooShort = "too-short",
    /// The proof has words after its end.
    TrailingWords = "trailing-words",
    /// Several batches of the archive have logs of a transaction with this hash.
    TransactionAmbiguous = "transaction-ambiguous",
    /// The archive has no log of this transaction.
    TransactionNotFound = "transaction-not-found",
    /// The tree file is damaged where the batch is.
    TreeDamaged = "tree-damaged",
    /// The rebuilt trees differ from those that the contracts stored.
    TreeDiffers = "tree-differs",
    /// The chain is not registered on the settlement layer.
    UnknownChain = "unknown-chain",
    /// The kind of an input is unknown, or the input holds nothing of what is needed.
    UnknownInput = "unknown-input",
    /// No root is known where the proof leads.
    UnknownRoot = "unknown-root",
    /// The text names no target.
    UnknownTarget = "unknown-target",
    /// It is not known whether the sender of a withdrawal is the bridge that the chain had before the asset
    /// router.
    WithdrawalSenderUnknown = "withdrawal-sender-unknown",
    /// An output could not be written.
    WriteFailed = "write-failed",
    /// An input is of a kind that is used elsewhere.
    WrongInput = "wrong-input",
    /// L1 does not pay for a message of this sender.
    WrongSender = "wrong-sender",
}

/// A text that is not a failure code.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is not a failure code")]
pub struct UnknownFailureCode(String);

impl FromStr for FailureCode {
    type Err = UnknownFailureCode;

    fn from_str(text: &str) -> Result<Self, UnknownFailureCode> {
        let found = Self::ALL.binary_search_by_key(&text, |code| code.as_str());
        found.map(|at| Self::ALL[at]).map_err(|_| UnknownFailureCode(text.into()))
    }
}

impl PartialEq<&str> for FailureCode {
    fn eq(&self, text: &&str) -> bool {
        self.as_str() == *text
    }
}

impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for FailureCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for FailureCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_read_from_its_text() {
        for code in FailureCode::ALL {
            assert_eq!(code.as_str().parse(), Ok(*code));
            let json = serde_json::to_string(code).unwrap();
            assert_eq!(json, format!("\"{code}\""));
            assert_eq!(serde_json::from_str::<FailureCode>(&json).unwrap(), *code);
        }
        assert!("no-such-code".parse::<FailureCode>().is_err());
    }

    #[test]
    fn codes_are_in_the_order_of_their_texts() {
        assert!(FailureCode::ALL.is_sorted_by(|one, other| one < other));
        assert!(FailureCode::ALL.is_sorted_by(|one, other| one.as_str() < other.as_str()));
    }
}
