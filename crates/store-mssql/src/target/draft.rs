//! A target that is being read: parts are set one by one, then the whole is checked.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::part::Part;
use super::{Encryption, Login, MssqlTarget, Trust, value};
use crate::Error;

/// As long as SQL Server's own drivers wait.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Longer than the drivers' 30 s: a step of tens of thousands of rows may wait for locks and for log growth.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(300);

/// Bigger than the default of 4 KiB, since a bulk load sends one packet at a time; SQL Server allows no more than 16,383
/// bytes on an encrypted connection ("Configure the network packet size").
const PACKET_SIZE: u32 = 16_000;

/// The longest identifier of SQL Server.
const IDENTIFIER: usize = 128;

#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) instance: Option<String>,
    pub(super) database: Option<String>,
    pub(super) user: Option<String>,
    pub(super) password: Option<SecretString>,
    token: Option<SecretString>,
    token_file: Option<PathBuf>,
    encryption: Option<Encryption>,
    trust_any: Option<bool>,
    ca_file: Option<PathBuf>,
    certificate_host: Option<String>,
    schema: Option<String>,
    connect_timeout: Option<Option<Duration>>,
    command_timeout: Option<Option<Duration>>,
    application: Option<String>,
    packet_size: Option<u32>,
    try_all_addresses: Option<bool>,
}

impl Draft {
    /// Sets a part. `written` is its name in the text, for errors. An empty value puts the part back to what it is when it
    /// is left out, as in ADO.NET; only a password may be empty.
    pub(super) fn set(&mut self, part: Part, written: &str, value: String) -> Result<(), Error> {
        let wrong = |expected| Error::Value {
            part: written.to_owned(),
            expected,
        };
        let unsupported = |instead| Error::Unsupported {
            part: written.to_owned(),
            instead,
        };
        let given = (!value.is_empty()).then_some(value);
        let boolean = |given: Option<String>| {
            given
                .map(|text| value::boolean(&text).ok_or(wrong("it must be true or false")))
                .transpose()
        };
        let duration = |given: Option<String>| {
            given
                .map(|text| {
                    value::duration(&text).ok_or(wrong(
                        "it must be a time like 500ms, 15s, 5m or 2h (at most 30 days), or a number of seconds",
                    ))
                })
                .transpose()
        };
        match part {
            Part::Server => match given {
                Some(text) => self.set_server(written, &text)?,
                None => self.host = None,
            },
            Part::Instance => self.instance = given,
            Part::Database => self.database = identifier(given).map_err(wrong)?,
            Part::User => self.user = given,
            Part::Password => self.password = Some(given.unwrap_or_default().into()),
            Part::AccessToken => self.token = given.map(SecretString::from),
            Part::TokenFile => self.token_file = given.map(PathBuf::from),
            Part::Encrypt => {
                self.encryption = given
                    .map(|text| match text.trim().to_ascii_lowercase().as_str() {
                        "strict" => Ok(Encryption::Strict),
                        "mandatory" | "required" => Ok(Encryption::On),
                        "optional" => Ok(Encryption::Off),
                        other => match value::boolean(other) {
                            Some(true) => Ok(Encryption::On),
                            Some(false) => Ok(Encryption::Off),
                            None => Err(wrong("it must be on, off or strict")),
                        },
                    })
                    .transpose()?;
            }
            Part::TrustCertificate => self.trust_any = boolean(given)?,
            Part::CaFile => self.ca_file = given.map(PathBuf::from),
            Part::CertificateHost => self.certificate_host = given,
            Part::Schema => self.schema = identifier(given).map_err(wrong)?,
            Part::ConnectTimeout => self.connect_timeout = duration(given)?,
            Part::CommandTimeout => self.command_timeout = duration(given)?,
            Part::Application => self.application = identifier(given).map_err(wrong)?,
            Part::PacketSize => {
                self.packet_size = given
                    .map(|text| {
                        text.trim()
                            .parse()
                            .ok()
                            .filter(|size| (512..=32_767).contains(size))
                            .ok_or(wrong("it must be a number of bytes from 512 to 32767"))
                    })
                    .transpose()?;
            }
            Part::MultiSubnetFailover => self.try_all_addresses = boolean(given)?,
            Part::Authentication => {
                let mode = given.unwrap_or_default().replace(' ', "").to_ascii_lowercase();
                if !matches!(mode.as_str(), "" | "notspecified" | "sqlpassword") {
                    return Err(unsupported(
                        "use a SQL Server login, or get a Microsoft Entra token and name its file with token_file",
                    ));
                }
            }
            Part::IntegratedSecurity => {
                let off = given.is_none_or(|text| value::boolean(&text) == Some(false));
                if !off {
                    return Err(unsupported(
                        "logging in with the Windows account is not supported; use a SQL Server login or an Entra token",
                    ));
                }
            }
            Part::PassedOver => {}
            Part::Refused(instead) => return Err(unsupported(instead)),
        }
        Ok(())
    }

    /// Reads ADO.NET's server: `[tcp:]host[\instance][,port]`.
    fn set_server(&mut self, written: &str, text: &str) -> Result<(), Error> {
        let wrong = |expected| Error::Value {
            part: written.to_owned(),
            expected,
        };
        let text = text.trim();
        let text = match text.get(..4) {
            Some(protocol) if protocol.eq_ignore_ascii_case("tcp:") => text.get(4..).unwrap_or_default(),
            _ => text,
        };
        let lower = text.to_ascii_lowercase();
        if ["np:", "lpc:", "admin:"]
            .iter()
            .any(|protocol| lower.starts_with(protocol))
            || lower.starts_with("(localdb)")
            || text.starts_with("\\\\")
        {
            return Err(wrong(
                "only TCP is supported: write host, host,port or host\\instance",
            ));
        }
        let (address, port) = match text.rsplit_once(',') {
            None => (text, None),
            Some((address, port)) => match port.trim().parse::<u16>() {
                Ok(port) if port != 0 => (address.trim(), Some(port)),
                _ => return Err(wrong("the port after the comma must be a number from 1 to 65535")),
            },
        };
        self.set_address(written, address)?;
        self.port = port;
        Ok(())
    }

    /// Reads `host` or `host\instance`.
    pub(super) fn set_address(&mut self, written: &str, address: &str) -> Result<(), Error> {
        let (host, instance) = match address.split_once('\\') {
            Some((host, instance)) => (host, Some(instance.trim())),
            None => (address, None),
        };
        let host = host.trim();
        let host = match host {
            "." | "(local)" => "localhost",
            _ => host
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'))
                .unwrap_or(host),
        };
        let name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
        if host.is_empty() || !host.chars().all(name) {
            return Err(Error::Value {
                part: written.to_owned(),
                expected: "the host must be a name or an address",
            });
        }
        self.host = Some(host.to_owned());
        if let Some(instance) = instance {
            if instance.is_empty() {
                return Err(Error::Value {
                    part: written.to_owned(),
                    expected: "there is no instance after the \\",
                });
            }
            self.instance = Some(instance.to_owned());
        }
        Ok(())
    }

    /// Checks the whole.
    pub(super) fn finish(self) -> Result<MssqlTarget, Error> {
        let clash = |part: &str, instead| Error::Unsupported {
            part: part.to_owned(),
            instead,
        };
        let login = match (self.token, self.token_file, self.user, self.password) {
            (Some(_), Some(_), ..) => {
                return Err(clash(
                    "access_token",
                    "token_file is there too; leave one of them out",
                ));
            }
            (Some(_), _, Some(_), _) | (_, Some(_), Some(_), _) => {
                return Err(clash(
                    "a user",
                    "a token logs in by itself; leave user and password out",
                ));
            }
            (Some(token), None, None, _) => Login::Token(token),
            (None, Some(file), None, _) => Login::TokenFile(file),
            (None, None, Some(user), Some(password)) => Login::Password { user, password },
            (None, None, Some(_), None) => {
                return Err(Error::Missing {
                    part: "password",
                    add: "write mssql://user:password@… or Password=…",
                });
            }
            (None, None, None, _) => {
                return Err(Error::Missing {
                    part: "login",
                    add: "write mssql://user:password@…, or User Id=…;Password=…, or token_file=…",
                });
            }
        };
        let trust = match (self.trust_any.unwrap_or(false), self.ca_file) {
            (true, Some(_)) => {
                return Err(clash(
                    "trust_certificate",
                    "it trusts any certificate, so leave ca_file out",
                ));
            }
            (true, None) => Trust::Any,
            (false, Some(file)) => Trust::File(file),
            (false, None) => Trust::System,
        };
        let encryption = self.encryption.unwrap_or(Encryption::On);
        if encryption == Encryption::Strict && trust == Trust::Any {
            return Err(clash(
                "trust_certificate",
                "strict encryption always validates; name a ca_file",
            ));
        }
        Ok(MssqlTarget {
            host: self.host.ok_or(Error::Missing {
                part: "server",
                add: "write mssql://…@host:1433/… or Server=host,1433",
            })?,
            // As in ADO.NET, a port makes the browser service needless.
            instance: self.instance.filter(|_| self.port.is_none()),
            port: self.port,
            database: self.database.ok_or(Error::Missing {
                part: "database",
                add: "write mssql://…/database or Database=…",
            })?,
            login,
            encryption,
            trust,
            certificate_host: self.certificate_host,
            schema: self.schema.unwrap_or_else(|| "dbo".to_owned()),
            connect_timeout: self.connect_timeout.unwrap_or(Some(CONNECT_TIMEOUT)),
            command_timeout: self.command_timeout.unwrap_or(Some(COMMAND_TIMEOUT)),
            application: self.application.unwrap_or_else(|| "stage-exchange".to_owned()),
            packet_size: self.packet_size.unwrap_or(PACKET_SIZE),
            try_all_addresses: self.try_all_addresses.unwrap_or(false),
        })
    }
}

fn identifier(given: Option<String>) -> Result<Option<String>, &'static str> {
    match given {
        Some(name) if name.contains('\0') || name.encode_utf16().count() > IDENTIFIER => {
            Err("it must have at most 128 characters and no NUL")
        }
        other => Ok(other),
    }
}
