//! Prelogin, the TLS handshake, and the login itself.

use std::io;

use bytes::BytesMut;
use tokio::io::AsyncWriteExt;

use crate::codec::login::{self, Login};
use crate::codec::packet::{self, DEFAULT_SIZE, Message, kind, write_response};
use crate::codec::prelogin::{self, Encryption};
use crate::codec::reader::Malformed;
use crate::codec::token::{self, DoneKind, EnvChange, done};
use crate::engine::state::{Session, World};
use crate::errors::SqlError;
use crate::options::Encrypt;
use crate::tls::{Handshake, Stream};

/// The outcome of a login.
pub(super) struct LoggedIn {
    pub(super) session: Session,
    pub(super) packet_size: usize,
}

/// TDS 7.4, as LOGINACK tells it.
const TDS_7_4: u32 = 0x7400_0004;

fn broken(error: Malformed) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

async fn expect(stream: &mut Stream, wanted: u8) -> io::Result<Message> {
    match packet::read_message(stream).await? {
        Some(message) if message.kind == wanted => Ok(message),
        Some(message) => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("expected a packet of type {wanted} and got {}", message.kind),
        )),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Takes a connection through its login. `None` when the login was refused; the client was told why.
pub(super) async fn login(
    world: &World,
    handshake: &Handshake,
    stream: &mut Stream,
) -> io::Result<Option<LoggedIn>> {
    let version = world.options.version;
    let hello = expect(stream, kind::PRELOGIN).await?;
    let asked = prelogin::client_encryption(&hello.data).map_err(broken)?;
    let agreed = agree(world.options.encrypt, asked);
    let answer = prelogin::answer(version, agreed);
    let mut sequence = 0;
    write_response(stream, &answer, DEFAULT_SIZE, 0, &mut sequence, true).await?;
    if agreed == Encryption::Required && asked == Encryption::NotSupported {
        // Nothing the client can say next is acceptable.
        return Ok(None);
    }
    if agreed != Encryption::NotSupported {
        handshake.encrypt(stream).await?;
    }
    let message = expect(stream, kind::LOGIN).await?;
    if agreed == Encryption::Off {
        stream.decrypt();
    }
    let login = login::decode(&message.data).map_err(broken)?;
    let (out, session) = answer_login(world, &login);
    let mut sequence = 0;
    let spid = session.as_ref().map_or(0, |s| s.session.id);
    write_response(stream, &out, DEFAULT_SIZE, spid, &mut sequence, true).await?;
    if session.is_none() {
        stream.shutdown().await?;
    }
    Ok(session)
}

fn agree(server: Encrypt, client: Encryption) -> Encryption {
    match (server, client) {
        (Encrypt::Off, _) => Encryption::NotSupported,
        (Encrypt::Optional, Encryption::Required | Encryption::On) => Encryption::On,
        (Encrypt::Optional, other) => other,
        (Encrypt::On, Encryption::On | Encryption::Required) => Encryption::On,
        (Encrypt::On, _) => Encryption::Required,
    }
}

/// Why a login is refused.
fn refused(world: &World, login: &Login) -> Vec<SqlError> {
    let failed = SqlError::new(18456, format!("Login failed for user '{}'.", login.user));
    let known =
        login.user.eq_ignore_ascii_case(&world.options.user) && login.password == world.options.password;
    if login.other_authentication || !known {
        return vec![failed];
    }
    if !login.database.is_empty() && world.state().database(&login.database).is_none() {
        let database = SqlError::new(
            4060,
            format!(
                "Cannot open database \"{}\" requested by the login. The login failed.",
                login.database
            ),
        );
        return vec![database, failed];
    }
    Vec::new()
}

fn answer_login(world: &World, login: &Login) -> (BytesMut, Option<LoggedIn>) {
    let mut out = BytesMut::new();
    let errors = refused(world, login);
    for error in &errors {
        token::message(&mut out, error, "TESTKIT");
    }
    if !errors.is_empty() {
        token::done(&mut out, DoneKind::Batch, done::ERROR, 0, 0);
        return (out, None);
    }
    let database = if login.database.is_empty() {
        "master"
    } else {
        &login.database
    };
    let session = world.open_session(&login.user, database, &login.host, &login.application);
    let wanted = usize::try_from(login.packet_size).unwrap_or(DEFAULT_SIZE);
    let wanted = if wanted == 0 { DEFAULT_SIZE } else { wanted };
    let packet_size = wanted.clamp(512, world.options.max_packet.clamp(512, 32_767));
    let change = EnvChange::Database {
        new: session.database.clone(),
        old: "master".to_owned(),
    };
    token::env_change(&mut out, &change);
    let changed = SqlError::new(
        5701,
        format!("Changed database context to '{}'.", session.database),
    );
    token::message(&mut out, &changed.with_class(0).with_state(2), "TESTKIT");
    token::env_change(&mut out, &EnvChange::Collation);
    // A client of an older version is answered in its own.
    let version = if login.tds_version >= TDS_7_4 {
        TDS_7_4
    } else {
        login.tds_version
    };
    token::login_ack(&mut out, version, world.options.version);
    token::env_change(
        &mut out,
        &EnvChange::PacketSize {
            new: packet_size,
            old: wanted,
        },
    );
    token::done(&mut out, DoneKind::Batch, 0, 0, 0);
    (out, Some(LoggedIn { session, packet_size }))
}
