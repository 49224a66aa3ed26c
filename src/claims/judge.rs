//! What L1 says about the logs of one batch, by the rules of `finalizeDeposit` and
//! `bridgeRecoverFailedTransfer` of era-contracts `L1Nullifier.sol` (v29 and v31), in their order. v33 has no
//! `finalizeDeposit`, so no withdrawal is claimable there.

use std::fmt;

use super::{
    Claim, ClaimCall, ClaimSelection, ClaimsOptions, Deposit, Status,
    l1::{L1, OldBridges, Origin},
    reason::Judgement,
    route::Routes,
    subject::Subject,
};
use crate::{
    anchor::KnownRoots,
    contracts::vault_asset_id,
    message::{ASSET_ROUTER, BASE_TOKEN, BatchView, L2ToL1Log, Withdrawal},
    primitives::{Address, BatchNumber, ChainId, Hash},
    proof::{FailureCode, ProofView, calldata::CallError, verify},
    prove::{ExtractError, Extractor},
    state::{StateError, StorageReader},
};

/// The token that stands for ether.
const ETHER: Address = Address::system(1);

/// A token, and the chain where it is.
type TokenOrigin = (Address, Origin);

/// Judges claims.
#[derive(Debug)]
pub(super) struct Judge<'a, S> {
    pub(super) routes: Routes<'a, S>,
    pub(super) selection: ClaimSelection,
    deposit: Option<Deposit>,
}

/// A claim before its proof was made.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) index: u64,
    log: L2ToL1Log,
    subject: Subject,
    claim: Claim,
    /// The judgement, if it needs no proof.
    judged: Option<Judgement>,
    has_finalize_deposit: bool,
}

impl Pending {
    /// Whether a proof is of the log that was read. The content of a mapped file may change.
    pub(super) fn is_of(&self, proof: &ProofView<'_>) -> bool {
        *proof.log == self.log && proof.id == self.index
    }

    pub(super) fn subject(&self) -> &Subject {
        &self.subject
    }

    pub(super) fn needs_proof(&self) -> bool {
        self.judged.is_none()
    }
}

/// The proof of a claim.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome<'o> {
    /// L1 accepts it.
    Proof(&'o ProofView<'o>),
    /// It was not needed, or could not be made for this reason.
    NoProof(&'o Judgement),
    /// The logs are not those of the batch, so nothing is known of the claim.
    Disproved(&'o Judgement),
}

/// What the claims of a chain have in common.
pub(super) struct ChainFacts {
    l1_chain: Option<ChainId>,
    has_finalize_deposit: bool,
    base_asset: Hash,
    old_bridge: Option<Address>,
}

impl<'a, S: StorageReader + fmt::Debug + Send> Judge<'a, S> {
    /// Judges by the roots that L1 accepts. `layer` proves through the batches of the settlement layer `sl_chain`.
    pub(super) fn new(
        roots: &'a KnownRoots<S>,
        layer: Option<Extractor<'a>>,
        sl_chain: Option<ChainId>,
        selection: ClaimSelection,
        options: &ClaimsOptions,
    ) -> Self {
        let l1 = L1 {
            roots,
            nullifier: options.l1_nullifier,
            given_chain: options.l1_chain,
            given_era: options.era_chain,
            sl_chain,
        };
        let routes = Routes { l1, finals: Extractor::to_batch_roots(roots), layer };
        Self { routes, selection, deposit: options.deposit.clone() }
    }
}

impl<S: StorageReader + fmt::Debug> Judge<'_, S> {
    /// Reads the logs with these indexes. Claims of other tokens than the selected ones are left out.
    pub(super) fn pending(&self, logs: &BatchView<'_>, indexes: &[u64]) -> Vec<Pending> {
        let (chain, batch) = logs.key();
        let facts = self.facts(chain);
        let flags = self.routes.l1.nullifier().are_finalized(chain, batch, indexes.iter().copied());
        let mut wanted = indexes.iter().enumerate().peekable();
        let found = (0_u64..).zip(logs.with_messages()).filter_map(|(index, (log, message))| {
            let (at, _) = wanted.next_if(|(_, next)| **next == index)?;
            let flag = flags.as_ref().map(|flags| flags[at]).map_err(Clone::clone);
            let message = message.map(<[u8]>::to_vec);
            let transaction = usize::try_from(index).ok().and_then(|i| logs.transactions().get(i));
            self.read((chain, batch), index, *log, message, &facts, flag, transaction.copied())
        });
        found.collect()
    }

    /// The bridge that a chain had before the asset router, if the state shows one.
    pub(super) fn old_bridge(&self, chain: ChainId) -> Option<Address> {
        self.routes.l1.nullifier().old_bridge(chain).ok().flatten()
    }

    /// What the claims of a chain have in common.
    pub(super) fn facts(&self, chain: ChainId) -> Result<ChainFacts, StateError> {
        let l1 = &self.routes.l1;
        Ok(ChainFacts {
            l1_chain: l1.chain()?,
            has_finalize_deposit: l1.has_finalize_deposit()?,
            base_asset: l1.roots.bridgehub().base_token_asset_id(chain)?,
            old_bridge: l1.nullifier().old_bridge(chain)?,
        })
    }

    /// Reads a log, of which `flag` says whether L1Nullifier paid it out. `None` if it claims nothing, or not
    /// what is selected.
    #[expect(clippy::too_many_arguments, reason = "the parts of one log")]
    pub(super) fn read(
        &self,
        (chain_id, batch_number): (ChainId, BatchNumber),
        index: u64,
        log: L2ToL1Log,
        message: Option<Vec<u8>>,
        facts: &Result<ChainFacts, StateError>,
        flag: Result<bool, StateError>,
        transaction: Option<Hash>,
    ) -> Option<Pending> {
        // The bytes of an archive file are first read here.
        let damage =
            message.as_deref().map(|message| verify::message(&log, message)).and_then(Result::err);
        let subject = Subject::of(&log, message.as_deref())?;
        // A claim stays selected if its token cannot be read.
        let found = self.token_and_asset(chain_id, &subject, facts).ok();
        let is_of_l1 = |(token, origin): TokenOrigin| match origin {
            Origin::L1 | Origin::MaybeL1(_) => Some(token),
            Origin::Other(_) => None,
        };
        if found.is_some_and(|(token, asset_id)| {
            !self.selection.has_token(token.and_then(is_of_l1), asset_id)
        }) {
            return None;
        }
        let (token, asset_id) = found.unwrap_or_default();
        let token_chain_id = token.and_then(|(_, origin)| match origin {
            Origin::L1 => None,
            Origin::MaybeL1(chain) | Origin::Other(chain) => Some(chain),
        });
        let judged = match (damage, facts, flag) {
            (Some(error), ..) => {
                let reason = format!("log {index}: {error}");
                let (chain, batch) = (chain_id, batch_number);
                Some(Judgement::failed(&ExtractError::ArchiveDamaged { chain, batch, reason }))
            }
            (None, Err(error), _) => Some(Judgement::unreadable(error.clone())),
            (None, _, Err(error)) => Some(Judgement::unreadable(error)),
            (None, Ok(facts), Ok(flag)) => self
                .before_proof(chain_id, &subject, facts, flag)
                .unwrap_or_else(|error| Some(Judgement::unreadable(error))),
        };
        let (message_hash, tx_hash) = match subject {
            Subject::FailedDeposit(l2_tx) => (None, Some(l2_tx)),
            _ => (Some(log.value()), transaction),
        };
        let claim = Claim {
            chain_id,
            batch_number,
            id: index,
            message_hash,
            tx_hash,
            kind: subject.kind(),
            status: Status::Unknown,
            receiver: subject.receiver(),
            asset_id,
            token: token.map(|(token, _)| token),
            token_chain_id,
            amount: subject.amount(),
            target: None,
            call: None,
            reason: None,
        };
        let has_finalize_deposit = facts.as_ref().is_ok_and(|facts| facts.has_finalize_deposit);
        Some(Pending { index, log, subject, claim, judged, has_finalize_deposit })
    }

    /// The token of a withdrawal and the chain where it is, and the asset.
    fn token_and_asset(
        &self,
        chain: ChainId,
        subject: &Subject,
        facts: &Result<ChainFacts, StateError>,
    ) -> Result<(Option<TokenOrigin>, Option<Hash>), StateError> {
        let Some(withdrawal) = subject.withdrawal() else { return Ok((None, None)) };
        let of_l1 = |token| {
            let l1_chain = facts.as_ref().ok().and_then(|facts| facts.l1_chain);
            l1_chain.map(|l1_chain| vault_asset_id(l1_chain, token))
        };
        Ok(match withdrawal {
            Withdrawal::AssetRouter { asset_id, transfer, .. } => {
                let Some(token) = transfer.map(|transfer| transfer.origin_token) else {
                    return Ok((None, Some(*asset_id)));
                };
                let origin = self.routes.l1.origin_of(*asset_id, token, chain)?;
                (origin.map(|origin| (token, origin)), Some(*asset_id))
            }
            Withdrawal::LegacyErc20 { token, .. } => (Some((*token, Origin::L1)), of_l1(*token)),
            Withdrawal::BaseToken { .. } => {
                let facts = facts.as_ref().map_err(Clone::clone)?;
                let Some(asset_id) = Some(facts.base_asset).filter(|asset| !asset.is_zero()) else {
                    return Ok((None, None));
                };
                let token = match self.routes.l1.vault()? {
                    _ if of_l1(ETHER) == Some(asset_id) => Some(ETHER),
                    Some(vault) => vault.token(asset_id)?,
                    None => None,
                };
                (token.map(|token| (token, Origin::L1)), Some(asset_id))
            }
        })
    }

    /// The checks that come before the proof. `None` if they all pass.
    fn before_proof(
        &self,
        chain: ChainId,
        subject: &Subject,
        facts: &ChainFacts,
        flag: bool,
    ) -> Result<Option<Judgement>, StateError> {
        let l1 = &self.routes.l1;
        if let Subject::Message(_) = subject {
            return Ok(None);
        }
        if let Subject::Missing(_) = subject {
            let message = "the archive has only the log of the message, not its bytes";
            return Ok(Some(Judgement::unknown(FailureCode::CallNeedsMessageBytes, message)));
        }
        let nullifier = l1.nullifier();
        if !nullifier.is_set_up()? {
            return Ok(Some(Judgement::no_nullifier(l1.nullifier)));
        }
        if flag && subject.withdrawal().is_some() {
            return Ok(Some(Judgement::FINALIZED));
        }
        if subject.withdrawal().is_some() && !facts.has_finalize_deposit {
            return Ok(None);
        }
        if nullifier.is_paused()? {
            return Ok(Some(Judgement::paused()));
        }
        Ok(match subject {
            Subject::Withdrawal(withdrawal, sender) => {
                self.sender_objection(chain, withdrawal, *sender, facts)?
            }
            Subject::FailedDeposit(l2_tx) => {
                let stored = nullifier.deposit(chain, *l2_tx)?;
                stored.is_zero().then(|| Judgement::no_deposit(l1.roots.is_v31()))
            }
            Subject::Message(_) | Subject::Missing(_) => None,
        })
    }

    /// Whether L1 does not pay for a withdrawal of this sender: `_parseL2WithdrawalMessage` and the first part
    /// of `_verifyWithdrawal`.
    fn sender_objection(
        &self,
        chain: ChainId,
        withdrawal: &Withdrawal,
        sender: Address,
        facts: &ChainFacts,
    ) -> Result<Option<Judgement>, StateError> {
        let by_bridge = sender == ASSET_ROUTER || facts.old_bridge == Some(sender);
        let is_v31 = self.routes.l1.roots.is_v31();
        let objection = |is_base| {
            let (is_allowed, is_proven_otherwise) = match (is_v31, is_base) {
                (true, true) => (sender == BASE_TOKEN, false),
                (true, false) => (by_bridge, false),
                // The contract lets one of them stand for the other, but proves a base token as of 0x…800a.
                (false, true) => (sender == BASE_TOKEN, by_bridge),
                (false, false) => (by_bridge || sender == BASE_TOKEN, false),
            };
            (!is_allowed).then(|| Judgement::wrong_sender(sender, is_proven_otherwise))
        };
        let asset_id = match withdrawal {
            Withdrawal::BaseToken { .. } => facts.base_asset,
            Withdrawal::AssetRouter { asset_id, .. } => *asset_id,
            Withdrawal::LegacyErc20 { token, .. } => {
                let vault = self.routes.l1.vault()?;
                let registered = vault.map(|vault| vault.asset_id(*token)).transpose()?.flatten();
                let Some(l1_chain) = facts.l1_chain else {
                    let base = facts.base_asset;
                    let is_other = base.is_zero()
                        || *token != ETHER
                            && self.routes.l1.origin_of(base, ETHER, chain)?.is_some();
                    let of_other = objection(false);
                    let is_decided = (is_other || of_other == objection(true))
                        && (of_other.is_some() || registered.is_none());
                    let unknown = || Some(Judgement::l1_unknown(*token));
                    return Ok(if is_decided { of_other } else { unknown() });
                };
                let expected = vault_asset_id(l1_chain, *token);
                if registered.is_some_and(|registered| registered != expected) {
                    return Ok(Some(Judgement::token_not_legacy(*token)));
                }
                expected
            }
        };
        Ok(objection(asset_id == facts.base_asset))
    }

    /// The claim, after its proof was made or was found to be impossible.
    pub(super) fn claim(&self, pending: &Pending, outcome: Outcome<'_>) -> Claim {
        let mut claim = pending.claim.clone();
        let judgement = match (outcome, &pending.judged) {
            (Outcome::Disproved(judged), _) | (_, Some(judged)) => judged.clone(),
            (Outcome::NoProof(judged), None) => judged.clone(),
            (Outcome::Proof(proof), None) => {
                let judged = self.with_proof(pending, proof);
                let (judgement, call) =
                    judged.unwrap_or_else(|error| (Judgement::unreadable(error), None));
                claim.target = call.as_ref().map(|_| *proof.target);
                claim.call = call;
                judgement
            }
        };
        (claim.status, claim.reason) = (judgement.status, judgement.reason);
        claim
    }

    /// The checks that come after the proof, and the call.
    fn with_proof(
        &self,
        pending: &Pending,
        proof: &ProofView<'_>,
    ) -> Result<(Judgement, Option<ClaimCall>), StateError> {
        let (l1, of) = (&self.routes.l1, (proof.chain, proof.batch));
        let not_encoded =
            |error: CallError| (Judgement::unknown(error.code(), error.to_string()), None);
        Ok(match &pending.subject {
            Subject::Withdrawal(..) if !pending.has_finalize_deposit => {
                (Judgement::no_finalize_deposit(), None)
            }
            Subject::Withdrawal(..) => {
                let judgement = match l1.old_bridges(of, pending.index)? {
                    OldBridges::NotPaid => Judgement::CLAIMABLE,
                    OldBridges::Paid => return Ok((Judgement::FINALIZED, None)),
                    OldBridges::NotSet(variable) => {
                        return Ok((Judgement::value_not_set(variable), None));
                    }
                    OldBridges::EraUnknown(variable) => Judgement::era_unknown(of.0, variable),
                    OldBridges::Unknown => Judgement::unknown(
                        FailureCode::OldBridgeUnknown,
                        "L1 accepts the proof, but a bridge from before L1Nullifier may have paid it \
                         out, and the state does not hold its flag; the call then reverts",
                    ),
                };
                match ClaimCall::finalize(l1.nullifier, proof) {
                    Ok(call) => (judgement, Some(call)),
                    Err(error) => not_encoded(error),
                }
            }
            Subject::Message(_) | Subject::Missing(_) => {
                let judgement = match pending.has_finalize_deposit {
                    true => Judgement::not_a_withdrawal(proof.message.unwrap_or_default()),
                    false => Judgement::may_be_bundle(),
                };
                match l1.roots.verifier(of.0)? {
                    None => (judgement, None),
                    Some(verifier) => match ClaimCall::verify(verifier, proof) {
                        Ok(call) => (judgement, Some(call)),
                        Err(error) => not_encoded(error),
                    },
                }
            }
            Subject::FailedDeposit(l2_tx) => {
                let variable = "eraLegacyBridgeLastDepositBatch";
                match l1.refuses_deposits(of.0)? {
                    Some(true) => return Ok((Judgement::value_not_set(variable), None)),
                    None => return Ok((Judgement::era_unknown(of.0, variable), None)),
                    Some(false) => {}
                }
                let stored = l1.nullifier().deposit(of.0, *l2_tx)?;
                match &self.deposit {
                    None => {
                        let message = "the call needs the sender, the asset id and the data of the \
                                       deposit, which the L1 transaction of the deposit has";
                        (Judgement::claimable_but(FailureCode::DepositNeeded, message), None)
                    }
                    Some(deposit) if deposit.has_hash(stored, l1)? => {
                        let is_v31 = l1.roots.is_v31();
                        let call = ClaimCall::recover(is_v31, l1.nullifier, deposit, proof);
                        (Judgement::CLAIMABLE, Some(call))
                    }
                    Some(_) => {
                        let message = format!(
                            "L1Nullifier stores the hash {stored} of another deposit than the given one"
                        );
                        (Judgement::claimable_but(FailureCode::DepositDiffers, message), None)
                    }
                }
            }
        })
    }
}
