//! Answers of nodes to calls that give slproof nothing to work with. They are named, because they have
//! members of states and of receipts.

use std::fmt;

use super::json::first_members;

/// An answer that is neither state nor logs nor proofs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OtherAnswer {
    /// Some slots of an account, with proofs in the trie of Ethereum.
    EthGetProof,
    /// Some slots of an account, with proofs in the tree of a ZKsync chain.
    ZksGetProof,
    /// A block.
    Block,
    /// Transactions, also as block explorers and exporters list them.
    Transaction,
    /// Facts about a batch, without its logs.
    BatchDetails,
}

impl OtherAnswer {
    /// The answer that a text with this beginning is, or the first of several answers. `None` for other texts.
    #[must_use]
    pub fn of(head: &[u8]) -> Option<Self> {
        let text = head.trim_ascii_start();
        let mut members = first_members(text);
        if let Some((_, value)) = members.iter().find(|(name, _)| *name == b"result") {
            members.append(&mut first_members(value));
        }
        let has_one = |name: &str| members.iter().any(|(member, _)| *member == name.as_bytes());
        let has = |names: &[&str]| names.iter().all(|name| has_one(name));
        Some(match () {
            () if has(&["accountProof"]) => Self::EthGetProof,
            () if has(&["address", "storageProof"]) => Self::ZksGetProof,
            () if has(&["parentHash", "transactionsRoot"]) => Self::Block,
            () if has(&["hash", "input", "nonce"]) => Self::Transaction,
            () if has(&["rootHash", "commitTxHash"]) => Self::BatchDetails,
            () => return None,
        })
    }

    /// What to give instead.
    #[must_use]
    pub fn instead(self) -> &'static str {
        match self {
            Self::EthGetProof => {
                "it has single slots and their proofs, which serve as an anchor of proofs; for trees give all slots \
                 of the contracts, by debug_storageRangeAt or in a dump"
            }
            Self::ZksGetProof => {
                "it has single slots and their proofs; give all slots of the contracts, by debug_storageRangeAt or \
                 in a dump, or write the slots to a table address,slot,value"
            }
            Self::Block => {
                "with answers of eth_getProof for the block it is an anchor of proofs; for logs, give the block's \
                 receipts, by eth_getBlockReceipts"
            }
            Self::Transaction => {
                "for logs, give the transaction's receipt, by eth_getTransactionReceipt"
            }
            Self::BatchDetails => "for logs, give the receipts of the batch's blocks",
        }
    }
}

impl fmt::Display for OtherAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EthGetProof => "an answer of eth_getProof",
            Self::ZksGetProof => "an answer of zks_getProof",
            Self::Block => "an answer of eth_getBlockByNumber or eth_getBlockByHash",
            Self::Transaction => "a list of transactions, or an answer of eth_getTransactionByHash",
            Self::BatchDetails => "an answer of zks_getL1BatchDetails",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_recognized_bare_and_in_envelopes() {
        for (result, expected) in [
            (
                "{\"address\":1,\"accountProof\":[],\"storageProof\":[]",
                Some(OtherAnswer::EthGetProof),
            ),
            ("{\"address\":1,\"storageProof\":[{\"key\":1}]}", Some(OtherAnswer::ZksGetProof)),
            ("{\"hash\":1,\"parentHash\":2,\"transactionsRoot\":3}", Some(OtherAnswer::Block)),
            (
                "{\"hash\":1,\"nonce\":2,\"input\":3,\"blockHash\":4}",
                Some(OtherAnswer::Transaction),
            ),
            ("{\"number\":1,\"rootHash\":2,\"commitTxHash\":3}", Some(OtherAnswer::BatchDetails)),
            ("{\"transactionHash\":1,\"blockHash\":2,\"logs\":[]}", None),
            ("{\"proof\":[],\"id\":1,\"root\":2}", None),
            ("{\"address\":1,\"key\":2,\"nonce\":3,\"balance\":4}", None),
            ("\"0x\"", None),
        ] {
            let answer = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{result}}}");
            let list = format!("{{\"status\":\"1\",\"result\":[{result},{result}]}}");
            for text in
                [result.to_owned(), format!(" [{result}"), format!("\n[{answer}"), answer, list]
            {
                assert_eq!(OtherAnswer::of(text.as_bytes()), expected, "{text}");
            }
        }
    }
}
