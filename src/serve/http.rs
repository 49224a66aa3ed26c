//! The routes, and what a request and an answer look like in HTTP.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Instant, SystemTime},
};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody, to_bytes},
    extract::{Path, Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::{sync::OwnedSemaphorePermit, time::timeout};
use tower_http::cors::{Any, CorsLayer};

use super::{
    AccessLine, CallLine, Outcome,
    access::milliseconds,
    held_body::{HeldBody, units_of},
    service::{Answer, Service},
    shared::Shared,
};
use crate::{
    ingest::logs::SkippedInputs,
    primitives::{ChainId, Number},
    prove::with_causes,
    records::PAGE,
};

/// The header with the code of why an answer is null or an error.
const REASON: HeaderName = HeaderName::from_static("slproof-code");

/// What a browser may do with an answer, beside what the page itself says.
const NO_SNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const NO_FRAME: HeaderValue = HeaderValue::from_static("frame-ancestors 'none'");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");

/// The most parts left out that are listed.
const LEFT_OUT_LISTED: usize = 20;

const TOO_LARGE: &str = "the request is too large\n";

/// The address of a client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) SocketAddr);

/// The routes. Pages of any origin may ask, as of nodes.
pub(super) fn routes(shared: Arc<Shared>) -> Router {
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::CONTENT_TYPE])
        .expose_headers([REASON]);
    Router::new()
        .route("/", get(page).post(all_chains))
        .route("/{chain}", post(one_chain))
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .layer(cors)
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&shared), log))
        .with_state(shared)
}

/// The sizes and calls of a request, for the log.
#[derive(Clone, Debug, Default)]
struct Answered {
    bytes_in: usize,
    calls: usize,
    first_calls: Vec<CallLine>,
}

/// Logs and counts every request.
async fn log(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: axum::middleware::Next,
) -> Response {
    let started = Instant::now();
    let client = request.extensions().get().map(|Peer(address)| address.ip());
    let logged = |text: &str| text.chars().take(AccessLine::CHARS_LOGGED).collect();
    let (method, path) = (logged(request.method().as_str()), logged(request.uri().path()));
    let mut response = next.run(request).await;
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, NO_SNIFF);
    let answered: Answered = response.extensions_mut().remove().unwrap_or_default();
    let bytes_out = response.body().size_hint().lower();
    let line = AccessLine {
        time: SystemTime::now(),
        client,
        method,
        path,
        status: response.status().as_u16(),
        bytes_in: answered.bytes_in,
        bytes_out: usize::try_from(bytes_out).unwrap_or(usize::MAX),
        seconds: started.elapsed().as_secs_f64(),
        calls: answered.calls,
        first_calls: answered.first_calls,
    };
    shared.metrics.count(&line);
    shared.observer.request(&line);
    response
}

async fn all_chains(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    calls(shared, None, request.into_body()).await
}

async fn one_chain(
    State(shared): State<Arc<Shared>>,
    Path(chain): Path<String>,
    request: Request,
) -> Response {
    let chain = chain.parse().map(|Number(chain)| ChainId(chain));
    match chain {
        Ok(chain) if shared.data().knows(chain) => {
            calls(shared, Some(chain), request.into_body()).await
        }
        _ => text(StatusCode::NOT_FOUND, "no chain with this id is served\n"),
    }
}

/// Answers the calls in a body.
async fn calls(shared: Arc<Shared>, chain: Option<ChainId>, body: Body) -> Response {
    let limits = &shared.options.limits;
    // Known before the body comes, if its length is announced.
    if body.size_hint().lower() > limits.request_bytes as u64 {
        return text(StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE);
    }
    let body = match timeout(limits.time, to_bytes(body, limits.request_bytes)).await {
        Ok(Ok(body)) => body,
        Ok(Err(error)) if is_too_large(&error) => {
            return text(StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE);
        }
        Ok(Err(_)) => return text(StatusCode::BAD_REQUEST, "the request ended too early\n"),
        Err(_) => return text(StatusCode::REQUEST_TIMEOUT, "the request came too slowly\n"),
    };
    let bytes_in = body.len();
    let (answer, working) = match timeout(limits.time, work(Arc::clone(&shared), chain, body)).await
    {
        Ok(Some(made)) => made,
        Ok(None) => return text(StatusCode::INTERNAL_SERVER_ERROR, "an error of slproof\n"),
        Err(_) => return text(StatusCode::SERVICE_UNAVAILABLE, "the server is busy\n"),
    };
    shared.metrics.count_calls(&answer.calls);
    let reason = match &answer.calls[..] {
        [only] if only.outcome != Outcome::Result => only.code,
        _ => None,
    };
    let status = if answer.body.is_empty() { StatusCode::NO_CONTENT } else { StatusCode::OK };
    // An answer that waited for room would hold memory, or the permit to work: clients that do not take their answers
    // would stop the others.
    let room = Arc::clone(&shared.room).try_acquire_many_owned(units_of(answer.body.len()));
    let Ok(room) = room else {
        return text(StatusCode::SERVICE_UNAVAILABLE, "the server is busy\n");
    };
    drop(working);
    let mut response = (status, Body::new(HeldBody::new(answer.body, room))).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(code) = reason {
        headers.insert(REASON, HeaderValue::from_static(code.as_str()));
    }
    let calls = answer.calls.len();
    let mut first_calls = answer.calls;
    first_calls.truncate(AccessLine::CALLS_LOGGED);
    response.extensions_mut().insert(Answered { bytes_in, calls, first_calls });
    response
}

/// Makes the answer on a thread for work. There are as many of them as processors; other requests wait. The permit is
/// held until the answer has its room or is refused, so that no more answers than threads are without one. `None` if
/// the thread failed.
async fn work(
    shared: Arc<Shared>,
    chain: Option<ChainId>,
    body: Bytes,
) -> Option<(Answer, OwnedSemaphorePermit)> {
    let until = Instant::now() + shared.options.limits.time;
    let permit = Arc::clone(&shared.work).acquire_owned().await.ok()?;
    let answer = tokio::task::spawn_blocking(move || {
        // Requests in flight keep the files that they began with.
        let data = shared.data();
        let service = Service::new(&shared.options, &data, chain, until);
        (shared.pool.install(|| service.answer(&body)), permit)
    });
    answer.await.ok()
}

/// Whether a body is larger than the limit.
fn is_too_large(error: &axum::Error) -> bool {
    let mut next = std::error::Error::source(error);
    while let Some(error) = next {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        next = error.source();
    }
    false
}

fn text(status: StatusCode, text: &'static str) -> Response {
    (status, text).into_response()
}

/// Whether the server answers, and from which files.
async fn health(State(shared): State<Arc<Shared>>) -> Response {
    let data = shared.data();
    let chains: Vec<ChainId> = data.chains.iter().map(|chain| chain.chain).collect();
    let health = json!({
        "status": "ok",
        "chains": chains,
        "openedUnixMs": milliseconds(data.opened),
        "reloads": shared.metrics.reloads.load(Relaxed),
        "reloadError": shared.reload_error(),
        "leftOut": left_out(data.messages.skipped()),
    });
    let mut response = health.to_string().into_response();
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// How many parts were left out of the archive, and why the first ones were.
fn left_out(parts: &SkippedInputs) -> Value {
    let first = parts.first().iter().take(LEFT_OUT_LISTED);
    json!({"count": parts.count(), "first": first.map(|error| with_causes(error)).collect::<Vec<_>>()})
}

/// The page. Its script asks only this server, and no other page may show it as its own part.
async fn page() -> Response {
    let headers =
        [(header::CONTENT_SECURITY_POLICY, NO_FRAME), (header::REFERRER_POLICY, NO_REFERRER)];
    (headers, axum::response::Html(PAGE)).into_response()
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let data = shared.data();
    let left_out = data.messages.skipped().count();
    let mut response = shared.metrics.text(data.opened, left_out).into_response();
    let text = HeaderValue::from_static("text/plain; version=0.0.4");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    response
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::serve::{ServeObserver, ServeOptions, ServedTrees, Sources, shared::ROOM_UNIT};

    #[derive(Debug)]
    struct Silent;

    impl ServeObserver for Silent {}

    /// What the requests of a server share whose clients may take a second.
    fn shared() -> Arc<Shared> {
        let path = |name| format!("{}/fixtures/gateway-v29/{name}", env!("CARGO_MANIFEST_DIR"));
        let trees = ServedTrees {
            paths: vec![path("state.anvil.json").into()],
            options: Default::default(),
            l1_target: crate::proof::Target::BatchRoot,
            claims: None,
        };
        let messages = vec![path("logs.jsonl.gz").into()];
        let mut options =
            ServeOptions::new(Sources { trees: vec![trees], messages, ..Sources::default() });
        options.limits.time = Duration::from_secs(1);
        let data = options.sources.open().unwrap();
        Arc::new(Shared::new(options, data, Arc::new(Silent)).unwrap())
    }

    const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"slproof_overview"}"#;

    /// As many calls as make an answer of several pieces.
    fn many_calls() -> String {
        format!("[{}]", vec![CALL; 300].join(","))
    }

    /// The status of the answer to a body, and its own body.
    async fn asked(shared: &Arc<Shared>, body: impl Into<Body>) -> (StatusCode, Bytes) {
        let response = calls(Arc::clone(shared), None, body.into()).await;
        let status = response.status();
        (status, to_bytes(response.into_body(), usize::MAX).await.unwrap())
    }

    /// Threads that are all at work: others wait as long as a client may take, are told that the server is busy, and are
    /// answered when that is over. Clients that do not take their answers: others get small answers, and are told at
    /// once that the server is too busy for large ones. All permits are given back.
    #[test]
    fn what_a_server_holds_at_once_is_limited() {
        let shared = shared();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let busy = (StatusCode::SERVICE_UNAVAILABLE, Bytes::from("the server is busy\n"));
            let (work, room) = (&shared.work, &shared.room);
            let all = (work.available_permits(), room.available_permits());
            let taken = work.acquire_many(u32::try_from(all.0).unwrap()).await.unwrap();
            assert_eq!(asked(&shared, CALL).await, busy);
            drop(taken);
            let taken = room.acquire_many(u32::try_from(all.1).unwrap()).await.unwrap();
            for _ in 0..=all.0 {
                assert_eq!(asked(&shared, many_calls()).await, busy);
                assert_eq!(work.available_permits(), all.0);
            }
            assert_eq!(asked(&shared, CALL).await.0, StatusCode::OK);
            drop(taken);
            assert_eq!(asked(&shared, many_calls()).await.0, StatusCode::OK);
            assert_eq!((work.available_permits(), room.available_permits()), all);
        });
    }

    /// A large answer holds its room until the client has taken it.
    #[test]
    fn answers_hold_their_room() {
        let shared = shared();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let all = shared.room.available_permits();
            for (body, is_held) in [(CALL.to_owned(), false), (many_calls(), true)] {
                let response = calls(Arc::clone(&shared), None, Body::from(body)).await;
                let len = usize::try_from(response.body().size_hint().lower()).unwrap();
                let held = if is_held { len.div_ceil(ROOM_UNIT) } else { 0 };
                assert_eq!(all - shared.room.available_permits(), held);
                drop(response);
                assert_eq!(shared.room.available_permits(), all);
            }
        });
    }
}
