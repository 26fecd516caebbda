//! Somebody who uses the admin panel with a plain client: signs in, looks at pages, sends forms.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// What the panel answered.
pub(crate) struct Answered {
    pub(crate) status: u16,
    /// The status line and the headers, without the cookies that are set.
    pub(crate) head: String,
    pub(crate) body: String,
    cookies: Vec<String>,
}

/// Sends a form, or none, with these lines in the head of its request, and gives the whole answer.
pub(crate) fn ask(address: &str, first: &str, head: &[String], body: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the panel listens");
    let mut request = format!(
        "{first} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for line in head {
        request.push_str(&format!("{line}\r\n"));
    }
    if !head.iter().any(|line| line.starts_with("Host:")) {
        request.push_str(&format!("Host: {address}\r\n"));
    }
    request.push_str(&format!(
        "Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}"
    ));
    stream
        .write_all(request.as_bytes())
        .expect("the panel takes requests");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("the answer is text");
    text
}

/// A visitor with a browser's cookies and the form token of the page that was seen last.
pub(crate) struct Visitor {
    port: u16,
    cookies: Vec<(String, String)>,
    pub(crate) token: String,
}

impl Visitor {
    /// One who comes to the sign-in page.
    pub(crate) fn at_the_door(port: u16) -> Self {
        let mut visitor = Self {
            port,
            cookies: Vec::new(),
            token: String::new(),
        };
        let page = visitor.look("/sign-in");
        assert_eq!(page.status, 200, "{}", page.head);
        visitor
    }

    /// What a cookie holds.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        let found = self.cookies.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Looks at a page, and takes the token of its forms when it has one.
    pub(crate) fn look(&mut self, path: &str) -> Answered {
        let answered = self.send(&format!("GET {path}"), "");
        if let Some((_, rest)) = answered.body.split_once("name=\"token\" value=\"") {
            self.token = rest.split('"').next().expect("a value has an end").to_owned();
        }
        answered
    }

    /// Sends a form, with the token.
    pub(crate) fn send_form(&mut self, path: &str, fields: &[(&str, &str)]) -> Answered {
        let mut body = format!("token={}", self.token);
        for (name, value) in fields {
            let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
            body.push_str(&format!("&{name}={value}"));
        }
        self.send(&format!("POST {path}"), &body)
    }

    fn send(&mut self, first: &str, body: &str) -> Answered {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let head = [format!("Cookie: {}", cookies.join("; "))];
        let address = format!("127.0.0.1:{}", self.port);
        let answered = Answered::read(&ask(&address, first, &head, body));
        for cookie in &answered.cookies {
            let (name, value) = cookie.split_once('=').expect("a cookie has a name");
            self.cookies.retain(|(known, _)| known != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
        answered
    }
}

impl Answered {
    fn read(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let (mut kept, mut cookies) = (Vec::new(), Vec::new());
        for line in head.lines() {
            match line.split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("set-cookie") => {
                    cookies.push(value.split(';').next().unwrap_or_default().to_owned());
                }
                _ => kept.push(line),
            }
        }
        Self {
            status: status.expect("a status"),
            head: kept.join("\r\n"),
            body: body.to_owned(),
            cookies,
        }
    }
}
