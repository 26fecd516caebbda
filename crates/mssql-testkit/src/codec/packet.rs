//! Packets: the eight-byte header and how a message is cut into packets and put together again.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Length of a packet's header.
pub(crate) const HEADER: usize = 8;
/// Packet size before a login has agreed on another.
pub(crate) const DEFAULT_SIZE: usize = 4096;
/// The longest message this server reads: a guard against a lost frame, far above any test's bulk load.
const LIMIT: usize = 1 << 30;

/// Types of packets a client sends (MS-TDS 2.2.3.1.1).
pub(crate) mod kind {
    pub(crate) const BATCH: u8 = 1;
    pub(crate) const RPC: u8 = 3;
    pub(crate) const RESPONSE: u8 = 4;
    pub(crate) const ATTENTION: u8 = 6;
    pub(crate) const BULK: u8 = 7;
    pub(crate) const TRANSACTION: u8 = 14;
    pub(crate) const LOGIN: u8 = 16;
    pub(crate) const PRELOGIN: u8 = 18;
}

const END: u8 = 1;
const IGNORE: u8 = 2;
const RESET: u8 = 0x08;

/// A whole message of a client.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) kind: u8,
    pub(crate) data: Vec<u8>,
    /// The client asked for the session to be reset before this request (a pooled connection given out again).
    pub(crate) reset: bool,
}

/// Reads one message; `None` when the peer closed the connection between two messages.
pub(crate) async fn read_message<R: AsyncRead + Unpin>(from: &mut R) -> io::Result<Option<Message>> {
    let mut data = Vec::new();
    let mut reset = false;
    loop {
        let mut header = [0u8; HEADER];
        match from.read(&mut header).await? {
            0 if data.is_empty() => return Ok(None),
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            HEADER => {}
            n => {
                from.read_exact(&mut header[n..]).await?;
            }
        }
        let [kind, status, high, low, ..] = header;
        let length = usize::from(u16::from_be_bytes([high, low]));
        let Some(payload) = length.checked_sub(HEADER) else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a packet is shorter than its header",
            ));
        };
        let start = data.len();
        if start + payload > LIMIT {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a message is longer than this server reads",
            ));
        }
        data.resize(start + payload, 0);
        from.read_exact(&mut data[start..]).await?;
        reset |= status & RESET != 0;
        if status & END == 0 {
            continue;
        }
        if status & IGNORE != 0 {
            // The client gave the message up halfway; nothing of it counts.
            data.clear();
            reset = false;
            continue;
        }
        return Ok(Some(Message { kind, data, reset }));
    }
}

/// Writes a response in packets of at most `size` bytes, the last one marked as the end when `end`.
/// Returns what did not fill a packet, to be put before the next part, when not.
pub(crate) async fn write_response<W: AsyncWrite + Unpin>(
    to: &mut W,
    data: &[u8],
    size: usize,
    spid: u16,
    sequence: &mut u8,
    end: bool,
) -> io::Result<usize> {
    let room = size - HEADER;
    let mut sent = 0;
    loop {
        let rest = data.len() - sent;
        if !end && rest < room {
            break;
        }
        let part = rest.min(room);
        let last = end && part == rest;
        *sequence = sequence.wrapping_add(1);
        to.write_all(&header(kind::RESPONSE, last, part, spid, *sequence))
            .await?;
        to.write_all(&data[sent..sent + part]).await?;
        sent += part;
        if last {
            break;
        }
    }
    to.flush().await?;
    Ok(sent)
}

/// A packet's header; `payload` is at most 32,767 bytes.
pub(crate) fn header(kind: u8, end: bool, payload: usize, spid: u16, sequence: u8) -> [u8; HEADER] {
    let [high, low] = u16::try_from(payload + HEADER).unwrap_or(u16::MAX).to_be_bytes();
    let [spid_high, spid_low] = spid.to_be_bytes();
    [kind, u8::from(end), high, low, spid_high, spid_low, sequence, 0]
}
