//! One batch that was executed on L1, and what `claims` says about its logs.

use std::{fmt::Write as _, fs};

use serde_json::{Value, json};
use slproof::{
    Messages, MessagesOptions,
    anchor::KnownRoots,
    claims::{Claim, ClaimSelection, Claims, ClaimsOptions, Totals},
    contracts::system,
    forest::Addresses,
    message::{BatchLogs, L2ToL1Log, MessageList},
    primitives::{Address, BatchNumber, ChainId, Hash, Word},
};

use super::{
    l1::{L1State, bridgehub, nullifier, slot},
    naive,
    vectors::hex,
};

pub const CHAIN: u64 = 324;
pub const BATCH: u64 = 7;
/// Sepolia, whose Era chain is 300: the rules for old batches of Era do not apply to the chain above.
pub const L1_CHAIN: u64 = 11_155_111;
pub const DIAMOND: Address = Address::new([0xdd; 20]);
pub const MESSAGE_ROOT: Address = Address::new([0xa1; 20]);
pub const BASE_TOKEN: Address = Address::system(0x800a);
pub const ASSET_ROUTER: Address = Address::system(0x1_0003);
pub const OLD_BRIDGE: Address = Address::new([0x0b; 20]);
pub const RECEIVER: Address = Address::new([0x11; 20]);
pub const TOKEN: Address = Address::new([0x22; 20]);
pub const BASE_ASSET: Hash = Hash::new([0xba; 32]);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    V29,
    V31,
}

pub const RELEASES: [Release; 2] = [Release::V29, Release::V31];

/// A log, and the message if it is one of a message whose bytes are known.
pub type Log = (L2ToL1Log, Option<Vec<u8>>);

/// A message and the log of it.
pub fn message(sender: Address, bytes: &[u8]) -> Log {
    (L2ToL1Log::of_message(3, sender, bytes), Some(bytes.to_vec()))
}

fn word(number: u64) -> [u8; 32] {
    *Word::from(number).as_bytes()
}

/// `abi.encodePacked(finalizeEthWithdrawal.selector, receiver, amount)`.
pub fn base_token(amount: u64) -> Vec<u8> {
    [&[0x6c, 0x09, 0x60, 0xf9], &RECEIVER.as_bytes()[..], &word(amount)].concat()
}

/// `abi.encodePacked(finalizeWithdrawal.selector, receiver, token, amount)`.
pub fn legacy(token: Address, amount: u64) -> Vec<u8> {
    let (receiver, token) = (&RECEIVER.as_bytes()[..], &token.as_bytes()[..]);
    [&[0x11, 0xa2, 0xcc, 0xc1], receiver, token, &word(amount)].concat()
}

/// `abi.encodePacked(finalizeDeposit.selector, chain, assetId, abi.encode(caller, receiver, token, amount, ""))`.
pub fn routed(asset: Hash, caller: Address, amount: u64) -> Vec<u8> {
    let addresses = [caller, RECEIVER, TOKEN].map(|address| *address.to_word().as_bytes());
    let numbers = [word(amount), word(160), word(0)];
    let selector: &[u8] = &[0x9c, 0x88, 0x4f, 0xd1];
    let (chain, transfer) = (word(CHAIN), [addresses, numbers].concat());
    [selector, &chain, asset.as_bytes(), transfer.as_flattened()].concat()
}

pub struct Case {
    pub release: Release,
    pub batch: u64,
    pub state: L1State,
    pub logs: Vec<Log>,
    pub options: ClaimsOptions,
    pub selection: ClaimSelection,
}

impl Case {
    /// A batch with these logs, which L1 executed.
    pub fn new(release: Release, logs: Vec<Log>) -> Self {
        Self::at(release, BATCH, logs)
    }

    /// The same with another number.
    pub fn at(release: Release, number: u64, logs: Vec<Log>) -> Self {
        let mut options = ClaimsOptions::new(nullifier());
        options.l1_chain = Some(ChainId(L1_CHAIN));
        let mut state = L1State::default()
            .with_nullifier()
            .with(bridgehub(), Word::from(208), 1)
            .with(bridgehub(), slot(210, &[CHAIN.into()]), DIAMOND.to_word())
            .with(bridgehub(), slot(212, &[CHAIN.into()]), BASE_ASSET)
            .with(nullifier(), slot(206, &[CHAIN.into()]), OLD_BRIDGE.to_word())
            .with(DIAMOND, Word::from(40), CHAIN)
            .with(DIAMOND, Word::from(11), BATCH);
        let root = naive::node(batch(number, &logs).view().tree().root(), Hash::ZERO);
        match release {
            Release::V29 => state.set(DIAMOND, slot(15, &[number.into()]), root),
            Release::V31 => {
                state.set(MESSAGE_ROOT, Word::from(1), 1);
                state.set(MESSAGE_ROOT, slot(3, &[0.into()]), L1_CHAIN);
                state.set(MESSAGE_ROOT, Word::from(13), 2);
                state.set(MESSAGE_ROOT, slot(12, &[CHAIN.into(), number.into()]), root);
            }
        }
        Self { release, batch: number, state, logs, options, selection: ClaimSelection::default() }
    }

    /// One message.
    pub fn of(release: Release, sender: Address, bytes: &[u8]) -> Self {
        Self::new(release, vec![message(sender, bytes)])
    }

    pub fn with(mut self, contract: Address, slot: Word, value: impl Into<Word>) -> Self {
        self.state.set(contract, slot, value);
        self
    }

    /// The claims as they are written, and their totals.
    pub fn claims(&self) -> (Vec<Value>, Totals) {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("logs.jsonl");
        fs::write(&archive, self.archive()).unwrap();
        let messages = Messages::open(&[archive], &MessagesOptions::default()).unwrap();
        let message_root = match self.release {
            Release::V29 => system::MESSAGE_ROOT,
            Release::V31 => MESSAGE_ROOT,
        };
        let addresses = Addresses { bridgehub: bridgehub(), message_root };
        let l1 = KnownRoots::new(self.state.clone(), addresses).unwrap();
        let selection = self.selection.clone();
        let job = Claims::new(&l1, None, &messages, selection, &self.options).unwrap();
        let mut lines = Vec::new();
        let encode = |claims: &[Claim]| claims.iter().map(|claim| json!(claim)).collect::<Vec<_>>();
        let totals = job.run(encode, |claims| {
            lines.extend(claims);
            Ok(())
        });
        (lines, totals.unwrap())
    }

    /// The only claim.
    pub fn claim(&self) -> Value {
        let (mut claims, _) = self.claims();
        assert_eq!(claims.len(), 1, "{claims:?}");
        claims.remove(0)
    }

    /// Asserts that the only claim is claimable.
    pub fn is_claimable(&self) {
        let claim = self.claim();
        assert_eq!(claim["status"], "claimable", "{claim}");
        assert!(claim["call"].is_object(), "{claim}");
    }

    /// Asserts that the only claim is refused with an error of the contract.
    pub fn is_refused(&self, name: &str, selector: &str) {
        let claim = self.claim();
        assert_eq!(claim["status"], "refused", "{claim}");
        assert_eq!(claim["reason"]["error"], json!({"name": name, "selector": selector}));
        assert!(claim["call"].is_null(), "{claim}");
    }

    pub fn has_status(&self, status: &str) {
        let claim = self.claim();
        assert_eq!(claim["status"], status, "{claim}");
    }

    /// Asserts the status and the code of the only claim.
    pub fn has(&self, status: &str, code: &str) -> Value {
        let claim = self.claim();
        assert_eq!(
            (claim["status"].as_str(), claim["reason"]["code"].as_str()),
            (Some(status), Some(code)),
            "{claim}"
        );
        claim
    }

    /// The raw archive. Messages are there for all logs of messages or for none.
    fn archive(&self) -> String {
        let logs: Vec<_> = self.logs.iter().map(|(log, _)| hex(log.as_bytes())).collect();
        let messages: Vec<_> =
            self.logs.iter().filter_map(|(_, m)| Some(hex(m.as_ref()?))).collect();
        let mut line = json!({
            "chainId": CHAIN,
            "batchNumber": self.batch,
            "logs": logs,
            "aggregatedRoot": Hash::ZERO.to_string(),
            "transactions": (0..logs.len()).map(transaction).collect::<Vec<_>>(),
        });
        if !messages.is_empty() {
            line["messages"] = json!(messages);
        }
        line.to_string()
    }
}

/// The invented hash of the transaction of a log.
pub fn transaction(index: usize) -> String {
    let mut text = String::from("0x");
    write!(text, "{:064x}", 1000 + index).unwrap();
    text
}

fn batch(number: u64, logs: &[Log]) -> BatchLogs {
    let logs = logs.iter().map(|(log, _)| *log).collect();
    let messages = MessageList::default();
    BatchLogs::new(ChainId(CHAIN), BatchNumber(number), logs, messages, None).unwrap()
}
