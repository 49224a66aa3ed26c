//! Answers each method.

use std::num::NonZeroUsize;

use serde_json::{Value, json, value::RawValue};

use super::{
    BridgeAddresses, ChainAddresses,
    batches::{NEWEST_BLOCK, newest_block},
    data::{Data, Layer},
    method::Method,
    params::{Params, Whole},
    proofs::{Form, Root, Wanted, failure, is_fault},
    receipt::{quantity, receipt},
    rpc::{Call, RpcError},
    service::{Answered, Reply, Service, Step, refusal, too_large},
};
use crate::{
    archive::LogAt,
    forest::Forest,
    message::LOG_TREE_HEIGHT,
    primitives::{Address, BatchNumber, ChainId, Hash, SlBatch, SlBlock},
    proof::{Failure, FailureCode, Request, RequestLine, Target},
    prove::{ChainPath, Error, Trees},
};

/// The logs of a message that are proven before the size of the answer is looked at.
const PROVEN_TOGETHER: usize = 64;

impl<'s> Service<'s> {
    /// Answers a call in at most about `room` bytes, or says what has to be proven for it.
    pub(super) fn begin(&self, call: &Call<'_>, room: usize) -> Result<Step<'s>, RpcError> {
        let Some(method) = Method::named(&call.method) else {
            let name: String = call.method.chars().take(80).collect();
            return Err(RpcError::method(format!("the method {name} is not known")));
        };
        let reply = match method {
            Method::LogProof => return self.log_proof(call.params),
            Method::Proof => return self.proof(call.params),
            Method::Receipt => self.receipt(call.params)?,
            Method::ChainId => Reply::of(&json!(quantity(self.one_chain()?.0))),
            Method::BlockNumber => self.synthetic(&json!(quantity(NEWEST_BLOCK)))?,
            Method::BlockByNumber => self.block(call.params)?,
            Method::BatchDetails => self.batch_details(call.params)?,
            Method::L1ChainId => {
                let chain = self.addresses()?.l1_chain_id.map(|chain| quantity(chain.0));
                configured(chain.as_ref(), "the chain id of L1")?
            }
            Method::Bridgehub => configured(self.addresses()?.bridgehub.as_ref(), "Bridgehub")?,
            Method::MainContract => {
                configured(self.addresses()?.main_contract.as_ref(), "the diamond")?
            }
            Method::BaseToken => {
                configured(self.addresses()?.base_token.as_ref(), "the base token")?
            }
            Method::Bridges => {
                configured::<BridgeAddresses>(self.addresses()?.bridges.as_ref(), "the bridges")?
            }
            Method::ChainLogProof => self.chain_path(call.params, |trees, chain, number| {
                trees.chain_path_to_batch(chain, SlBatch(number))
            })?,
            Method::ChainLogProofToBlock => self
                .chain_path(call.params, |trees, chain, number| {
                    trees.chain_path_to_block(chain, SlBlock(number))
                })?,
            Method::ProofByMessage => self.proofs_by_message(call.params, room)?,
            Method::Explain => self.explain(call.params)?,
            Method::Find => self.find(call.params)?,
            Method::FindAddress => self.find_address(call.params)?,
            Method::Claims => self.claims(call.params, room)?,
            Method::Verify => self.verify(call.params)?,
            Method::Overview => Reply::of(&self.data.overview()),
            Method::Roots => self.roots(call.params)?,
            Method::Logs => self.logs(call.params)?,
        };
        Ok(Step::Done(Ok(reply)))
    }

    fn log_proof(&self, params: Option<&RawValue>) -> Result<Step<'s>, RpcError> {
        let params = Params::parse(params, 3)?;
        let hash: Hash = params.required(0, "the hash of the transaction")?;
        let index = params.optional(1, "the index")?.map_or(0, |Whole(index)| index);
        let root = root(params.optional::<String>(2, "the target")?.as_deref())?;
        Ok(match self.log_of_transaction(hash, index) {
            Ok(at) => Step::Prove { wanted: Wanted { at, root, form: Form::Node }, is_node: true },
            Err(error) => Step::Done(null_or_error(error)),
        })
    }

    fn proof(&self, params: Option<&RawValue>) -> Result<Step<'s>, RpcError> {
        let params = Params::parse(params, 1)?;
        let text =
            params.text(0).ok_or_else(|| RpcError::params("the request is missing".into()))?;
        let (at, target) = self.requested(text)?;
        let root = Root::Of(target.unwrap_or(Target::Latest));
        Ok(Step::Prove { wanted: Wanted { at, root, form: Form::Record }, is_node: false })
    }

    /// The log that a request names, as in a line of `prove --requests`.
    fn requested(&self, text: &str) -> Result<(LogAt<'s>, Option<Target>), RpcError> {
        let RequestLine { request, target } = RequestLine::parse(text.as_bytes())
            .map_err(|error| RpcError::params(error.to_string()))?;
        let at = match request {
            Request::Log { chain_id, batch_number, id } => {
                self.same_chain(chain_id)?;
                self.log(chain_id, batch_number, id)?
            }
            Request::Transaction { tx_hash, log } => {
                self.log_of_transaction(tx_hash, log.unwrap_or(0))?
            }
            Request::Batch { .. } => return Err(RpcError::params("id is missing".into())),
            Request::Message { .. } => {
                return Err(RpcError::params("slproof_proofByMessage takes messages".into()));
            }
        };
        Ok((at, target))
    }

    /// The log with this leaf index.
    fn log(&self, chain: ChainId, batch: BatchNumber, id: u64) -> Result<LogAt<'s>, RpcError> {
        let found = self.data.archive().batch(chain, batch);
        let found = found.map_err(|error| refusal(failure(&error.into())))?;
        let logs = found.ok_or_else(|| RpcError::failed(self.data.absence(chain, batch)))?;
        if usize::try_from(id).is_ok_and(|id| id < logs.logs().len()) {
            return Ok(LogAt { batch: logs, index: id });
        }
        let message = format!("the archive has no log {id} of chain {chain}, batch {batch}");
        Err(RpcError::failed(Failure { code: FailureCode::LogNotInBatch, message }))
    }

    /// The logs of a transaction, in the order of its batch. Different batches may have the same hash; their logs are
    /// not of one transaction.
    fn transaction(&self, hash: Hash) -> Result<Vec<LogAt<'s>>, RpcError> {
        // One more than a batch can have, so that logs of a second one are seen.
        let most = (1 << LOG_TREE_HEIGHT) + 1;
        let logs = self.data.transaction(hash, self.chain, most);
        let logs = logs.map_err(|error| refusal(failure(&error)))?;
        if logs.windows(2).all(|pair| pair[0].batch.key() == pair[1].batch.key()) {
            return Ok(logs);
        }
        let message = format!(
            "the archive has the transaction {hash} in several batches; name the chain in the path, as in /324, or \
             prove its logs by batchNumber and id with slproof_proof"
        );
        Err(RpcError::failed(Failure { code: FailureCode::TransactionAmbiguous, message }))
    }

    /// A log of a transaction, by its position among all of its logs.
    fn log_of_transaction(&self, hash: Hash, index: u64) -> Result<LogAt<'s>, RpcError> {
        let logs = self.transaction(hash)?;
        let at = usize::try_from(index).unwrap_or(usize::MAX);
        logs.get(at).copied().ok_or_else(|| {
            let len = logs.len();
            let message =
                format!("the transaction {hash} has {len} logs, none with the index {index}");
            RpcError::failed(Failure { code: FailureCode::LogNotInTransaction, message })
        })
    }

    fn proofs_by_message(&self, params: Option<&RawValue>, room: usize) -> Answered {
        let params = Params::parse(params, 2)?;
        let hash: Hash = params.required(0, "the hash of the message")?;
        let given: MessageOptions = params.object(1, "the options")?.unwrap_or_default();
        if let Some(chain) = given.chain {
            self.same_chain(chain)?;
        }
        let root = match given.target.as_deref() {
            None => Root::Of(Target::Latest),
            Some(text) => match root(Some(text)) {
                Ok(root) => root,
                Err(_) => {
                    Root::Of(text.parse().map_err(|error| RpcError::params(format!("{error}")))?)
                }
            },
        };
        let most = self.options.limits.logs;
        let found = self
            .data
            .message(hash, self.chain.or(given.chain), most + 1)
            .map_err(|error| refusal(failure(&error)))?;
        if found.len() > most {
            let text = format!(
                "more than {most} logs have this message; name the chain, or prove single logs"
            );
            return Err(RpcError::refused(text));
        }
        let is_from = |at: &&LogAt<'_>| {
            let log = usize::try_from(at.index).ok().and_then(|i| at.batch.logs().get(i));
            given
                .sender
                .is_none_or(|sender| log.is_some_and(|log| log.message_sender() == Some(sender)))
        };
        let wanted: Vec<_> = found
            .iter()
            .filter(is_from)
            .map(|at| Wanted { at: *at, root, form: Form::Record })
            .collect();
        let mut json = vec![b'['];
        for some in wanted.chunks(PROVEN_TOGETHER) {
            self.in_time()?;
            for proven in self.data.prove(some) {
                let record = proven.map_err(refusal)?;
                if json.len() > 1 {
                    json.push(b',');
                }
                json.extend(record);
            }
            if json.len() > room {
                return Err(too_large());
            }
        }
        json.push(b']');
        Ok(Reply { json, why: None })
    }

    fn explain(&self, params: Option<&RawValue>) -> Answered {
        let params = Params::parse(params, 2)?;
        let text = params.text(0).unwrap_or_default();
        let found = if text.starts_with('{') {
            self.requested(text).map(|(at, _)| at)
        } else {
            let hash: Hash = params.required(0, "the hash of the transaction")?;
            let index = params.optional(1, "the index")?.map_or(0, |Whole(index)| index);
            self.log_of_transaction(hash, index)
        };
        match found {
            Ok(at) => Ok(Reply::of(&self.data.explain(at))),
            Err(RpcError { reason: Some(code), message, .. }) if is_null(code) => {
                Ok(Reply::of(&Data::explain_absence(&Failure { code, message })))
            }
            Err(error) => Err(error),
        }
    }

    /// Where a hash occurs, of a message or of a transaction.
    fn find(&self, params: Option<&RawValue>) -> Answered {
        let params = Params::parse(params, 1)?;
        let hash: Hash = params.required(0, "the hash")?;
        let most = self.options.limits.logs;
        let found = [
            self.data.message(hash, self.chain, most),
            self.data.transaction(hash, self.chain, most),
        ];
        let [messages, transactions] = found.map(|found| match found {
            Ok(logs) => Ok(json!(logs.iter().map(place).collect::<Vec<_>>())),
            Err(error) if is_fault(error.code()) => Err(RpcError::internal(failure(&error))),
            Err(_) => Ok(json!([])),
        });
        Ok(Reply::of(&json!({"messages": messages?, "transactions": transactions?})))
    }

    fn claims(&self, params: Option<&RawValue>, room: usize) -> Answered {
        let params = Params::parse(params, 1)?;
        let which = params.object(0, "what is asked for")?;
        let which = which.ok_or_else(|| RpcError::params("what is asked for is missing".into()))?;
        let json = self.data.claims(which, self.chain, room)?;
        Ok(Reply { json, why: None })
    }

    fn verify(&self, params: Option<&RawValue>) -> Answered {
        let params = Params::parse(params, 1)?;
        let record =
            params.text(0).ok_or_else(|| RpcError::params("the record is missing".into()))?;
        Ok(Reply::of(&json!(self.data.verdict(record, self.chain)?)))
    }

    /// The path of a chain to a batch or block of the settlement layer, by its number. Nodes of chains ask for it.
    fn chain_path(
        &self,
        params: Option<&RawValue>,
        path_to: impl Fn(&Trees, ChainId, u64) -> Result<ChainPath, Error>,
    ) -> Answered {
        let params = Params::parse(params, 2)?;
        let (Whole(number), Whole(chain)) =
            (params.required(0, "the number")?, params.required(1, "the chain")?);
        let is_asked = |layer: &&Layer| {
            let own = layer.trees.forest().map(Forest::sl_chain);
            self.chain.is_none() || self.chain == own
        };
        if self.chain.is_none() && self.data.layers.len() > 1 {
            return Err(RpcError::refused(
                "several settlement layers are served; the path has to name one, as in /506".into(),
            ));
        }
        let mut reason = None;
        for layer in self.data.layers.iter().filter(is_asked) {
            match path_to(&layer.trees, ChainId(chain), number) {
                Ok(ChainPath { siblings, mask }) => {
                    // A shared tree has fewer than 2^63 chains.
                    let mask = u64::try_from(mask).unwrap_or(u64::MAX);
                    let proof = json!({"chainIdLeafProof": siblings, "chainIdLeafProofMask": mask});
                    return Ok(Reply::of(&proof));
                }
                Err(error) => _ = reason.get_or_insert(error),
            }
        }
        match reason {
            Some(error) => null_or_error(refusal(failure(&error))),
            None => Err(RpcError::method("this path is not of a settlement layer".into())),
        }
    }

    fn receipt(&self, params: Option<&RawValue>) -> Answered {
        let params = Params::parse(params, 1)?;
        let hash: Hash = params.required(0, "the hash of the transaction")?;
        if !self.options.receipts {
            return Err(RpcError::method("receipts are turned off".into()));
        }
        match self.transaction(hash) {
            Ok(logs) => Ok(Reply::of(&receipt(hash, &logs))),
            Err(error) => null_or_error(error),
        }
    }

    fn block(&self, params: Option<&RawValue>) -> Answered {
        let params = Params::parse(params, 2)?;
        let block: String = params.required(0, "the block")?;
        match block.as_str() {
            "latest" | "finalized" | "safe" | "committed" | "l1_committed" => {
                self.synthetic(&newest_block())
            }
            _ => {
                let message = "the archive has no blocks".to_owned();
                Ok(Reply::null(&Failure { code: FailureCode::NothingFound, message }))
            }
        }
    }

    fn batch_details(&self, params: Option<&RawValue>) -> Answered {
        let params = Params::parse(params, 1)?;
        let Whole(batch) = params.required(0, "the number of the batch")?;
        let (chain, batch) = (self.one_chain()?, BatchNumber(batch));
        let details = self.data.batch_details(chain, batch);
        match details.map_err(|error| refusal(failure(&error.into())))? {
            Some(details) => Ok(Reply::of(&details)),
            None => Ok(Reply::null(&self.data.absence(chain, batch))),
        }
    }

    fn roots(&self, params: Option<&RawValue>) -> Answered {
        let params = Params::parse(params, 3)?;
        let at = |at, name| -> Result<usize, RpcError> {
            let given = params.optional(at, name)?.map_or(0, |Whole(number)| number);
            Ok(usize::try_from(given).unwrap_or(usize::MAX))
        };
        let every = NonZeroUsize::new(at(2, "the step")?).unwrap_or(NonZeroUsize::MIN);
        Ok(Reply::of(&self.data.roots(at(0, "the layer")?, at(1, "the first root")?, every)))
    }

    fn logs(&self, params: Option<&RawValue>) -> Answered {
        let params = Params::parse(params, 2)?;
        let (Whole(chain), Whole(batch)) =
            (params.required(0, "the chain")?, params.required(1, "the number of the batch")?);
        let (chain, batch) = (ChainId(chain), BatchNumber(batch));
        self.same_chain(chain)?;
        match self.data.logs(chain, batch).map_err(|error| refusal(failure(&error)))? {
            Some(logs) => Ok(Reply::of(&logs)),
            None => Ok(Reply::null(&self.data.absence(chain, batch))),
        }
    }

    /// The chain of the path, or the only one in the archive.
    fn one_chain(&self) -> Result<ChainId, RpcError> {
        if let Some(chain) = self.chain {
            return Ok(chain);
        }
        match &self.data.chains[..] {
            [only] => Ok(only.chain),
            _ => Err(RpcError::refused(
                "several chains are served; the path has to name one, as in /324".into(),
            )),
        }
    }

    /// Refuses another chain than that of the path.
    fn same_chain(&self, given: ChainId) -> Result<(), RpcError> {
        same_chain(self.chain, given)
    }

    /// The addresses of the chain.
    fn addresses(&self) -> Result<ChainAddresses, RpcError> {
        let (chain, all) = (self.one_chain()?, &self.options.addresses);
        Ok(self.options.chains.get(&chain).map_or_else(|| all.clone(), |of_chain| of_chain.or(all)))
    }

    /// An answer that no file contains, for clients that cannot do without.
    fn synthetic(&self, value: &Value) -> Answered {
        match self.options.receipts {
            true => Ok(Reply::of(value)),
            false => Err(RpcError::method("the archive has no blocks".into())),
        }
    }
}

/// Refuses another chain than that of the path, if it names one.
pub(super) fn same_chain(of_path: Option<ChainId>, given: ChainId) -> Result<(), RpcError> {
    match of_path {
        Some(chain) if chain != given => {
            Err(RpcError::params(format!("this path is of chain {chain}, not of {given}")))
        }
        _ => Ok(()),
    }
}

/// The options of `slproof_proofByMessage`.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct MessageOptions {
    chain: Option<ChainId>,
    sender: Option<Address>,
    target: Option<String>,
}

/// The root that the third parameter of `zks_getL2ToL1LogProof` names. Era calls the root of a block
/// `proof_based_gw`, ZKsync OS `messageRoot`.
fn root(target: Option<&str>) -> Result<Root, RpcError> {
    match target {
        None | Some("l1BatchRoot") => Ok(Root::L1),
        Some("messageRoot" | "proof_based_gw") => Ok(Root::Of(Target::First)),
        Some(other) => {
            let other: String = other.chars().take(80).collect();
            let text = format!(
                "unknown target {other:?}; there are \"l1BatchRoot\", \"messageRoot\" and \"proof_based_gw\""
            );
            Err(RpcError::params(text))
        }
    }
}

/// The place of a log.
fn place(at: &LogAt<'_>) -> Value {
    let (chain, batch) = at.batch.key();
    json!({"chainId": chain, "batchNumber": batch, "id": at.index})
}

/// Whether a node answers null: what is asked for is not there. Not if a file is damaged, or it is not clear what is
/// asked for.
fn is_null(code: FailureCode) -> bool {
    !is_fault(code) && code != FailureCode::TransactionAmbiguous
}

/// Null for what a node answers null to, the error for damage and for what is not clear.
fn null_or_error(error: RpcError) -> Answered {
    match error {
        RpcError { reason: Some(code), message, .. } if is_null(code) => {
            Ok(Reply::null(&Failure { code, message }))
        }
        error => Err(error),
    }
}

/// An answer of the configuration.
fn configured<T: serde::Serialize>(value: Option<&T>, what: &str) -> Answered {
    match value {
        Some(value) => Ok(Reply::of(&json!(value))),
        None => {
            Err(RpcError::method(format!("the configuration of the server does not name {what}")))
        }
    }
}
