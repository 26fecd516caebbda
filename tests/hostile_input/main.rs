//! Input from outside, made up at random: no panic, and no secret in anything that is shown.

mod probes;

use proptest::prelude::*;

/// Pieces of real inputs in the wrong places, and bytes of any kind between them.
fn pieces(words: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::sample::select(words).prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
        1 => "[ -~]{0,8}".prop_map(String::into_bytes),
        1 => "\\PC{0,4}".prop_map(String::into_bytes),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

const EVENT: &[&str] = &[
    "event=",
    "ONCRMDEALUPDATE",
    "&",
    "&&",
    "=",
    "[",
    "]",
    "%",
    "%5B",
    "%5D",
    "%00",
    "%FF",
    "+",
    "data[FIELDS][ID]=",
    "data%5BFIELDS_AFTER%5D%5BID%5D=",
    "auth[application_token]=",
    "auth[",
    "ts=",
    "759",
    "-1",
    "99999999999999999999999999",
    "\u{1}",
];

const ANSWER: &[&str] = &[
    "\n",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"result\":",
    "\"error\":",
    "\"error_description\":",
    "\"time\":",
    "\"items\":",
    "\"result_error\":",
    "\"result_time\":",
    "\"result_next\":",
    "\"result_total\":",
    "\"c00\":",
    "\"ID\":",
    "\"id\":",
    "\"OWNER_ID\":",
    "\"CREATED_TIME\":",
    "\"2024-04-25T14:59:11+00:00\"",
    "\"9999-12-31T23:59:59-23:59\"",
    "\"operating\":",
    "\"operating_reset_at\":",
    "\"finish\":",
    "1e400",
    "-1e308",
    "18446744073709551615",
    "9223372036854775808",
    "\"5\"",
    "null",
    "\"QUERY_LIMIT_EXCEEDED\"",
    "\"OVERLOAD_LIMIT\"",
    "\"OPERATION_TIME_LIMIT\"",
    "\"\\ud800\"",
    "<html>",
    "\u{1}",
];

const ADDRESS: &[&str] = &[
    "mssql://",
    "https://",
    "u:p@",
    "@",
    ":",
    "/",
    "//",
    "?",
    "&",
    "=",
    ";",
    "#",
    "%",
    "%40",
    "'",
    "\"",
    "\\",
    "{",
    "}",
    "[::1]",
    "host",
    "database",
    "1433",
    "99999",
    "encrypt=",
    "strict",
    "Password=",
    "Pwd=",
    "Server=",
    "tcp:",
    "User Id=",
    "rest/1/",
    "schema=",
    "connect_timeout=",
    "1e99s",
    "\u{1}",
    "\u{0}",
];

const CONFIGURATION: &[&str] = &[
    "\n",
    "\0",
    "[portal]\n",
    "[web]\n",
    "[[target]]\n",
    "environment",
    "portal",
    "portal.burst",
    " = ",
    "\"",
    "'",
    "[",
    "]",
    "{",
    "}",
    ",",
    ".",
    "1",
    "-1",
    "1e999",
    "99999999999999999999",
    "true",
    "nan",
    "PORTAL__BURST",
    "TARGET__TIMEZONE",
    "LOG",
    "__",
    "webhook_url",
    "application_token",
    "timezone",
    "#",
    "\\u0000",
    "\u{1}",
];

const SETTING: &[&str] = &[
    "on",
    "OFF",
    "fast",
    "gentle",
    "1",
    "h",
    "m",
    "s",
    "ms",
    "ns",
    "18446744073709551615",
    ".",
    "-",
    " ",
    "é",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn no_body_of_an_event_makes_the_program_panic_or_tell_its_token(data in pieces(EVENT)) {
        probes::event(&data);
    }

    #[test]
    fn no_answer_of_a_portal_makes_the_client_panic_or_tell_its_secret(status in any::<[u8; 2]>(), data in pieces(ANSWER)) {
        probes::answer(&[status.as_slice(), &data].concat());
    }

    #[test]
    fn no_webhook_makes_the_program_panic_or_tell_its_secret(data in pieces(ADDRESS)) {
        probes::webhook(&data);
    }

    #[test]
    fn no_address_of_a_database_makes_the_program_panic_or_tell_its_password(data in pieces(ADDRESS)) {
        probes::target(&data);
    }

    #[test]
    fn no_configuration_makes_the_program_panic_or_tell_its_secrets(data in pieces(CONFIGURATION)) {
        probes::configuration(&data);
    }

    #[test]
    fn no_setting_makes_the_program_panic(data in pieces(SETTING)) {
        probes::setting(&data);
    }
}

/// Nesting beyond any stack, in each place where something nests.
#[test]
fn nesting_without_end_is_borne_everywhere() {
    let deep = |open: &str, close: &str| [open.repeat(100_000), close.repeat(100_000)].concat();
    for (open, close) in [
        ("[", "]"),
        ("{\"result\":", "}"),
        ("{a=", "}"),
        ("a.", "b"),
        ("__A", ""),
        ("[", ""),
    ] {
        let text = deep(open, close);
        probes::event(format!("event=A&data{text}=1").as_bytes());
        probes::answer(format!("dd\n{{\"result\":{text}}}").as_bytes());
        probes::target(text.as_bytes());
        for place in 0..5 {
            let mut parts = vec![String::new(); 5];
            parts[place] = text.clone();
            probes::configuration(parts.join("\0").as_bytes());
            parts[place] = format!("portal.burst={text}");
            probes::configuration(parts.join("\0").as_bytes());
            parts[place] = format!("[web]\nx={text}");
            probes::configuration(parts.join("\0").as_bytes());
        }
    }
}

/// What coverage-guided runs have found, kept as they found it.
#[test]
fn what_was_found_before_stays_mended() {
    probes::answer(b"\x93\x0118446744073709551615\n{\"error\":\"OVERLOAD_LIMIT\"}");
    probes::answer(b"\x49\x0118446744073709551615\n{\"error\":\"OPERATION_TIME_LIMIT\"}");
    probes::webhook(b"https:6/..\\..\\../\x01/http/1/UUU/rest/9999999999999/1/tPX");
    probes::webhook(b"x/../../../%2E%2e/..\x01/rest/1/x/");
}
