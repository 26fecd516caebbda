//! What the clients of the other tests do not send: prepared statements, resets, attentions without a request,
//! broken messages.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::codec::packet::{header, kind, read_message};
use crate::codec::reader::Reader;
use crate::codec::{types, values};
use crate::{Options, TestServer, Value};

/// A client that sends bytes and reads tokens.
struct Raw {
    socket: TcpStream,
}

/// What an answer holds.
#[derive(Debug, Default, PartialEq)]
struct Answer {
    rows: Vec<Vec<Value>>,
    errors: Vec<i32>,
    outputs: Vec<Value>,
    /// Status bits of the last DONE.
    done: u16,
    changes: Vec<u8>,
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn login(user: &str, password: &str, database: &str) -> Vec<u8> {
    let scrambled: Vec<u8> = utf16(password).iter().map(|b| b.rotate_left(4) ^ 0xa5).collect();
    let fields = [
        Vec::new(),
        utf16(user),
        scrambled,
        utf16("raw"),
        Vec::new(),
        Vec::new(),
        Vec::new(),
        Vec::new(),
        utf16(database),
    ];
    let mut head = Vec::new();
    let mut body: Vec<u8> = Vec::new();
    for field in fields {
        head.extend(u16::try_from(94 + body.len()).expect("short").to_le_bytes());
        head.extend(u16::try_from(field.len() / 2).expect("short").to_le_bytes());
        body.extend(field);
    }
    let mut out = Vec::new();
    out.extend(u32::try_from(94 + body.len()).expect("short").to_le_bytes());
    out.extend(0x7400_0004u32.to_le_bytes());
    out.extend(4096u32.to_le_bytes());
    out.extend([0; 24]);
    out.extend(head);
    out.resize(94, 0);
    out.extend(body);
    out
}

impl Raw {
    async fn connect(server: &TestServer) -> Self {
        let socket = TcpStream::connect(server.address()).await.expect("it listens");
        let mut raw = Self { socket };
        // PRELOGIN that says nothing of encryption.
        raw.send(kind::PRELOGIN, 1, &[0xff]).await;
        read_message(&mut raw.socket)
            .await
            .expect("it is read")
            .expect("an answer");
        raw.send(kind::LOGIN, 1, &login("sa", "Passw0rd!", "test")).await;
        let answer = raw.answer().await.expect("logged in");
        assert_eq!(answer.errors, [5701]);
        raw
    }

    async fn send(&mut self, kind: u8, status: u8, data: &[u8]) {
        let mut packet = header(kind, true, data.len(), 0, 1).to_vec();
        packet[1] = status;
        packet.extend(data);
        self.socket.write_all(&packet).await.expect("it is sent");
    }

    async fn batch(&mut self, status: u8, sql: &str) -> Answer {
        let mut data = vec![4, 0, 0, 0];
        data.extend(utf16(sql));
        self.send(kind::BATCH, status, &data).await;
        self.answer().await.expect("an answer")
    }

    async fn call(&mut self, procedure: u16, parameters: &[Vec<u8>]) -> Answer {
        let mut data = vec![4, 0, 0, 0, 0xff, 0xff];
        data.extend(procedure.to_le_bytes());
        data.extend([0, 0]);
        data.extend(parameters.concat());
        self.send(kind::RPC, 1, &data).await;
        self.answer().await.expect("an answer")
    }

    async fn answer(&mut self) -> Option<Answer> {
        let message = read_message(&mut self.socket).await.ok()??;
        assert_eq!(message.kind, kind::RESPONSE);
        Some(tokens(&message.data))
    }
}

fn int(value: Option<i32>, output: bool) -> Vec<u8> {
    let mut out = vec![0, u8::from(output), 0x26, 4];
    match value {
        Some(n) => {
            out.push(4);
            out.extend(n.to_le_bytes());
        }
        None => out.push(0),
    }
    out
}

fn text(text: &str) -> Vec<u8> {
    let mut out = vec![0, 0, 0xe7, 0x40, 0x1f, 0x09, 0x04, 0xd0, 0x00, 0x34];
    out.extend(u16::try_from(text.len() * 2).expect("short").to_le_bytes());
    out.extend(utf16(text));
    out
}

fn tokens(data: &[u8]) -> Answer {
    let mut from = Reader::new(data);
    let mut out = Answer::default();
    let mut columns = Vec::new();
    while !from.is_empty() {
        match from.u8().expect("a token") {
            0x81 => {
                columns.clear();
                for _ in 0..from.u16().expect("a count") {
                    from.bytes(6).expect("user type and flags");
                    columns.push(types::decode(&mut from).expect("a type"));
                    from.b_varchar().expect("a name");
                }
            }
            0xd1 => out.rows.push(
                columns
                    .iter()
                    .map(|c| values::decode(&mut from, *c).expect("a value"))
                    .collect(),
            ),
            0xd2 => {
                let nulls = from.bytes(columns.len().div_ceil(8)).expect("a bitmap");
                let value = |(at, wire): (usize, _)| match nulls[at / 8] & (1u8 << (at % 8)) {
                    0 => values::decode(&mut from, wire).expect("a value"),
                    _ => Value::Null,
                };
                out.rows
                    .push(columns.iter().copied().enumerate().map(value).collect());
            }
            0xac => {
                from.u16().expect("an ordinal");
                from.b_varchar().expect("a name");
                from.bytes(7).expect("status, user type and flags");
                let wire = types::decode(&mut from).expect("a type");
                out.outputs
                    .push(values::decode(&mut from, wire).expect("a value"));
            }
            0x79 => {
                from.u32().expect("a status");
            }
            0xfd..=0xff => {
                out.done = from.u16().expect("a status");
                from.bytes(10).expect("command and count");
            }
            token => {
                let length = from.u16().expect("a length");
                let body = from.bytes(usize::from(length)).expect("a body");
                match token {
                    0xaa | 0xab => out.errors.push(Reader::new(body).i32().expect("a number")),
                    0xe3 => out.changes.push(body[0]),
                    _ => {}
                }
            }
        }
    }
    out
}

fn server() -> TestServer {
    TestServer::start(Options::default()).expect("it starts")
}

#[tokio::test]
async fn a_statement_is_prepared_run_and_forgotten() {
    let server = server();
    let mut raw = Raw::connect(&server).await;
    let prepared = raw
        .call(
            11,
            &[
                int(None, true),
                text("@a int"),
                text("SELECT @a + 1"),
                int(Some(1), false),
            ],
        )
        .await;
    let [Value::Int(handle)] = prepared.outputs[..] else {
        panic!("a handle, not {prepared:?}")
    };
    let handle = i32::try_from(handle).expect("an int");
    for n in [1, 41] {
        let run = raw
            .call(12, &[int(Some(handle), false), int(Some(n), false)])
            .await;
        assert_eq!(run.rows, [[Value::Int(i64::from(n) + 1)]]);
    }
    assert_eq!(
        raw.call(15, &[int(Some(handle), false)]).await.errors,
        [] as [i32; 0]
    );
    assert_eq!(
        raw.call(12, &[int(Some(handle), false), int(Some(1), false)])
            .await
            .errors,
        [8179]
    );
}

#[tokio::test]
async fn preparing_and_running_in_one_call_gives_rows_and_a_handle() {
    let server = server();
    let mut raw = Raw::connect(&server).await;
    let run = raw
        .call(
            13,
            &[
                int(None, true),
                text("@a int"),
                text("SELECT @a * 2"),
                int(Some(21), false),
            ],
        )
        .await;
    assert_eq!(run.rows, [[Value::Int(42)]]);
    assert_eq!(run.outputs, [Value::Int(1)]);
}

#[tokio::test]
async fn an_output_parameter_comes_back() {
    let server = server();
    let mut raw = Raw::connect(&server).await;
    let run = raw
        .call(10, &[text("SET @o = 7"), text("@o int OUTPUT"), int(None, true)])
        .await;
    assert_eq!(run.outputs, [Value::Int(7)]);
    assert_eq!(run.done & 2, 0);
}

#[tokio::test]
async fn a_procedure_this_server_does_not_know_is_refused() {
    let server = server();
    let mut raw = Raw::connect(&server).await;
    let refused = raw.call(2, &[int(None, true)]).await;
    assert_eq!(refused.errors, [40510]);
    assert_eq!(refused.done & 2, 2);
}

#[tokio::test]
async fn a_reset_takes_settings_temporary_tables_and_the_transaction_away() {
    const RESET: u8 = 0x09;
    let server = server();
    let mut raw = Raw::connect(&server).await;
    raw.batch(
        1,
        "SET XACT_ABORT ON; CREATE TABLE #t (a int); BEGIN TRAN; CREATE TABLE kept (a int)",
    )
    .await;
    let after = raw
        .batch(
            RESET,
            "SELECT @@TRANCOUNT, OBJECT_ID(N'tempdb..#t'), OBJECT_ID(N'kept')",
        )
        .await;
    assert_eq!(after.changes, [18]);
    assert_eq!(after.rows, [[Value::Int(0), Value::Null, Value::Null]]);
}

#[tokio::test]
async fn an_attention_without_a_request_is_acknowledged() {
    let server = server();
    let mut raw = Raw::connect(&server).await;
    raw.send(kind::ATTENTION, 1, &[]).await;
    assert_eq!(raw.answer().await.expect("an answer").done, 0x20);
    assert_eq!(raw.batch(1, "SELECT 1").await.rows, [[Value::Int(1)]]);
}

#[tokio::test]
async fn a_message_the_client_gave_up_halfway_is_forgotten() {
    const END_AND_IGNORE: u8 = 3;
    let server = server();
    let mut raw = Raw::connect(&server).await;
    raw.send(kind::BATCH, 0, &[4, 0, 0, 0, b'S', 0]).await;
    raw.send(kind::BATCH, END_AND_IGNORE, &[]).await;
    assert_eq!(raw.batch(1, "SELECT 1").await.rows, [[Value::Int(1)]]);
}

#[tokio::test]
async fn a_broken_message_ends_its_connection_and_no_other() {
    let server = server();
    let mut broken = Raw::connect(&server).await;
    let mut sound = Raw::connect(&server).await;
    broken
        .send(kind::RPC, 1, &[4, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 0, 0, 0, 0x99])
        .await;
    assert_eq!(broken.answer().await, None);
    assert_eq!(sound.batch(1, "SELECT 1").await.rows, [[Value::Int(1)]]);
}

#[tokio::test]
async fn bulk_data_that_nobody_announced_are_refused() {
    let server = server();
    let mut raw = Raw::connect(&server).await;
    raw.send(
        kind::BULK,
        1,
        &[0x81, 0, 0, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    )
    .await;
    assert_eq!(raw.answer().await.expect("an answer").errors, [4002]);
}
