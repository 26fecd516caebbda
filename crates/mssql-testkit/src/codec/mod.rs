//! The wire format: MS-TDS 7.4 as a server reads and writes it. No I/O but in [`packet`].

pub(crate) mod bulk;
pub(crate) mod login;
pub(crate) mod packet;
pub(crate) mod prelogin;
pub(crate) mod reader;
pub(crate) mod rpc;
pub(crate) mod token;
pub(crate) mod types;
pub(crate) mod values;

#[cfg(test)]
mod tests;
