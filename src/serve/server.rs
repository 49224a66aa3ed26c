//! The server as a whole.

use std::{io, net::SocketAddr, sync::Arc, thread};

use tokio::{
    net::{TcpListener, TcpSocket},
    runtime::Runtime,
};

use super::{
    ServeError, ServeObserver, ServeOptions, Served, connections, http, reload, shared::Shared,
    stamp::Stamp,
};
use crate::prove;

/// The connections that wait in the queue of the system. Some clients open hundreds at once.
const BACKLOG: u32 = 4096;

/// A server that listens. Its files are open and checked.
///
/// ```
/// use std::{io::{Read, Write}, net::TcpStream, sync::Arc};
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use slproof::{Target, serve::{ServeObserver, ServeOptions, ServedTrees, Server, Sources}};
///
/// #[derive(Default)]
/// struct Stop(AtomicBool);
///
/// impl ServeObserver for Stop {
///     fn is_stopping(&self) -> bool {
///         self.0.load(Ordering::Relaxed)
///     }
/// }
///
/// let mut sources = Sources::default();
/// sources.messages = vec!["fixtures/gateway-v29/logs.jsonl.gz".into()];
/// sources.trees = vec![ServedTrees {
///     paths: vec!["fixtures/gateway-v29/state.anvil.json".into()],
///     options: Default::default(),
///     l1_target: Target::FirstSlBatch,
///     claims: None,
/// }];
/// let stop = Arc::new(Stop::default());
/// let address = "127.0.0.1:0".parse()?;
/// let server = Server::bind(address, ServeOptions::new(sources), Arc::clone(&stop) as _)?;
/// let address = server.address();
/// let running = std::thread::spawn(|| server.run());
///
/// let mut stream = TcpStream::connect(address)?;
/// stream.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")?;
/// let mut answer = String::new();
/// stream.read_to_string(&mut answer)?;
/// assert!(answer.starts_with("HTTP/1.1 200 OK"));
///
/// stop.0.store(true, Ordering::Relaxed);
/// running.join().unwrap()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Server {
    runtime: Runtime,
    listener: TcpListener,
    address: SocketAddr,
    shared: Arc<Shared>,
    stamp: Stamp,
}

impl Server {
    /// Opens and checks the files, and listens. Proofs are made on as many threads as the current rayon pool has.
    ///
    /// # Errors
    /// [`ServeError`] if a limit is 0 or too large, the files cannot be opened, or the address cannot be listened on.
    pub fn bind(
        address: SocketAddr,
        options: ServeOptions,
        observer: Arc<dyn ServeObserver>,
    ) -> Result<Self, ServeError> {
        options.limits.check()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(rayon::current_num_threads())
            .enable_all()
            .build()
            .map_err(ServeError::Threads)?;
        // First, so that an address in use is reported before the work is done.
        let listener = {
            let _entered = runtime.enter();
            listen(address)
        };
        let listener = listener.map_err(|source| ServeError::Listen { address, source })?;
        let bound = listener.local_addr();
        let bound = bound.map_err(|source| ServeError::Listen { address, source })?;
        let stamp = options.sources.stamp().map_err(prove::Error::from)?;
        let data = options.sources.open()?;
        let shared = Shared::new(options, data, observer)
            .map_err(|error| ServeError::Threads(io::Error::other(error)))?;
        let shared = Arc::new(shared);
        Ok(Self { runtime, listener, address: bound, shared, stamp })
    }

    /// Opens the files as a server does. Returns what it would serve.
    ///
    /// # Errors
    /// [`ServeError::Limit`] if a limit is 0 or too large, [`ServeError::Open`] if the files cannot be opened.
    pub fn check(options: &ServeOptions) -> Result<Served, ServeError> {
        options.limits.check()?;
        Ok(options.sources.open()?.served())
    }

    /// The address that the server listens on; the port is the real one if 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What is served now.
    #[must_use]
    pub fn served(&self) -> Served {
        self.shared.data().served()
    }

    /// Answers requests until the observer says stop. Requests that were begun are answered.
    ///
    /// # Errors
    /// [`ServeError`] if the system gives no threads.
    pub fn run(self) -> Result<(), ServeError> {
        let Self { runtime, listener, shared, stamp, .. } = self;
        thread::scope(|threads| {
            let reloading = thread::Builder::new().name("reload".into());
            let shared = &shared;
            reloading
                .spawn_scoped(threads, move || reload::watch(shared, stamp))
                .map_err(ServeError::Threads)?;
            let routes = http::routes(Arc::clone(shared));
            runtime.block_on(connections::serve(listener, routes, shared));
            Ok(())
        })
    }
}

/// Listens on an address, also one that a killed server left a moment ago.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
