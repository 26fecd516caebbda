//! Bad input: what is wrong is named with its origin, the exit code is right, and nothing was touched.

use std::collections::BTreeMap;

use crate::harness::{Database, Move, Portal, SqliteFile, Workplace};

/// A wrong thing and the words that must be said about it.
struct Wrong {
    variables: &'static [(&'static str, &'static str)],
    files: &'static [(&'static str, &'static str)],
    arguments: &'static [&'static str],
    words: &'static [&'static str],
}

const fn variable(pair: &'static [(&'static str, &'static str)], words: &'static [&'static str]) -> Wrong {
    Wrong {
        variables: pair,
        files: &[],
        arguments: &["bulk", "history", "--wait"],
        words,
    }
}

const fn file(pair: &'static [(&'static str, &'static str)], words: &'static [&'static str]) -> Wrong {
    Wrong {
        variables: &[],
        files: pair,
        arguments: &["bulk", "history", "--wait"],
        words,
    }
}

const fn flags(arguments: &'static [&'static str], words: &'static [&'static str]) -> Wrong {
    Wrong {
        variables: &[],
        files: &[],
        arguments,
        words,
    }
}

/// Everything here is wrong usage or configuration.
const WRONG: &[Wrong] = &[
    // Keys that are not there
    variable(
        &[("NONSENSE", "1")],
        &[
            "nonsense: there is no such key",
            "at the top there are",
            "STAGE_EXCHANGE_NONSENSE",
        ],
    ),
    variable(
        &[("PORTAL__BRUST", "1")],
        &[
            "portal.brust: there is no such key",
            "burst",
            "STAGE_EXCHANGE_PORTAL__BRUST",
        ],
    ),
    variable(
        &[("UPLOADER__PASE", "fast")],
        &["uploader.pase", "pace", "STAGE_EXCHANGE_UPLOADER__PASE"],
    ),
    file(
        &[("config/test.toml", "[target]\ntimzone = \"UTC\"\n")],
        &["target.timzone: there is no such key", "config/test.toml"],
    ),
    file(
        &[("config/default.toml", "[stage_list]\nevery = \"5m\"\n")],
        &["stage_list.every", "interval", "config/default.toml"],
    ),
    flags(
        &["--set", "agents.wokers=1", "check"],
        &["agents.wokers: there is no such key", "--set"],
    ),
    // Values of a wrong type
    variable(
        &[("PORTAL__BURST", "many")],
        &["portal.burst", "a whole number", "STAGE_EXCHANGE_PORTAL__BURST"],
    ),
    file(
        &[("config/default.toml", "[portal]\nburst = -4\n")],
        &["portal.burst", "not negative", "config/default.toml"],
    ),
    file(
        &[("config/default.toml", "portal = 5\n")],
        &["portal", "a section", "config/default.toml"],
    ),
    flags(
        &["--set", "agents.workers=1.5", "check"],
        &["agents.workers", "a whole number", "--set"],
    ),
    flags(
        &["--set", "environment=1", "check"],
        &["environment", "a text", "--set"],
    ),
    variable(
        &[("PORTAL__WEBHOOK_URL_FILE", "/nonexistent/secret")],
        &[
            "portal.webhook_url: cannot read the file",
            "/nonexistent/secret",
            "STAGE_EXCHANGE_PORTAL__WEBHOOK_URL_FILE",
        ],
    ),
    // Values out of their range
    variable(
        &[("PORTAL__REQUESTS_PER_SECOND", "-1")],
        &[
            "portal.requests_per_second",
            "from 0 (no limit) to 100000",
            "STAGE_EXCHANGE_PORTAL__REQUESTS_PER_SECOND",
        ],
    ),
    variable(
        &[("PORTAL__REQUESTS_PER_SECOND", "nan")],
        &["portal.requests_per_second"],
    ),
    variable(&[("PORTAL__BURST", "0")], &["portal.burst", "from 1 to 100000"]),
    variable(
        &[("PORTAL__OPERATING_LIMIT_SECONDS", "86401")],
        &["portal.operating_limit_seconds", "from 0 (no limit) to 86400"],
    ),
    variable(
        &[("PORTAL__PIPELINES", "3,x")],
        &[
            "portal.pipelines",
            "a list of pipeline ids",
            "STAGE_EXCHANGE_PORTAL__PIPELINES",
        ],
    ),
    variable(
        &[("PORTAL__PIPELINES", "[-3]")],
        &["portal.pipelines", "a list of pipeline ids"],
    ),
    variable(
        &[("AGENTS__PARK_AFTER", "0")],
        &["agents.park_after", "from 1 on"],
    ),
    variable(&[("AGENTS__WORKERS", "0")], &["agents.workers", "from 1 to 64"]),
    variable(&[("STATE__PATH", "")], &["state.path", "name a file"]),
    variable(
        &[("TARGET__TIMEZONE", "Mars/Base")],
        &["target.timezone", "IANA", "STAGE_EXCHANGE_TARGET__TIMEZONE"],
    ),
    variable(
        &[("UPLOADER__PACE", "quick")],
        &["uploader.pace", "fast", "gentle", "STAGE_EXCHANGE_UPLOADER__PACE"],
    ),
    variable(
        &[("STAGE_LIST__INTERVAL", "5")],
        &["stage_list.interval", "5m", "STAGE_EXCHANGE_STAGE_LIST__INTERVAL"],
    ),
    variable(
        &[("STAGE_LIST__INTERVAL", "0s")],
        &["stage_list.interval", "longer than zero"],
    ),
    variable(
        &[("ENVIRONMENT", "QA")],
        &["environment", "PROD, TEST or DEV", "STAGE_EXCHANGE_ENVIRONMENT"],
    ),
    flags(
        &["--environment", "QA", "check"],
        &["environment", "PROD, TEST or DEV", "--environment"],
    ),
    // Addresses
    variable(&[("PORTAL__WEBHOOK_URL", "")], &["portal.webhook_url"]),
    variable(
        &[("PORTAL__WEBHOOK_URL", "portal.example")],
        &[
            "portal.webhook_url",
            "https://portal.example/rest/1/secret/",
            "STAGE_EXCHANGE_PORTAL__WEBHOOK_URL",
        ],
    ),
    variable(
        &[("PORTAL__WEBHOOK_URL", "http://portal.example/rest/1/geheim/")],
        &["portal.webhook_url", "https://", "portal.allow_http"],
    ),
    variable(
        &[("PORTAL__WEBHOOK_URL", "https://portal.example/rest/1/")],
        &["portal.webhook_url"],
    ),
    variable(
        &[("PORTAL__WEBHOOK_URL", "https://portal.example/rest/zero/geheim/")],
        &["portal.webhook_url", "user id"],
    ),
    variable(&[("TARGET__URL", "")], &["target.url"]),
    variable(&[("TARGET__URL", "sqlite:")], &["target.url", "path"]),
    variable(
        &[("TARGET__URL", "oracle://u:geheim@h/x")],
        &["target.url", "mssql://", "STAGE_EXCHANGE_TARGET__URL"],
    ),
    variable(
        &[("TARGET__URL", "mssql://u:geheim@host/db?encript=on")],
        &["target.url", "encript", "STAGE_EXCHANGE_TARGET__URL"],
    ),
    variable(
        &[("TARGET__URL", "mssql://u:geheim@host:port/db")],
        &["target.url"],
    ),
    // Files
    flags(
        &["--config", "nothing.toml", "check"],
        &["there is no file nothing.toml", "--config"],
    ),
    variable(
        &[("CONFIG", "nothing.toml")],
        &["there is no file nothing.toml", "STAGE_EXCHANGE_CONFIG"],
    ),
    file(
        &[(
            "config/default.toml",
            "[portal]\nwebhook_url = \"https://portal.example/rest/1/geheim/\n",
        )],
        &["line 2", "config/default.toml"],
    ),
    file(
        &[("config/test.toml", "[portal\n")],
        &["line 1", "config/test.toml"],
    ),
    // Words and flags of the command line
    flags(&["--set", "portal.burst", "check"], &["write --set KEY=VALUE"]),
    flags(&["--set", "=5", "check"], &["write --set KEY=VALUE"]),
    flags(&["--set", "portal.=5", "check"], &["write --set KEY=VALUE"]),
    flags(
        &["bulk", "leads", "--wait"],
        &["there is no exchange \"leads\"", "stage-list (mssqlStatusUpdate)"],
    ),
    flags(&["verify", "leads"], &["there is no exchange \"leads\""]),
    flags(
        &["agents", "run", "leads.upload"],
        &["there is no agent \"leads.upload\"", "history.upload"],
    ),
    flags(
        &["agents", "pause", "leads.upload"],
        &["there is no agent \"leads.upload\""],
    ),
    flags(&["bulk", "history", "--wat"], &["--wait"]),
    flags(&["bulk"], &["<EXCHANGE>"]),
    flags(&[], &["Usage:"]),
    flags(&["portal", "--faults", "2"], &["--faults", "from 0 to 1"]),
    flags(&["portal", "--page-time", "20"], &["--page-time", "30s"]),
    flags(&["portal", "--listen", "nowhere"], &["--listen"]),
    flags(&["demo", "--deals", "0"], &["--deals"]),
    flags(
        &["--log-format", "yaml", "status"],
        &["--log-format", "text, json"],
    ),
    variable(
        &[("LOG", "bitrix_client=loud")],
        &["STAGE_EXCHANGE_LOG", "bitrix_client=debug"],
    ),
    variable(&[("LOG_FORMAT", "yaml")], &["text, json"]),
];

/// What must not change: the table, and the state's record of the upload.
fn things(database: &SqliteFile, place: &Workplace) -> (BTreeMap<i64, Move>, String) {
    let upload = place.run(&["agents", "--json"]).expect_code(0).json();
    (database.moves("TEST"), upload.to_string())
}

#[test]
fn whatever_is_wrong_is_named_with_its_origin_and_nothing_is_touched() {
    let portal = Portal::start(&["--deals", "20"]);
    let database = SqliteFile::new();
    let place = Workplace::new(&portal, &database);
    place.run(&["bulk", "history", "--wait"]).expect_code(0);
    let before = things(&database, &place);

    let mut complaints = Vec::new();
    for wrong in WRONG {
        let mut place =
            Workplace::new(&portal, &database).with("STATE__PATH", place.state().to_str().unwrap());
        for (name, value) in wrong.variables {
            place = place.with(name, value);
        }
        for (name, content) in wrong.files {
            place.write(name, content);
        }
        let what = format!("{:?} {:?} {:?}", wrong.variables, wrong.files, wrong.arguments);

        let ended = place.run(wrong.arguments);

        let mut complain =
            |what_is_wrong: String| complaints.push(format!("{what}: {what_is_wrong}: {ended:?}"));
        if ended.code != Some(2) {
            complain("its exit code is not 2".to_owned());
        }
        for words in wrong.words.iter().filter(|words| !ended.stderr.contains(**words)) {
            complain(format!("{words:?} is not said"));
        }
        if ended.all().contains("geheim") {
            complain("a secret is told".to_owned());
        }
        if !ended.stdout.is_empty() {
            complain("something is on stdout".to_owned());
        }
    }

    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    assert_eq!(things(&database, &place), before);
}
