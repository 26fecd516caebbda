//! The parts of a target and all their names.

/// What a part of a target says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Server,
    Instance,
    Database,
    User,
    Password,
    AccessToken,
    TokenFile,
    Encrypt,
    TrustCertificate,
    CaFile,
    CertificateHost,
    Schema,
    ConnectTimeout,
    CommandTimeout,
    Application,
    PacketSize,
    MultiSubnetFailover,
    Authentication,
    IntegratedSecurity,
    /// Steers ADO.NET itself, means nothing here.
    PassedOver,
    /// Would change what is connected to; must not be passed over in silence. The text says what to do.
    Refused(&'static str),
}

/// The part of this name; case, spaces, `_` and `-` do not matter.
///
/// Names and synonyms are those of `SqlConnection.ConnectionString` in Microsoft's documentation of
/// `Microsoft.Data.SqlClient`, and our own.
pub(super) fn named(name: &str) -> Option<Part> {
    let plain: String = name
        .chars()
        .filter(|c| !matches!(c, ' ' | '_' | '-'))
        .map(|c| c.to_ascii_lowercase())
        .collect();
    Some(match plain.as_str() {
        "server" | "datasource" | "addr" | "address" | "networkaddress" => Part::Server,
        "instance" | "instancename" => Part::Instance,
        "database" | "initialcatalog" => Part::Database,
        "user" | "userid" | "uid" | "username" => Part::User,
        "password" | "pwd" => Part::Password,
        "accesstoken" => Part::AccessToken,
        "tokenfile" | "accesstokenfile" => Part::TokenFile,
        "encrypt" => Part::Encrypt,
        "trustcertificate" | "trustservercertificate" => Part::TrustCertificate,
        "cafile" | "trustservercertificateca" => Part::CaFile,
        "hostnameincertificate" => Part::CertificateHost,
        "schema" | "currentschema" => Part::Schema,
        "connecttimeout" | "connectiontimeout" | "timeout" => Part::ConnectTimeout,
        "commandtimeout" => Part::CommandTimeout,
        "applicationname" | "app" => Part::Application,
        "packetsize" => Part::PacketSize,
        "multisubnetfailover" => Part::MultiSubnetFailover,
        "authentication" => Part::Authentication,
        "integratedsecurity" | "trustedconnection" => Part::IntegratedSecurity,
        "asyncprocessing"
        | "asynchronousprocessing"
        | "connectionlifetime"
        | "connectionreset"
        | "connectretrycount"
        | "connectretryinterval"
        | "currentlanguage"
        | "enlist"
        | "ipaddresspreference"
        | "language"
        | "loadbalancetimeout"
        | "maxpoolsize"
        | "minpoolsize"
        | "mars"
        | "multipleactiveresultsets"
        | "networklibrary"
        | "net"
        | "network"
        | "persistsecurityinfo"
        | "poolblockingperiod"
        | "pooling"
        | "replication"
        | "transactionbinding"
        | "transparentnetworkipresolution"
        | "typesystemversion"
        | "workstationid"
        | "wsid" => Part::PassedOver,
        "applicationintent" => Part::Refused("we write, so leave it out and name the primary replica"),
        "attachdbfilename" | "extendedproperties" | "initialfilename" | "userinstance" => {
            Part::Refused("attach the database on the server and name it with Database")
        }
        "columnencryptionsetting" | "enclaveattestationurl" | "attestationprotocol" => {
            Part::Refused("encrypted columns cannot be compared by the server; leave it out")
        }
        "contextconnection" => Part::Refused("it only works inside the server"),
        "failoverpartner" | "failoverpartnerspn" => {
            Part::Refused("database mirroring is not supported; name a listener of an availability group")
        }
        "serverspn" => Part::Refused("Kerberos is not supported; use a SQL Server login or an Entra token"),
        "servercertificate" => Part::Refused("name the certificate's authority with ca_file"),
        _ => return None,
    })
}
