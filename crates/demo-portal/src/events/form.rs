//! The body of an event, as PHP's `http_build_query` writes it.

use std::net::SocketAddr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Event;

/// What PHP's `urlencode` leaves as it is, letters and digits aside; a space becomes `+` afterwards.
const PHP: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');
/// Where the vendor's own server is, whatever the portal.
const VENDOR: &str = "https://oauth.bitrix.info/rest/";

/// Who sends: the `auth` of every event.
#[derive(Clone)]
pub(crate) struct Sender {
    /// All of `auth`, encoded.
    auth: String,
}

impl Sender {
    /// The portal at an address, known to its handler by a token.
    pub(crate) fn new(portal: SocketAddr, seed: u64, application_token: &str) -> Self {
        let mut auth = String::new();
        let client = format!("http://{portal}/rest/");
        // Thirty-two hexadecimal digits name a portal for good.
        let member = format!("{:016x}{seed:016x}", seed ^ 0x6d65_6d62_6572_6964);
        for (key, value) in [
            ("auth[domain]", portal.to_string().as_str()),
            ("auth[client_endpoint]", &client),
            ("auth[server_endpoint]", VENDOR),
            ("auth[member_id]", &member),
            ("auth[application_token]", application_token),
        ] {
            add(&mut auth, key, value);
        }
        Self { auth }
    }

    /// The body of an event sent at a moment (Unix seconds).
    pub(crate) fn body(&self, event: &Event, sent_at: i64) -> String {
        let mut body = String::with_capacity(256 + self.auth.len());
        add(&mut body, "event", event.code());
        add(&mut body, "event_handler_id", &event.handler_id().to_string());
        add(&mut body, "data[FIELDS][ID]", &event.id().to_string());
        if let Event::DealMovedToPipeline { pipeline, stage, .. } = event {
            add(&mut body, "data[FIELDS][CATEGORY_ID]", &pipeline.to_string());
            add(&mut body, "data[FIELDS][STAGE_ID]", stage);
        }
        add(&mut body, "ts", &sent_at.to_string());
        body.push('&');
        body.push_str(&self.auth);
        body
    }
}

fn add(form: &mut String, key: &str, value: &str) {
    if !form.is_empty() {
        form.push('&');
    }
    for (at, text) in [key, value].into_iter().enumerate() {
        if at == 1 {
            form.push('=');
        }
        for (word_at, word) in text.split(' ').enumerate() {
            if word_at > 0 {
                form.push('+');
            }
            form.extend(utf8_percent_encode(word, PHP));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_reads_as_one_recorded_from_a_portal() {
        let sender = Sender::new(
            SocketAddr::from(([127, 0, 0, 1], 8940)),
            1,
            "0zhkhllfzn5z & ~\u{1f49e}",
        );
        let moved = Event::DealMovedToPipeline {
            deal: 759,
            pipeline: 3,
            stage: "C3:NEW".into(),
        };
        assert_eq!(
            sender.body(&moved, 1_739_049_397),
            "event=ONCRMDEALMOVETOCATEGORY&event_handler_id=507&data%5BFIELDS%5D%5BID%5D=759\
             &data%5BFIELDS%5D%5BCATEGORY_ID%5D=3&data%5BFIELDS%5D%5BSTAGE_ID%5D=C3%3ANEW&ts=1739049397\
             &auth%5Bdomain%5D=127.0.0.1%3A8940&auth%5Bclient_endpoint%5D=http%3A%2F%2F127.0.0.1%3A8940%2Frest%2F\
             &auth%5Bserver_endpoint%5D=https%3A%2F%2Foauth.bitrix.info%2Frest%2F\
             &auth%5Bmember_id%5D=6d656d62657269650000000000000001\
             &auth%5Bapplication_token%5D=0zhkhllfzn5z+%26+%7E%F0%9F%92%9E"
        );
    }
}
