//! Answers the calls in the body of a request.

use std::{sync::atomic::AtomicU64, time::Instant};

use serde_json::Value;

use super::{
    CallLine, Outcome, ServeOptions,
    data::Data,
    method::{Method, OTHER},
    proofs::{Wanted, is_fault},
    rpc::{self, Calls, Incoming, RpcError},
};
use crate::{
    primitives::ChainId,
    proof::{Failure, FailureCode},
};

/// The calls of an array that are answered together, so that the answers that are not written yet are few.
const TOGETHER: usize = 100;

/// A result, and why it is null.
pub(super) struct Reply {
    pub(super) json: Vec<u8>,
    pub(super) why: Option<FailureCode>,
}

impl Reply {
    /// A node would answer null too.
    pub(super) fn null(failure: &Failure) -> Self {
        Self { json: b"null".to_vec(), why: Some(failure.code) }
    }

    pub(super) fn of(value: &Value) -> Self {
        Self { json: value.to_string().into_bytes(), why: None }
    }
}

pub(super) type Answered = Result<Reply, RpcError>;

/// The answer to the body of a request.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Empty if no call wants an answer.
    pub(super) body: Vec<u8>,
    pub(super) calls: Vec<CallLine>,
}

/// What a call has to be answered with: at once, or after the proofs of all calls are made.
pub(super) enum Step<'d> {
    Done(Answered),
    Prove { wanted: Wanted<'d>, is_node: bool },
}

/// Answers calls about one chain, or about all.
pub(super) struct Service<'s> {
    pub(super) options: &'s ServeOptions,
    pub(super) data: &'s Data,
    /// The chain that the path names.
    pub(super) chain: Option<ChainId>,
    /// When no one waits for the answer any more.
    pub(super) until: Instant,
    /// The logs that the calls of the request read to find addresses.
    pub(super) searched: AtomicU64,
}

impl<'s> Service<'s> {
    /// Answers the calls of one request until then.
    pub(super) fn new(
        options: &'s ServeOptions,
        data: &'s Data,
        chain: Option<ChainId>,
        until: Instant,
    ) -> Self {
        Self { options, data, chain, until, searched: AtomicU64::new(0) }
    }

    /// Answers the body of a request.
    pub(super) fn answer(&self, body: &[u8]) -> Answer {
        let limits = &self.options.limits;
        let mut answer = Answer::default();
        let calls = match Calls::parse(body, limits.calls) {
            Ok(calls) => calls,
            Err(error) => {
                answer.calls.push(line(OTHER, &Err(error.clone())));
                rpc::write(None, &Err(error), &mut answer.body);
                return answer;
            }
        };
        if calls.is_array {
            answer.body.push(b'[');
        }
        for some in calls.calls.chunks(TOGETHER) {
            self.put_all(some, &mut answer);
        }
        if calls.is_array && answer.body.len() > 1 {
            answer.body.push(b']');
        } else if calls.is_array {
            answer.body.clear();
        }
        answer
    }

    /// Appends the answers to some calls.
    fn put_all(&self, calls: &[Incoming<'_>], answer: &mut Answer) {
        let mut room = self.options.limits.answer_bytes.saturating_sub(answer.body.len());
        let steps: Vec<Step<'s>> = calls.iter().map(|call| self.step(call, &mut room)).collect();
        let wanted: Vec<Wanted<'_>> = steps.iter().filter_map(Step::wanted).collect();
        let mut proven = self.data.prove(&wanted).into_iter();
        for (call, step) in calls.iter().zip(steps) {
            let answered = match step {
                Step::Done(answered) => answered,
                Step::Prove { is_node, .. } => match proven.next() {
                    Some(Ok(json)) => Ok(Reply { json, why: None }),
                    Some(Err(failure)) if is_node && !is_fault(failure.code) => {
                        Ok(Reply::null(&failure))
                    }
                    Some(Err(failure)) => Err(refusal(failure)),
                    None => unreachable!("there is a result for each"),
                },
            };
            self.put(call, answered, answer);
        }
    }

    /// Begins a call. All results that are held until they are appended fit in `room`.
    fn step(&self, call: &Incoming<'_>, room: &mut usize) -> Step<'s> {
        let step = match call {
            Ok(_) if *room == 0 => Err(too_large()),
            Ok(call) => self.in_time().and_then(|()| self.begin(call, *room)),
            Err((_, error)) => Err(error.clone()),
        };
        match step {
            Ok(Step::Done(Ok(reply))) if reply.json.len() > *room => Step::Done(Err(too_large())),
            Ok(Step::Done(Ok(reply))) => {
                *room -= reply.json.len();
                Step::Done(Ok(reply))
            }
            step => step.unwrap_or_else(|error| Step::Done(Err(error))),
        }
    }

    /// Refuses further work when no one waits for it.
    pub(super) fn in_time(&self) -> Result<(), RpcError> {
        if Instant::now() < self.until {
            return Ok(());
        }
        Err(RpcError::refused("the answer takes too long; ask for less at once".into()))
    }

    /// Appends the answer to a call, if it wants one and there is room for it.
    fn put(&self, call: &Incoming<'_>, answered: Answered, answer: &mut Answer) {
        let (id, name) = match call {
            Ok(call) => (call.id, Method::named(&call.method).map_or(OTHER, Method::name)),
            Err((id, _)) => (Some(id.unwrap_or("null")), OTHER),
        };
        let room = self.options.limits.answer_bytes.saturating_sub(answer.body.len());
        let answered = match answered {
            Ok(reply) if reply.json.len() > room => Err(too_large()),
            answered => answered,
        };
        answer.calls.push(line(name, &answered));
        let Some(id) = id else { return };
        if answer.body.len() > 1 {
            answer.body.push(b',');
        }
        rpc::write(Some(id), &answered.map(|reply| reply.json), &mut answer.body);
    }
}

impl<'d> Step<'d> {
    fn wanted(&self) -> Option<Wanted<'d>> {
        match self {
            Self::Prove { wanted, .. } => Some(*wanted),
            Self::Done(_) => None,
        }
    }
}

/// The error of slproof's own methods.
pub(super) fn refusal(failure: Failure) -> RpcError {
    if is_fault(failure.code) { RpcError::internal(failure) } else { RpcError::failed(failure) }
}

fn line(method: &'static str, answered: &Answered) -> CallLine {
    let (outcome, code) = match answered {
        Ok(Reply { why: None, .. }) => (Outcome::Result, None),
        Ok(Reply { why, .. }) => (Outcome::Null, *why),
        Err(error) => (Outcome::Error, error.reason),
    };
    CallLine { method, outcome, code }
}

pub(super) fn too_large() -> RpcError {
    RpcError::refused("the answer is too large; ask for less at once".into())
}
