use mssql_testkit::{Encrypt, Options, TestServer};
use tiberius::{AuthMethod, EncryptionLevel};

use crate::support::{config, connect, connect_with, int, server, text};

#[tokio::test]
async fn a_login_lands_in_its_database() {
    let server = server();
    let mut sql = connect(&server).await;
    assert_eq!(text(&mut sql, "SELECT DB_NAME()").await, "test");
    assert_eq!(text(&mut sql, "SELECT SUSER_SNAME()").await, "sa");
}

#[tokio::test]
async fn a_wrong_password_is_error_18456() {
    let server = server();
    let mut config = config(&server);
    config.authentication(AuthMethod::sql_server("sa", "wrong"));
    let error = connect_with(config).await.expect_err("the login fails");
    assert_eq!(error.code(), Some(18456));
}

#[tokio::test]
async fn an_unknown_database_is_error_4060() {
    let server = server();
    let mut config = config(&server);
    config.database("nowhere");
    let error = connect_with(config).await.expect_err("the login fails");
    assert_eq!(error.code(), Some(4060));
}

#[tokio::test]
async fn every_level_of_encryption_carries_queries() {
    let server = server();
    for level in [
        EncryptionLevel::NotSupported,
        EncryptionLevel::Off,
        EncryptionLevel::On,
        EncryptionLevel::Required,
    ] {
        let mut config = config(&server);
        config.encryption(level);
        config.trust_cert();
        let mut sql = connect_with(config)
            .await
            .unwrap_or_else(|e| panic!("{level:?}: {e}"));
        assert_eq!(
            int(&mut sql, "SELECT LEN(REPLICATE(N'x', 4000))").await,
            4000,
            "{level:?}"
        );
    }
}

#[tokio::test]
async fn the_servers_certificate_satisfies_a_client_that_checks_it() {
    let server = server();
    let file = tempfile::Builder::new()
        .suffix(".pem")
        .tempfile()
        .expect("a file");
    std::fs::write(file.path(), server.certificate_pem()).expect("it is written");
    let mut config = config(&server);
    config.host("localhost");
    config.encryption(EncryptionLevel::Required);
    config.trust_cert_ca(file.path().display());
    let mut sql = connect_with(config).await.expect("the certificate is trusted");
    assert_eq!(int(&mut sql, "SELECT 1").await, 1);
}

#[tokio::test]
async fn a_certificate_nobody_vouches_for_is_refused_by_the_client() {
    let server = server();
    let mut config = config(&server);
    config.encryption(EncryptionLevel::Required);
    assert!(connect_with(config).await.is_err());
}

#[tokio::test]
async fn a_server_that_demands_encryption_refuses_a_client_without() {
    let server = TestServer::start(Options {
        encrypt: Encrypt::On,
        ..Options::default()
    })
    .expect("it starts");
    assert!(connect_with(config(&server)).await.is_err());
    let mut encrypted = config(&server);
    encrypted.encryption(EncryptionLevel::Required);
    encrypted.trust_cert();
    connect_with(encrypted).await.expect("with encryption it goes");
}

#[tokio::test]
async fn a_server_without_encryption_is_refused_by_a_client_that_demands_it() {
    let server = TestServer::start(Options {
        encrypt: Encrypt::Off,
        ..Options::default()
    })
    .expect("it starts");
    let mut config = config(&server);
    config.encryption(EncryptionLevel::Required);
    config.trust_cert();
    assert!(connect_with(config).await.is_err());
}

#[tokio::test]
async fn packets_are_no_larger_than_the_server_allows() {
    let server = TestServer::start(Options {
        max_packet: 512,
        ..Options::default()
    })
    .expect("it starts");
    let mut sql = connect(&server).await;
    let long = "x".repeat(3000);
    let echoed = text(&mut sql, &format!("SELECT N'{long}'")).await;
    assert_eq!(echoed, long);
}

#[tokio::test]
async fn the_url_names_login_port_and_encryption() {
    let options = Options {
        user: "me".into(),
        password: "p@ss/1".into(),
        ..Options::default()
    };
    let server = TestServer::start(options).expect("it starts");
    let port = server.address().port();
    assert_eq!(
        server.url("test"),
        format!("mssql://me:p%40ss%2F1@127.0.0.1:{port}/test?encrypt=off")
    );
}

#[tokio::test]
async fn a_stopped_server_is_gone_and_its_port_free() {
    let server = server();
    let port = server.address().port();
    let mut sql = connect(&server).await;
    server.stop();
    assert!(sql.simple_query("SELECT 1").await.is_err() || sql.simple_query("SELECT 1").await.is_err());
    TestServer::start(Options {
        port,
        ..Options::default()
    })
    .expect("the port is free again");
}
