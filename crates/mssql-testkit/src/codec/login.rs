//! LOGIN7: who connects, with which password, to which database (MS-TDS 2.2.6.4).

use super::reader::{Decoded, Reader, malformed, utf16};

/// What a client's login says, as far as this server uses it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) tds_version: u32,
    pub(crate) packet_size: u32,
    pub(crate) host: String,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) application: String,
    pub(crate) database: String,
    /// The client wants Windows or Entra authentication, which this server does not have.
    pub(crate) other_authentication: bool,
}

const SSPI_FLAG: u8 = 0x80;
const EXTENSION_FLAG: u8 = 0x10;
const FEDERATED: u8 = 0x02;
const END_OF_FEATURES: u8 = 0xff;

pub(crate) fn decode(data: &[u8]) -> Decoded<Login> {
    let mut head = Reader::new(data);
    let length = head.u32()?;
    if usize::try_from(length).ok() != Some(data.len()) {
        return malformed("LOGIN7 tells a wrong length");
    }
    let tds_version = head.u32()?;
    let packet_size = head.u32()?;
    head.bytes(12)?;
    let [_flags1, flags2, _type_flags, flags3] = head.array()?;
    head.bytes(8)?;
    let mut field = || -> Decoded<&[u8]> {
        let offset = usize::from(head.u16()?);
        let units = usize::from(head.u16()?);
        match data.get(offset..offset + units * 2) {
            Some(bytes) => Ok(bytes),
            None => malformed("a field of LOGIN7 lies outside the message"),
        }
    };
    let host = utf16(field()?);
    let user = utf16(field()?);
    let password = utf16(
        &field()?
            .iter()
            .map(|b| (b ^ 0xa5).rotate_left(4))
            .collect::<Vec<_>>(),
    );
    let application = utf16(field()?);
    let _server = field()?;
    let extension_offset = usize::from(head.u16()?);
    head.u16()?;
    let mut field = || -> Decoded<&[u8]> {
        let offset = usize::from(head.u16()?);
        let units = usize::from(head.u16()?);
        match data.get(offset..offset + units * 2) {
            Some(bytes) => Ok(bytes),
            None => malformed("a field of LOGIN7 lies outside the message"),
        }
    };
    let _library = field()?;
    let _language = field()?;
    let database = utf16(field()?);
    let federated = flags3 & EXTENSION_FLAG != 0 && wants_federated(data, extension_offset)?;
    Ok(Login {
        tds_version,
        packet_size,
        host,
        user,
        password,
        application,
        database,
        other_authentication: flags2 & SSPI_FLAG != 0 || federated,
    })
}

/// Walks the list of features a client asks for; only one of them changes how it logs in.
fn wants_federated(data: &[u8], at: usize) -> Decoded<bool> {
    let pointer = data.get(at..).map(Reader::new).map(|mut r| r.u32());
    let Some(Ok(offset)) = pointer else {
        return malformed("the feature list of LOGIN7 lies outside the message");
    };
    let list = usize::try_from(offset).ok().and_then(|offset| data.get(offset..));
    let Some(list) = list else {
        return malformed("the feature list of LOGIN7 lies outside the message");
    };
    let mut features = Reader::new(list);
    loop {
        match features.u8()? {
            END_OF_FEATURES => return Ok(false),
            FEDERATED => return Ok(true),
            _ => {
                let length = features.u32()?;
                features.bytes(usize::try_from(length).unwrap_or(usize::MAX))?;
            }
        }
    }
}
