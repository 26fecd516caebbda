//! One connection: prelogin, encryption, login, then requests until either side leaves.

mod login;
mod requests;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};

use crate::codec::packet::{self, Message, kind};
use crate::engine::sink::{Attention, Interrupt};
use crate::engine::state::{Session, World};
use crate::engine::syntax::BulkTarget;
use crate::tls::{Handshake, Stream};

/// Serves one connection to its end. A broken client is dropped without a word, as SQL Server does.
pub(crate) async fn serve(world: Arc<World>, handshake: Arc<Handshake>, socket: TcpStream) {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "could not set TCP_NODELAY");
    }
    let mut stream = Stream::plain(socket);
    match login::login(&world, &handshake, &mut stream).await {
        Ok(Some(login)) => {
            let mut connection = Connection::new(world, stream, login);
            connection.run().await;
            connection.close().await;
        }
        Ok(None) => {}
        Err(error) => tracing::debug!(%error, "connection ended during login"),
    }
}

/// A connection that is logged in.
struct Connection {
    world: Arc<World>,
    session: Session,
    /// The database of the login, where a reset goes back to.
    home: String,
    packet_size: usize,
    writer: WriteHalf<Stream>,
    messages: mpsc::UnboundedReceiver<Message>,
    attention: Attention,
    bulk: Option<BulkTarget>,
    reader: tokio::task::JoinHandle<()>,
}

impl Connection {
    fn new(world: Arc<World>, stream: Stream, login: login::LoggedIn) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        let (sender, messages) = mpsc::unbounded_channel();
        let (attentions, seen) = watch::channel(0);
        let reader = tokio::spawn(read_messages(reader, sender, attentions));
        Self {
            world,
            home: login.session.database.clone(),
            session: login.session,
            packet_size: login.packet_size,
            writer,
            messages,
            attention: Attention { seen, answered: 0 },
            bulk: None,
            reader,
        }
    }

    async fn run(&mut self) {
        while let Some(message) = self.messages.recv().await {
            if self.request(message).await.is_err() {
                return;
            }
        }
    }

    async fn request(&mut self, message: Message) -> Result<(), Interrupt> {
        if message.kind == kind::ATTENTION {
            return self.acknowledge_attention().await;
        }
        if message.reset {
            self.reset();
        }
        self.answer(message).await
    }

    async fn close(mut self) {
        self.reader.abort();
        self.world.close_session(&mut self.session);
        if let Err(error) = self.writer.shutdown().await {
            tracing::trace!(%error, "the client was gone before the connection was closed");
        }
    }
}

/// Reads messages as they come, so that an attention is seen while a request runs.
async fn read_messages(
    mut from: ReadHalf<Stream>,
    messages: mpsc::UnboundedSender<Message>,
    attentions: watch::Sender<u64>,
) {
    loop {
        match packet::read_message(&mut from).await {
            Ok(Some(message)) => {
                if message.kind == kind::ATTENTION {
                    attentions.send_modify(|n| *n += 1);
                }
                if messages.send(message).is_err() {
                    return;
                }
            }
            Ok(None) => return,
            Err(error) => {
                tracing::debug!(%error, "the connection broke");
                return;
            }
        }
    }
}
