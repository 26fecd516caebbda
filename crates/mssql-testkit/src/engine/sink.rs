//! Where results go: to a client over the wire, or into memory for a test that asks the server itself.

use bytes::BytesMut;
use tokio::io::AsyncWrite;
use tokio::sync::watch;

use super::catalog::Row;
use crate::codec::packet::write_response;
use crate::codec::token::{self, Column, DoneKind, EnvChange, done};
use crate::errors::SqlError;
use crate::value::{SqlType, Value};

/// One part of an answer.
#[derive(Debug)]
pub(crate) enum Event {
    Columns(Vec<Column>),
    Rows(Vec<Row>),
    /// A statement is done; with the rows it counted.
    Done {
        command: u16,
        count: Option<u64>,
    },
    /// A statement failed, or a message was printed.
    Message(SqlError),
    Env(EnvChange),
    Status(i32),
    Output {
        ordinal: u16,
        name: String,
        ty: SqlType,
        value: Value,
    },
}

/// The connection is gone, or the client gave up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interrupt {
    Attention,
    Closed,
}

/// Attentions of the client: how many came and how many were answered.
pub(crate) struct Attention {
    pub(crate) seen: watch::Receiver<u64>,
    pub(crate) answered: u64,
}

impl Attention {
    pub(crate) fn pending(&self) -> bool {
        *self.seen.borrow() > self.answered
    }

    /// Waits until the client gives up or goes away.
    pub(crate) async fn interrupted(&mut self) -> Interrupt {
        loop {
            if self.pending() {
                return Interrupt::Attention;
            }
            if self.seen.changed().await.is_err() {
                return Interrupt::Closed;
            }
        }
    }
}

/// Takes the parts of an answer.
pub(crate) enum Sink<'a> {
    Wire(WireSink<'a>),
    Memory(Vec<Event>),
}

impl Sink<'_> {
    pub(crate) async fn push(&mut self, event: Event) -> Result<(), Interrupt> {
        match self {
            Self::Wire(wire) => wire.push(event).await,
            Self::Memory(events) => {
                events.push(event);
                Ok(())
            }
        }
    }

    /// Between statements of a batch or of a procedure.
    pub(crate) fn set_kind(&mut self, kind: DoneKind) {
        if let Self::Wire(wire) = self {
            wire.kind = kind;
        }
    }

    pub(crate) fn attention(&mut self) -> Option<&mut Attention> {
        match self {
            Self::Wire(wire) => Some(wire.attention),
            Self::Memory(_) => None,
        }
    }
}

/// A writer a connection's answers go to.
pub(crate) trait Output: AsyncWrite + Unpin + Send {}

impl<T: AsyncWrite + Unpin + Send> Output for T {}

/// Encodes an answer and sends it packet by packet.
pub(crate) struct WireSink<'a> {
    pub(crate) output: &'a mut dyn Output,
    pub(crate) attention: &'a mut Attention,
    pub(crate) packet_size: usize,
    pub(crate) spid: u16,
    pub(crate) server: &'a str,
    pub(crate) kind: DoneKind,
    buffer: BytesMut,
    columns: Vec<Column>,
    /// A DONE that waits to learn whether more follows.
    held: Option<(DoneKind, u16, u16, u64)>,
    sequence: u8,
}

/// Rows are sent when this much has come together.
const FLUSH_AT: usize = 64 * 1024;

impl<'a> WireSink<'a> {
    pub(crate) fn new(
        output: &'a mut dyn Output,
        attention: &'a mut Attention,
        packet_size: usize,
        spid: u16,
        server: &'a str,
    ) -> Self {
        Self {
            output,
            attention,
            packet_size,
            spid,
            server,
            kind: DoneKind::Batch,
            buffer: BytesMut::new(),
            columns: Vec::new(),
            held: None,
            sequence: 0,
        }
    }

    fn release_done(&mut self, more: bool) {
        if let Some((kind, status, command, count)) = self.held.take() {
            let status = if more { status | done::MORE } else { status };
            token::done(&mut self.buffer, kind, status, command, count);
        }
    }

    async fn push(&mut self, event: Event) -> Result<(), Interrupt> {
        self.release_done(true);
        match event {
            Event::Columns(columns) => {
                token::columns(&mut self.buffer, &columns);
                self.columns = columns;
            }
            Event::Rows(rows) => {
                for row in rows {
                    token::row(&mut self.buffer, &self.columns, &row);
                    if self.buffer.len() >= FLUSH_AT {
                        self.flush(false).await?;
                    }
                }
            }
            Event::Done { command, count } => {
                let status = if count.is_some() { done::COUNT } else { 0 };
                self.held = Some((self.kind, status, command, count.unwrap_or(0)));
            }
            Event::Message(error) => {
                let failed = error.class > 10;
                token::message(&mut self.buffer, &error, self.server);
                if failed {
                    self.held = Some((self.kind, done::ERROR, 0, 0));
                }
            }
            Event::Env(change) => token::env_change(&mut self.buffer, &change),
            Event::Status(status) => token::return_status(&mut self.buffer, status),
            Event::Output {
                ordinal,
                name,
                ty,
                value,
            } => token::return_value(&mut self.buffer, ordinal, &name, ty, &value),
        }
        Ok(())
    }

    /// The last DONE of a procedure.
    pub(crate) fn end_procedure(&mut self, failed: bool) {
        self.release_done(true);
        self.held = Some((DoneKind::Proc, if failed { done::ERROR } else { 0 }, 0xe0, 0));
    }

    /// Sends what is left and marks the end of the answer.
    pub(crate) async fn finish(&mut self) -> Result<(), Interrupt> {
        if self.held.is_none() {
            self.held = Some((self.kind, 0, 0, 0));
        }
        self.release_done(false);
        self.flush(true).await
    }

    /// Ends an answer that the client gave up.
    pub(crate) async fn finish_cancelled(&mut self) -> Result<(), Interrupt> {
        self.release_done(true);
        token::done(&mut self.buffer, DoneKind::Batch, done::ATTENTION, 0, 0);
        self.flush(true).await
    }

    async fn flush(&mut self, end: bool) -> Result<(), Interrupt> {
        if !end && self.attention.pending() {
            return Err(Interrupt::Attention);
        }
        let sent = write_response(
            &mut self.output,
            &self.buffer,
            self.packet_size,
            self.spid,
            &mut self.sequence,
            end,
        )
        .await
        .map_err(|_| Interrupt::Closed)?;
        let rest = self.buffer.split_off(sent);
        self.buffer = rest;
        Ok(())
    }
}
