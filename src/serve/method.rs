//! The methods that are answered.

/// Defines the methods and their names.
macro_rules! methods {
    ($($name:ident = $text:literal,)*) => {
        /// The methods that are answered.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Method { $($name,)* }

        impl Method {
            pub(super) fn named(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$name),)*
                    _ => None,
                }
            }

            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }

        /// The names of the methods, as metrics and logs have them.
        pub(super) const METHODS: &[&str] = &[$($text,)* OTHER];
    };
}

methods! {
    LogProof = "zks_getL2ToL1LogProof",
    Receipt = "eth_getTransactionReceipt",
    ChainId = "eth_chainId",
    BlockNumber = "eth_blockNumber",
    BlockByNumber = "eth_getBlockByNumber",
    BatchDetails = "zks_getL1BatchDetails",
    L1ChainId = "zks_L1ChainId",
    Bridgehub = "zks_getBridgehubContract",
    MainContract = "zks_getMainContract",
    BaseToken = "zks_getBaseTokenL1Address",
    Bridges = "zks_getBridgeContracts",
    ChainLogProof = "unstable_getChainLogProof",
    ChainLogProofToBlock = "unstable_getChainLogProofUntilMsgRoot",
    Proof = "slproof_proof",
    ProofByMessage = "slproof_proofByMessage",
    Explain = "slproof_explain",
    Find = "slproof_find",
    FindAddress = "slproof_findAddress",
    Claims = "slproof_claims",
    Verify = "slproof_verify",
    Overview = "slproof_overview",
    Roots = "slproof_roots",
    Logs = "slproof_logs",
}

/// The name of all methods that are not known.
pub(super) const OTHER: &str = "other";
