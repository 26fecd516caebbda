//! Events as a portal sends them, over a plain socket, and what the state keeps of them.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

/// A port that nobody listens on now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address").port()
}

/// The body of an event about a deal.
pub(crate) fn event(deal: i64, token: &str) -> String {
    format!(
        "event=ONCRMDEALUPDATE&event_handler_id=1&data%5BFIELDS%5D%5BID%5D={deal}&ts=1725364531\
         &auth%5Bdomain%5D=portal.example&auth%5Bapplication_token%5D={token}"
    )
}

/// Posts a body to `/events` on this port. The status of the answer, and all of its text; `None` when there was no whole answer.
pub(crate) fn post(port: u16, body: &str) -> Option<(u16, String)> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut stream = TcpStream::connect(address).ok()?;
    // Nothing holds an answer back as long; a test that waits for ever tells nothing.
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    let head = "Host: x\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded";
    let length = body.len();
    write!(
        stream,
        "POST /events HTTP/1.1\r\n{head}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    // A head that is cut off is no answer.
    answer.contains("\r\n\r\n").then_some((status, answer))
}

/// The deals of which a state holds an event, read past the program. None while there is no state, or no table in it.
pub(crate) fn keys_of_events(state: &Path, condition: &str) -> BTreeSet<String> {
    if !state.exists() {
        return BTreeSet::new();
    }
    let connection = Connection::open(state).expect("the state opens");
    connection
        .busy_timeout(Duration::from_secs(5))
        .expect("a time-out");
    let sql = format!("SELECT key FROM agents WHERE name = 'history.deal' AND {condition}");
    let Ok(mut statement) = connection.prepare(&sql) else {
        return BTreeSet::new();
    };
    statement
        .query_map([], |row| row.get(0))
        .expect("the events can be read")
        .collect::<Result<_, _>>()
        .expect("every event can be read")
}
