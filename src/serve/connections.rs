//! Accepts connections, a limited number at once, and ends them.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use axum::Router;
use hyper::{body::Incoming, server::conn::http1, service::Service};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    net::TcpListener,
    sync::Semaphore,
    time::{sleep, timeout},
};

use super::{http::Peer, shared::Shared, slow_stream::SlowStream};

/// How often the server looks whether it is to stop.
const STOP_INTERVAL: Duration = Duration::from_millis(50);

/// The longest line and headers of a request, in bytes. hyper would hold 400 KiB for each connection.
const LONGEST_HEAD: usize = 1 << 16;

/// How long the server waits when the system gives it no connection, for example because no more files can be open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves connections until the server is told to stop, and then until they have their answers.
pub(super) async fn serve(listener: TcpListener, routes: Router, shared: &Arc<Shared>) {
    let free = Arc::new(Semaphore::new(shared.options.limits.connections));
    let ending = GracefulShutdown::new();
    while !shared.observer.is_stopping() {
        let Ok(Ok(permit)) = timeout(STOP_INTERVAL, Arc::clone(&free).acquire_owned()).await else {
            continue;
        };
        let (stream, address) = match timeout(STOP_INTERVAL, listener.accept()).await {
            Ok(Ok(accepted)) => accepted,
            Ok(Err(_)) => {
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
            Err(_) => continue,
        };
        // Without this, small answers on connections that stay open would be held back. If the peer is gone
        // already, reading shows it.
        let _ = stream.set_nodelay(true);
        shared.metrics.accepted.fetch_add(1, Relaxed);
        shared.metrics.connections.fetch_add(1, Relaxed);
        let limit = shared.options.limits.time;
        let routes = TowerToHyperService::new(routes.clone());
        let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(Peer(address));
            routes.call(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limit)
            .max_buf_size(LONGEST_HEAD)
            .serve_connection(TokioIo::new(SlowStream::new(stream, limit)), service);
        let connection = ending.watch(connection);
        let shared = Arc::clone(shared);
        tokio::spawn(async move {
            // An error is the end of this connection only.
            let _ = connection.await;
            shared.metrics.connections.fetch_sub(1, Relaxed);
            drop(permit);
        });
    }
    drop(listener);
    // Each part of a request and of its answer has this limit.
    let _ = timeout(3 * shared.options.limits.time, ending.shutdown()).await;
}
