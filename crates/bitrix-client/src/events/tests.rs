//! Tests of reading events.

use proptest::prelude::*;
use secrecy::ExposeSecret;
use url::form_urlencoded::Serializer;

use super::*;

fn form(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut form = Serializer::new(String::new());
    form.extend_pairs(fields);
    form.finish().into_bytes()
}

/// An event as the vendor's documentation shows one, with its brackets unencoded.
const DOCUMENTED: &[u8] =
    b"event=ONCRMDEALUPDATE&event_handler_id=685&data[FIELDS][ID]=759&ts=1725364531&auth[domain]=portal.example\
      &auth[client_endpoint]=https%3A%2F%2Fportal.example%2Frest%2F&auth[member_id]=m1&auth[application_token]=t0k3n";

#[test]
fn a_documented_event_is_read_whole() {
    let event = OutgoingEvent::parse(DOCUMENTED).unwrap();
    assert_eq!(event.event, "ONCRMDEALUPDATE");
    assert_eq!(event.object_id, Some(759));
    assert_eq!(event.handler_id, Some(685));
    assert_eq!(event.ts, Some(1_725_364_531));
    assert_eq!(event.domain.as_deref(), Some("portal.example"));
    assert_eq!(event.member_id.as_deref(), Some("m1"));
    assert_eq!(event.application_token.unwrap().expose_secret(), "t0k3n");
}

#[test]
fn encoded_brackets_mean_the_same() {
    let body = form(&[("data[FIELDS][ID]", " 759 "), ("event", "OnCrmDealAdd")]);
    assert!(body.starts_with(b"data%5BFIELDS%5D"));
    let event = OutgoingEvent::parse(&body).unwrap();
    assert_eq!(
        (event.event.as_str(), event.object_id),
        ("ONCRMDEALADD", Some(759))
    );
}

#[test]
fn the_fields_after_a_change_serve_when_there_are_no_others() {
    let after = ("data[FIELDS_AFTER][ID]", "7");
    let event = OutgoingEvent::parse(&form(&[("event", "E"), after])).unwrap();
    assert_eq!(event.object_id, Some(7));
    let event = OutgoingEvent::parse(&form(&[("data[FIELDS][ID]", "8"), after, ("event", "E")])).unwrap();
    assert_eq!(event.object_id, Some(8));
}

#[test]
fn what_is_no_identifier_is_none_and_no_error() {
    for value in ["", "0", "-3", "C_15", "7.5", "99999999999999999999"] {
        let body = form(&[("event", "E"), ("data[FIELDS][ID]", value)]);
        assert_eq!(OutgoingEvent::parse(&body).unwrap().object_id, None, "{value}");
    }
}

#[test]
fn names_that_only_resemble_a_field_are_ignored() {
    for name in [
        "data[FIELDS][ID",
        "data[FIELDS][ID][X]",
        "data[FIELDS][ID]x",
        "data[][FIELDS][ID]",
        "data.FIELDS.ID",
        "data[FIELDS][ID][1][2][3][4]",
        "[data][FIELDS][ID]",
        "xdata[FIELDS][ID]",
    ] {
        let body = form(&[("event", "E"), (name, "5")]);
        assert_eq!(OutgoingEvent::parse(&body).unwrap().object_id, None, "{name}");
    }
}

#[test]
fn an_empty_token_is_no_token() {
    let body = form(&[("event", "E"), ("auth[application_token]", "")]);
    assert!(OutgoingEvent::parse(&body).unwrap().application_token.is_none());
}

#[test]
fn the_last_of_several_fields_of_a_name_counts() {
    let event = OutgoingEvent::parse(b"event=A&event=B&&=&x").unwrap();
    assert_eq!(event.event, "B");
}

#[test]
fn what_is_no_event_is_named_without_its_contents() {
    let many = b"a=1&".repeat(MAX_EVENT_FIELDS + 1);
    let long = format!("event={}", "A".repeat(101)).into_bytes();
    for (body, expected) in [
        (&b""[..], EventError::NoCode),
        (b"auth[application_token]=s3cr3t", EventError::NoCode),
        (b"event=%20", EventError::NoCode),
        (b"event=%FF", EventError::NotUtf8),
        (b"event=A&x=\xff\xfe", EventError::NotUtf8),
        (b"event=A%0AB", EventError::BadCode),
        ("event=СДЕЛКА".as_bytes(), EventError::BadCode),
        (&long, EventError::BadCode),
        (&many, EventError::TooManyFields),
    ] {
        let error = OutgoingEvent::parse(body).unwrap_err();
        assert_eq!(error, expected);
        assert!(!error.to_string().contains("s3cr3t"));
    }
}

#[test]
fn debug_does_not_show_the_token() {
    let shown = format!("{:?}", OutgoingEvent::parse(DOCUMENTED).unwrap());
    assert!(!shown.contains("t0k3n"), "{shown}");
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..2000)) {
        if let Ok(event) = OutgoingEvent::parse(&body) {
            prop_assert!(!event.event.is_empty());
        }
    }

    #[test]
    fn bytes_of_a_form_never_panic(body in "[a-z%&=+\\[\\]0-9]{0,300}") {
        // Whatever comes out is an event or an error: both are fine.
        let read = OutgoingEvent::parse(body.as_bytes());
        prop_assert!(read.is_ok() || read.is_err_and(|error| error != EventError::TooManyFields));
    }

    #[test]
    fn what_is_written_is_read_in_any_order_and_among_anything(
        code in "[A-Z]{1,30}",
        id in 1..=i64::MAX,
        ts in any::<i64>(),
        domain in "[a-z.]{1,20}",
        token in "\\PC{1,40}",
        other in prop::collection::vec(("[a-zA-Z]{7,9}\\[[A-Z]{1,5}\\]", "\\PC{0,20}"), 0..10),
        seed in any::<prop::sample::Index>(),
    ) {
        let (id_text, ts_text) = (id.to_string(), ts.to_string());
        let mut fields: Vec<(&str, &str)> = other.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        fields.extend([
            ("event", code.as_str()),
            ("data[FIELDS][ID]", &id_text),
            ("ts", &ts_text),
            ("auth[domain]", &domain),
            ("auth[application_token]", &token),
        ]);
        let middle = seed.index(fields.len());
        fields.rotate_left(middle);
        let event = OutgoingEvent::parse(&form(&fields)).unwrap();
        prop_assert_eq!(event.event, code);
        prop_assert_eq!(event.object_id, Some(id));
        prop_assert_eq!(event.ts, Some(ts));
        prop_assert_eq!(event.domain, Some(domain));
        let read = event.application_token.map(|token| token.expose_secret().to_owned()).unwrap_or_default();
        prop_assert_eq!(read.as_str(), token.trim());
    }
}
