//! A TCP proxy that breaks connections on request.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::background::{Background, listen};
use crate::error::{Error, ErrorKind};

mod listening;

use listening::{Ear, Heard};

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

/// What the proxy does to connections. A fault counts bytes from the moment it is set, over all connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Fault {
    /// Bytes pass as they come.
    #[default]
    None,
    /// All open connections are closed at once; new ones pass.
    CutNow,
    /// After that many bytes in a direction, the connection that carries the last of them is closed.
    CutAfter(Direction, u64),
    /// The same, with a reset (RST) in place of an orderly close.
    ResetAfter(Direction, u64),
    /// Connections stay open and nothing passes, in either direction.
    Stall,
    /// After that many bytes in a direction nothing passes any more, in either direction.
    StallAfter(Direction, u64),
    /// At most that many bytes a second pass, in each direction of each connection; at least 1.
    Slow(u64),
    /// New connections are reset as soon as they are made; open ones stay.
    Refuse,
    /// The server is away: open connections are closed and new ones reset.
    Down,
    /// Once: the first request that holds this text does not arrive. Its connection is closed before the text's end, and what
    /// went before is no whole request.
    LoseRequest(&'static str),
    /// Once: the first request that holds this text arrives, and its answer is lost. Its connection is closed when the server
    /// begins to answer, so that what was asked for has been done.
    LoseAnswer(&'static str),
}

impl Fault {
    /// The text that is listened for. It is found as the protocol writes it, in UTF-16, and only where nothing is encrypted.
    fn listens_for(self) -> Option<&'static str> {
        match self {
            Self::LoseRequest(text) | Self::LoseAnswer(text) => Some(text),
            _ => None,
        }
    }
}

/// A proxy on 127.0.0.1 before a server. It stops when it is dropped.
pub struct FaultProxy {
    shared: Arc<Shared>,
    address: SocketAddr,
    _background: Background,
}

struct Shared {
    upstream: SocketAddr,
    fault: watch::Sender<(u64, Fault)>,
    /// Bytes that passed since the fault was set: to the server, to the client.
    passed: Mutex<[u64; 2]>,
    accepted: AtomicU64,
    open: AtomicU64,
}

impl Shared {
    fn passed(&self) -> MutexGuard<'_, [u64; 2]> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for FaultProxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FaultProxy")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl FaultProxy {
    /// Starts a proxy before `upstream`.
    ///
    /// # Errors
    /// When no port or thread is to be had.
    pub fn start(upstream: SocketAddr) -> Result<Self, Error> {
        let (listener, address) = listen(0)?;
        let background = Background::start("fault-proxy")?;
        let (fault, _) = watch::channel((0, Fault::None));
        let shared = Arc::new(Shared {
            upstream,
            fault,
            passed: Mutex::new([0; 2]),
            accepted: AtomicU64::new(0),
            open: AtomicU64::new(0),
        });
        let listener = {
            let _inside = background.handle().enter();
            TcpListener::from_std(listener).map_err(|e| Error::new(ErrorKind::Listen, e))?
        };
        background.handle().spawn(accept(listener, shared.clone()));
        Ok(Self {
            shared,
            address,
            _background: background,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts a fault, or ends one with [`Fault::None`]. Counts of bytes start again at zero.
    pub fn set(&self, fault: Fault) {
        let mut passed = self.shared.passed();
        *passed = [0; 2];
        self.shared.fault.send_modify(|(number, current)| {
            *number += 1;
            *current = fault;
        });
    }

    /// The fault of the moment. One that happens once is [`Fault::None`] after it.
    #[must_use]
    pub fn fault(&self) -> Fault {
        self.shared.fault.borrow().1
    }

    /// How many connections were accepted so far, refused ones included.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// How many connections are open now.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// Bytes that passed in a direction since the fault was set.
    #[must_use]
    pub fn passed(&self, direction: Direction) -> u64 {
        self.shared.passed()[index(direction)]
    }
}

fn index(direction: Direction) -> usize {
    match direction {
        Direction::ToServer => 0,
        Direction::ToClient => 1,
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                shared.accepted.fetch_add(1, Ordering::SeqCst);
                let fault = shared.fault.borrow().1;
                if matches!(fault, Fault::Refuse | Fault::Down) {
                    reset(&client);
                    continue;
                }
                tokio::spawn(carry(client, shared.clone()));
            }
            Err(error) => tracing::warn!(%error, "the proxy could not accept a connection"),
        }
    }
}

/// Makes the close of a socket a reset.
fn reset(socket: &TcpStream) {
    if let Err(error) = socket.set_zero_linger() {
        tracing::debug!(%error, "could not arrange for a reset");
    }
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Closed,
    Reset,
}

async fn carry(mut client: TcpStream, shared: Arc<Shared>) {
    shared.open.fetch_add(1, Ordering::SeqCst);
    // Subscribed before connecting, so that a cut in between is not missed.
    let mut changes = shared.fault.subscribe();
    changes.mark_unchanged();
    if let Ok(mut server) = TcpStream::connect(shared.upstream).await {
        let nodelay = client.set_nodelay(true).and(server.set_nodelay(true));
        if let Err(error) = nodelay {
            tracing::debug!(%error, "could not set TCP_NODELAY");
        }
        // A TDS connection has no half-closed state: when one side ends, both do.
        let ear = Mutex::new(Ear::default());
        let end = {
            let (client_read, client_write) = client.split();
            let (server_read, server_write) = server.split();
            tokio::select! {
                end = pump(client_read, server_write, Direction::ToServer, &shared, &ear) => end,
                end = pump(server_read, client_write, Direction::ToClient, &shared, &ear) => end,
                () = cut(&mut changes) => End::Closed,
            }
        };
        if end == End::Reset {
            reset(&client);
            reset(&server);
        }
    }
    shared.open.fetch_sub(1, Ordering::SeqCst);
}

/// Waits for a fault that closes open connections.
async fn cut(changes: &mut watch::Receiver<(u64, Fault)>) {
    loop {
        if changes.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        if matches!(changes.borrow_and_update().1, Fault::CutNow | Fault::Down) {
            return;
        }
    }
}

/// Carries bytes one way until the connection ends or a fault ends it.
async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    direction: Direction,
    shared: &Shared,
    ear: &Mutex<Ear>,
) -> End {
    let mut buffer = vec![0u8; 16 * 1024];
    loop {
        let read = match from.read(&mut buffer).await {
            Ok(0) | Err(_) => return End::Closed,
            Ok(n) => n,
        };
        if listen_to(&buffer[..read], direction, shared, ear) {
            return End::Closed;
        }
        match pass(&buffer[..read], &mut to, direction, shared).await {
            Ok(None) => {}
            Ok(Some(end)) => return end,
            Err(_) => return End::Closed,
        }
    }
}

/// Whether these bytes are what a one-time fault has waited for. It is over then.
fn listen_to(data: &[u8], direction: Direction, shared: &Shared, ear: &Mutex<Ear>) -> bool {
    let (number, fault) = *shared.fault.borrow();
    let heard = ear
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .hear(number, fault, direction, data);
    if heard == Heard::Nothing {
        return false;
    }
    // Of two connections that hear it at once, one is cut.
    shared.fault.send_if_modified(|(current, fault)| {
        let first = *current == number;
        if first {
            *current += 1;
            *fault = Fault::None;
        }
        first
    })
}

/// Passes bytes on under the fault of the moment.
async fn pass(
    mut data: &[u8],
    to: &mut WriteHalf<'_>,
    direction: Direction,
    shared: &Shared,
) -> io::Result<Option<End>> {
    let mut changes = shared.fault.subscribe();
    while !data.is_empty() {
        let fault = changes.borrow_and_update().1;
        let step = step(fault, direction, &shared.passed(), data.len());
        match step {
            Step::Wait => {
                // Until the fault changes; the connection itself may be cut meanwhile.
                if changes.changed().await.is_err() {
                    return Ok(Some(End::Closed));
                }
            }
            Step::Pass { bytes, pause, then } => {
                let (now, later) = data.split_at(bytes);
                to.write_all(now).await?;
                shared.passed()[index(direction)] += bytes as u64;
                data = later;
                if then.is_some() {
                    to.flush().await?;
                    return Ok(then);
                }
                if !pause.is_zero() {
                    sleep(pause).await;
                }
            }
        }
    }
    Ok(None)
}

/// What happens next to bytes that wait to be passed.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Wait,
    Pass {
        bytes: usize,
        pause: Duration,
        then: Option<End>,
    },
}

fn step(fault: Fault, direction: Direction, passed: &[u64; 2], waiting: usize) -> Step {
    let everything = Step::Pass {
        bytes: waiting,
        pause: Duration::ZERO,
        then: None,
    };
    let left = |limit: u64, counted: Direction| -> usize {
        usize::try_from(limit.saturating_sub(passed[index(counted)])).unwrap_or(usize::MAX)
    };
    match fault {
        Fault::None | Fault::CutNow | Fault::Refuse | Fault::Down => everything,
        // Those that listen are seen to where bytes are read.
        Fault::LoseRequest(_) | Fault::LoseAnswer(_) => everything,
        Fault::Stall => Step::Wait,
        Fault::StallAfter(counted, limit) => match left(limit, counted) {
            0 => Step::Wait,
            room if counted == direction => Step::Pass {
                bytes: room.min(waiting),
                pause: Duration::ZERO,
                then: None,
            },
            _ => everything,
        },
        Fault::CutAfter(counted, limit) | Fault::ResetAfter(counted, limit) if counted == direction => {
            let room = left(limit, counted);
            let end = if matches!(fault, Fault::CutAfter(..)) {
                End::Closed
            } else {
                End::Reset
            };
            let then = (room <= waiting).then_some(end);
            Step::Pass {
                bytes: room.min(waiting),
                pause: Duration::ZERO,
                then,
            }
        }
        Fault::CutAfter(..) | Fault::ResetAfter(..) => everything,
        Fault::Slow(rate) => {
            // A twentieth of a second's worth at a time.
            let rate = rate.max(1);
            let bytes = usize::try_from((rate / 20).max(1))
                .unwrap_or(usize::MAX)
                .min(waiting);
            let micros = (bytes as u64).saturating_mul(1_000_000) / rate;
            Step::Pass {
                bytes,
                pause: Duration::from_micros(micros),
                then: None,
            }
        }
    }
}

#[cfg(test)]
mod tests;
