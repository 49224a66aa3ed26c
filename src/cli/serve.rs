use std::{
    io::{self, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use serde_json::json;

use super::{
    error::{CliError, Outcome},
    interrupt::{InOrder, interrupted},
    report::{self, Console},
    serve_args::{ServeArgs, ServerArgs},
};
use crate::{
    claims::ClaimsOptions,
    files::Access,
    primitives::ChainId,
    prove::with_causes,
    serve::{
        AccessLine, ChainAddresses, ServeConfig, ServeEvent, ServeObserver, ServeOptions, Served,
        ServedTrees, Server, Sources,
    },
};

/// The port of nodes.
const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8545);

/// The most lines of the access log that wait for standard error. Further ones are counted and not written.
const MOST_WAITING: usize = 1 << 14;

pub(super) fn run(args: &ServeArgs, console: &Console) -> Result<Outcome, CliError> {
    let config = match &args.server.config {
        Some(path) => Some(ServeConfig::read(path).map_err(|error| CliError::Serve(error.into()))?),
        None => None,
    };
    let mut options = match &config {
        Some(config) => of_config(config, args.sources.tree_args.state.access),
        None => of_flags(args, console)?,
    };
    limit(&args.server, &mut options);
    if args.server.check {
        let Served { chains, messages, .. } = Server::check(&options).map_err(CliError::Serve)?;
        let outcome = match messages.skipped().count() {
            0 => Outcome::Done,
            _ => Outcome::SomeFailed,
        };
        report::left_out(messages.skipped(), 0, outcome);
        let left_out = messages.skipped().count();
        report::result(&json!({"chains": chains, "leftOut": left_out}), || {
            format!("chains             {}\n", names(&chains))
        })?;
        return Ok(outcome);
    }
    let listen = args.server.listen.or(config.as_ref().and_then(ServeConfig::listen));
    let (log, lines) = AccessLog::new(*console);
    let lost = Arc::clone(&log.lost);
    let server = Server::bind(listen.unwrap_or(DEFAULT_LISTEN), options, Arc::new(log))
        .map_err(CliError::Serve)?;
    let Served { chains, messages, .. } = server.served();
    report::left_out(messages.skipped(), 0, Outcome::SomeFailed);
    let left_out = messages.skipped().count();
    console.summary(&json!({"listening": server.address(), "chains": chains, "leftOut": left_out}));
    drop(messages);
    console.info(format_args!("chains             {}", names(&chains)));
    console.info(format_args!("listening          http://{}", server.address()));
    let in_order = InOrder::new();
    let writer = thread::spawn(move || write(&lines, &lost));
    let ran = server.run().map_err(CliError::Serve);
    // The server was the last that logged, so the writer ends after the last line.
    let _ = writer.join();
    drop(in_order);
    ran.map(|()| Outcome::Done)
}

fn names(chains: &[ChainId]) -> String {
    chains.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The options of a file.
fn of_config(config: &ServeConfig, access: Access) -> ServeOptions {
    let mut options = config.options();
    options.sources.options.source.access = access;
    for trees in &mut options.sources.trees {
        trees.options.state.access = access;
    }
    options
}

/// The options that flags set.
fn of_flags(args: &ServeArgs, console: &Console) -> Result<ServeOptions, CliError> {
    let given = args.sources.with_archive()?;
    let network = given.tree_args.state.deployment();
    let nullifier = args.server.l1_nullifier.or(network.map(|network| network.l1_nullifier));
    let claims = nullifier.map(|nullifier| {
        let mut claims = ClaimsOptions::new(nullifier);
        claims.l1_chain = network.map(|network| network.l1_chain_id);
        claims.era_chain = network.map(|network| network.era_chain_id);
        claims
    });
    let layer = ServedTrees {
        paths: given.tree.clone(),
        options: given.trees_options(console),
        l1_target: given.target.into(),
        claims,
    };
    let sources = Sources {
        trees: vec![layer],
        messages: given.messages.clone(),
        options: given.messages_options(),
    };
    let mut options = ServeOptions::new(sources);
    let (l1_chain_id, bridgehub) =
        (network.map(|network| network.l1_chain_id), given.l1_bridgehub());
    options.addresses = ChainAddresses { l1_chain_id, bridgehub, ..ChainAddresses::default() };
    Ok(options)
}

/// Sets what flags limit.
fn limit(args: &ServerArgs, options: &mut ServeOptions) {
    let limits = &mut options.limits;
    for (given, limit) in [
        (args.max_connections, &mut limits.connections),
        (args.max_calls, &mut limits.calls),
        (args.max_request, &mut limits.request_bytes),
        (args.max_answer, &mut limits.answer_bytes),
    ] {
        if let Some(given) = given {
            // A number that is too large for the machine is too large for a server too.
            *limit = usize::try_from(given).unwrap_or(usize::MAX);
        }
    }
    limits.time = args.timeout.unwrap_or(limits.time);
    options.receipts &= !args.no_receipts;
}

/// Hands the lines of the access log to a thread that writes them, and stops the server on a signal.
struct AccessLog {
    console: Console,
    lines: SyncSender<String>,
    lost: Arc<AtomicU64>,
}

impl AccessLog {
    fn new(console: Console) -> (Self, Receiver<String>) {
        let (lines, receiver) = sync_channel(MOST_WAITING);
        (Self { console, lines, lost: Arc::default() }, receiver)
    }
}

impl ServeObserver for AccessLog {
    fn request(&self, line: &AccessLine) {
        if self.console.is_quiet() {
            return;
        }
        // This cannot fail: all members are numbers and texts.
        let text = serde_json::to_string(line).unwrap_or_default();
        // A reader of the log that is too slow does not slow down the server.
        if self.lines.try_send(text).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn event(&self, event: &ServeEvent<'_>) {
        match event {
            ServeEvent::Reloaded(Served { chains, messages, .. }) => {
                report::left_out(messages.skipped(), 0, Outcome::SomeFailed);
                self.console.info(format_args!("reloaded           chains {}", names(chains)));
            }
            ServeEvent::ReloadFailed(error) => report::words_of_error(format_args!(
                "the replaced files are not used: {}",
                with_causes(*error)
            )),
        }
    }

    fn is_stopping(&self) -> bool {
        interrupted()
    }
}

/// Writes lines to standard error until no one sends any.
fn write(lines: &Receiver<String>, lost: &AtomicU64) {
    let mut stderr = io::stderr();
    for line in lines {
        let lost = lost.swap(0, Ordering::Relaxed);
        let lost = if lost > 0 { format!("{{\"lostLines\":{lost}}}\n") } else { String::new() };
        // If standard error is closed, nothing can be logged.
        let _ = stderr.write_all(format!("{lost}{line}\n").as_bytes());
    }
}
