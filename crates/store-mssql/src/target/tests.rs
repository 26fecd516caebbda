//! What targets can be read, and what is said about those that cannot.

use proptest::prelude::*;
use secrecy::ExposeSecret;

use super::*;
use crate::TargetErrorKind;

fn read(text: &str) -> MssqlTarget {
    MssqlTarget::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refused(text: &str) -> Error {
    MssqlTarget::parse(text).expect_err(text)
}

fn password(target: &MssqlTarget) -> &str {
    match &target.login {
        Login::Password { password, .. } => password.expose_secret(),
        other => panic!("{other:?}"),
    }
}

/// Everything but secrets, which never show.
fn shown(target: &MssqlTarget) -> String {
    format!("{target:?}")
}

#[test]
fn a_url_and_a_connection_string_that_say_the_same_are_read_the_same() {
    for (url, ado) in [
        (
            "mssql://sa:p%40ss%3Bw@db.example.com:1444/crm",
            "Server=tcp:db.example.com,1444;Database=crm;User Id=sa;Password='p@ss;w'",
        ),
        (
            "mssql://u:p@h/d?encrypt=off&trust_certificate=false&schema=sales",
            "data source=h;initial catalog=d;UID=u;PWD=p;Encrypt=False;TrustServerCertificate=no;Schema=sales",
        ),
        (
            "mssql://u:p@h/d?encrypt=strict&ca_file=/etc/ca.pem&hostname_in_certificate=x",
            "Addr=h;Database=d;User=u;Password=p;Encrypt=Strict;CA File=/etc/ca.pem;Host Name In Certificate=x",
        ),
        (
            r"mssql://u:p@h\SQLEXPRESS/d?connect_timeout=5s&command_timeout=2m",
            r#"Server="h\SQLEXPRESS";Database=d;User Id=u;Password=p;Connect Timeout=5;Command Timeout=120"#,
        ),
        (
            "mssql://u:p@h/d?instance=SQLEXPRESS",
            r"Server=h\SQLEXPRESS;Database=d;User Id=u;Password=p",
        ),
        (
            "mssql://u:p@[::1]:1433/d",
            "Server=tcp:[::1],1433;Database=d;User Id=u;Password=p",
        ),
        (
            "mssql://h/d?token_file=/run/token",
            "Server=h;Database=d;Access Token File=/run/token",
        ),
        (
            "mssql://localhost/d?user=u&password=p",
            "Server=(local);Database=d;User Id=u;Password=p",
        ),
    ] {
        assert_eq!(shown(&read(url)), shown(&read(ado)), "{url}");
    }
    assert_eq!(password(&read("mssql://sa:p%40ss%3Bw@h/d")), "p@ss;w");
}

#[test]
fn what_is_left_out_is_safe() {
    let target = read("mssql://u:p@h/d");
    assert_eq!(target.encryption, Encryption::On);
    assert_eq!(target.trust, Trust::System);
    assert_eq!(target.port_or_default(), 1433);
    assert_eq!(target.schema(), "dbo");
    assert_eq!(target.connect_timeout, Some(Duration::from_secs(15)));
}

#[test]
fn the_string_that_azures_portal_gives_is_read() {
    let target = read(
        "Server=tcp:x.database.windows.net,1433;Initial Catalog=db;Persist Security Info=False;User ID=u;\
         Password={your_password};MultipleActiveResultSets=False;Encrypt=True;TrustServerCertificate=False;\
         Connection Timeout=30;",
    );
    assert_eq!(target.to_string(), "mssql://x.database.windows.net:1433/db");
    assert_eq!(password(&target), "{your_password}");
    assert_eq!(target.connect_timeout, Some(Duration::from_secs(30)));
}

#[test]
fn values_are_quoted_as_in_ado_net() {
    for (written, expected) in [
        ("'a;b'", "a;b"),
        ("\"a;b\"", "a;b"),
        ("'a''b'", "a'b"),
        ("\"a\"\"b\"", "a\"b"),
        ("'a\"b'", "a\"b"),
        ("  a b  ", "a b"),
        ("' a '", " a "),
        ("a=b", "a=b"),
        ("a'b", "a'b"),
        ("{a}", "{a}"),
        ("", ""),
        ("пароль😀", "пароль😀"),
    ] {
        let text = format!("Server=h;Password={written};Database=d;User Id=u");
        assert_eq!(password(&read(&text)), expected, "{written}");
    }
}

#[test]
fn of_a_keyword_that_is_repeated_the_last_counts_as_in_ado_net() {
    let target = read("Server=a;Server=b;Database=d;User Id=u;Password=p");
    assert_eq!(target.to_string(), "mssql://b:1433/d");
}

#[test]
fn a_target_is_shown_without_its_login() {
    assert_eq!(read("mssql://u:secret@h:99/d").to_string(), "mssql://h:99/d");
    assert_eq!(
        read("mssql://u:secret@[fe80::1]:99/d").to_string(),
        "mssql://[fe80::1]:99/d"
    );
    assert_eq!(read(r"mssql://u:secret@h\I/d").to_string(), r"mssql://h\I/d");
}

#[test]
fn a_wrong_part_is_named() {
    for (text, part) in [
        ("mssql://u:p@h:0/d", "the port"),
        ("mssql://u:p@h:x/d", "the port"),
        ("mssql://u:p@/d", "the host"),
        ("mssql://u:p@h", "database"),
        ("mssql://h/d", "login"),
        ("mssql://u@h/d", "password"),
        ("mssql://u:p@h/d?encrypt=maybe", "encrypt"),
        ("mssql://u:p@h/d?trust_certificate=perhaps", "trust_certificate"),
        ("mssql://u:p@h/d?connect_timeout=soon", "connect_timeout"),
        ("mssql://u:p@h/d?connect_timeout=99999999h", "connect_timeout"),
        ("mssql://u:p@h/d?packet_size=1", "packet_size"),
        ("mssql://u:p@h/d?colour=red", "option colour"),
        ("mssql://u:p@h/d?schema=a&schema=b", "schema"),
        ("mssql://u:p@h/d?database=e", "database"),
        ("mssql://u:p@h/d%zz", "the database"),
        ("mssql://u:p@h/d?ca_file=a&trust_certificate=true", "ca_file"),
        ("mssql://u:p@h/d?token_file=a", "a user"),
        (
            "mssql://u:p@h/d?encrypt=strict&trust_certificate=true",
            "trust_certificate",
        ),
        ("Server=h,x;Database=d;User Id=u;Password=p", "Server"),
        ("Server=np:h;Database=d;User Id=u;Password=p", "Server"),
        (r"Server=(localdb)\x;Database=d;User Id=u;Password=p", "Server"),
        ("Colour=red;Server=h", "Colour"),
        (
            "Integrated Security=SSPI;Server=h;Database=d",
            "Integrated Security",
        ),
        (
            "Authentication=Active Directory Default;Server=h;Database=d",
            "Authentication",
        ),
        ("Server=h;ApplicationIntent=ReadOnly", "ApplicationIntent"),
        ("Server=h;Database=d;User Id=u;Password='p", "Password"),
        ("Server=h;Database=d;User Id=u;Password='p'q", "Password"),
        ("postgres://u:p@h/d", "mssql://"),
        ("", "empty"),
        ("mssql://u:p@h/d#x", "#"),
        ("mssql://u:p@h/d/e", "path"),
    ] {
        let error = refused(text);
        assert!(error.to_string().contains(part), "{text}: {error}");
    }
    assert_eq!(refused("mssql://u:p@h").kind(), TargetErrorKind::Missing);
    assert_eq!(
        refused("mssql://u:p@h/d?colour=red").kind(),
        TargetErrorKind::Part
    );
}

#[test]
fn a_password_that_is_cut_by_its_own_signs_is_not_named_as_a_part() {
    for text in [
        "Server=h;Database=d;User Id=u;Password=hun;ter2",
        "Server=h;Database=d;User Id=u;Password=hun;ter2=x",
        "mssql://u:hun/ter2@h/d",
        "mssql://u:hun?ter2@h/d",
        "mssql://u:1?ter2@h/d",
        "mssql://u:1?ter2=x@h/d",
        "mssql://u:1/hun?ter2=x@h/d",
        "mssql://u:hun#ter2@h/d",
        "mssql://u:hunter2%@h/d",
    ] {
        let error = refused(text);
        assert!(!error.to_string().contains("ter2"), "{text}: {error}");
        assert!(!format!("{error:?}").contains("ter2"), "{text}: {error:?}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in ".{0,80}") {
        drop(MssqlTarget::parse(&text));
        drop(MssqlTarget::parse(&format!("mssql://{text}")));
        drop(MssqlTarget::parse(&format!("Server=h;{text}")));
    }

    #[test]
    fn a_password_never_shows_however_badly_it_is_written(secret in "[;@/?#&=%:'\" ]{0,3}QZJ[;@/?#&=%:'\" ]{0,3}QZJ.{0,4}") {
        for text in [
            format!("mssql://u:{secret}@h:1/d?schema=s"),
            format!("mssql://u:1{secret}@h/d?schema=s"),
            format!("Server=h;Database=d;User Id=u;Password={secret};Encrypt=true"),
            format!("Server=h;Database=d;User Id=u;Password='{secret};Encrypt=true"),
            format!("mssql://h/d?access_token={secret}"),
            format!("mssql://h/d?user=u&password={secret}"),
        ] {
            match MssqlTarget::parse(&text) {
                Ok(target) => {
                    prop_assert!(!target.to_string().contains("QZJ"), "{}: {}", text, target);
                    prop_assert!(!format!("{target:?}").contains("QZJ"), "{}: {:?}", text, target);
                }
                Err(error) => {
                    prop_assert!(!error.to_string().contains("QZJ"), "{}: {}", text, error);
                    prop_assert!(!format!("{error:?}").contains("QZJ"), "{}: {:?}", text, error);
                }
            }
        }
    }

    #[test]
    fn any_password_survives_being_quoted(secret in "\\PC{0,20}") {
        let quoted = format!("Server=h;Database=d;User Id=u;Password='{}'", secret.replace('\'', "''"));
        let target = read(&quoted);
        prop_assert_eq!(password(&target), &secret);
        let encoded: String = secret.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let target = read(&format!("mssql://u:{encoded}@h/d"));
        prop_assert_eq!(password(&target), &secret);
    }
}
