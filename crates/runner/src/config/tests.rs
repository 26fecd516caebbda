//! Tests of the layers, the origins, and the shipped file.

use std::path::Path;

use secrecy::ExposeSecret;

use super::*;

/// A folder with files, variables and flags.
#[derive(Default)]
struct Given {
    folder: Option<tempfile::TempDir>,
    variables: Vec<(String, String)>,
    global: GlobalOptions,
}

impl Given {
    fn file(mut self, name: &str, content: &str) -> Self {
        let folder = self.folder.get_or_insert_with(|| tempfile::tempdir().unwrap());
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.as_ref().unwrap().path().join(name)
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables
            .push((format!("STAGE_EXCHANGE_{name}"), value.to_owned()));
        self
    }

    fn set(mut self, pair: &str) -> Self {
        self.global.set.push(pair.to_owned());
        self
    }

    fn load(&self) -> Result<Config, ConfigFailure> {
        let nowhere = Path::new("/nonexistent");
        let folder = self.folder.as_ref().map_or(nowhere, tempfile::TempDir::path);
        Config::load(&self.global, folder, self.variables.clone())
    }

    #[track_caller]
    fn fails(&self) -> String {
        self.load().expect_err("it must be refused").to_string()
    }
}

#[test]
fn without_anything_the_defaults_hold() {
    let config = Given::default().load().unwrap();
    assert_eq!(config.environment, Environment::Prod);
    assert!(config.portal.webhook_url.is_none());
    assert!(config.portal.pipelines.is_empty());
    assert_eq!(config.portal.requests_per_second, 2.0);
    assert_eq!(config.portal.burst, 50);
    assert_eq!(config.portal.operating_limit_seconds, 480.0);
    assert!(!config.portal.allow_http);
    assert!(config.target.url.is_none());
    assert_eq!(config.target.timezone, "UTC");
    assert_eq!(config.agents.workers, 4);
}

#[test]
fn each_layer_lies_over_those_below_it() {
    let burst = |given: &Given| given.load().unwrap().portal.burst;
    let given = Given::default().file(
        "config/default.toml",
        "environment = \"DEV\"\n[portal]\nburst = 1\n",
    );
    assert_eq!(burst(&given), 1);
    let given = given.file("config/dev.toml", "[portal]\nburst = 2\n");
    assert_eq!(burst(&given), 2);
    let mut given = given.file("more.toml", "[portal]\nburst = 3\n");
    given.global.config = Some(given.path("more.toml"));
    assert_eq!(burst(&given), 3);
    let given = given.variable("PORTAL__BURST", "4");
    assert_eq!(burst(&given), 4);
    let given = given.set("portal.burst=5").set("portal.burst=6");
    assert_eq!(burst(&given), 6);
    // What a layer does not speak of stays as it was.
    assert_eq!(given.load().unwrap().portal.operating_limit_seconds, 480.0);
}

#[test]
fn the_environments_file_is_chosen_by_whatever_names_the_environment_last() {
    let given = Given::default()
        .file("config/default.toml", "environment = \"DEV\"\n")
        .file("config/dev.toml", "[portal]\nburst = 2\n")
        .file("config/test.toml", "[portal]\nburst = 3\n")
        .file("config/prod.toml", "[portal]\nburst = 4\n");
    assert_eq!(given.load().unwrap().portal.burst, 2);
    let mut given = given.variable("ENVIRONMENT", "test");
    assert_eq!(given.load().unwrap().portal.burst, 3);
    given.global.environment = Some("Prod".to_owned());
    let config = given.load().unwrap();
    assert_eq!((config.environment, config.portal.burst), (Environment::Prod, 4));
}

#[test]
fn an_environments_file_that_names_another_environment_is_refused() {
    let given = Given::default().file("config/prod.toml", "environment = \"TEST\"\n");
    let told = given.fails();
    assert!(
        told.contains("environment: the file for PROD names another environment, TEST"),
        "{told}"
    );
    assert!(told.contains("prod.toml"), "{told}");
}

#[test]
fn pipelines_are_written_as_a_list_as_one_or_with_commas() {
    let pipelines = |text: &str| {
        Given::default()
            .variable("PORTAL__PIPELINES", text)
            .load()
            .unwrap()
            .portal
            .pipelines
    };
    assert_eq!(pipelines("[0, 3]"), [0, 3]);
    assert_eq!(pipelines("3"), [3]);
    assert_eq!(pipelines("3,5"), [3, 5]);
    assert_eq!(pipelines(" 3 , 5 ,"), [3, 5]);
    assert!(pipelines("").is_empty());
    assert!(pipelines("[]").is_empty());
    for wrong in [
        "x",
        "[3, x]",
        "3;5",
        "-1",
        "[-1]",
        "1.5",
        "true",
        "[[3]]",
        "99999999999999999999",
    ] {
        let told = Given::default().variable("PORTAL__PIPELINES", wrong).fails();
        assert_eq!(
            told,
            "configuration: portal.pipelines: write a list of pipeline ids, like [0, 3]; empty means all \
             (from the variable STAGE_EXCHANGE_PORTAL__PIPELINES)",
            "{wrong}"
        );
    }
}

#[test]
fn a_wrong_key_or_value_is_told_with_its_origin() {
    let file = |content: &str| Given::default().file("config/default.toml", content).fails();
    let variable = |name: &str, value: &str| Given::default().variable(name, value).fails();
    let set = |pair: &str| Given::default().set(pair).fails();

    let told = file("[portal]\nbrust = 4\n");
    assert!(
        told.starts_with("configuration: portal.brust: there is no such key; here there are webhook_url,"),
        "{told}"
    );
    assert!(told.ends_with("config/default.toml)"), "{told}");
    let told = file("[portal]\nburst = true\n");
    assert!(
        told.starts_with("configuration: portal.burst: the value is of the wrong type; write a whole number"),
        "{told}"
    );
    assert_eq!(
        variable("PORTAL__BURST", "0"),
        "configuration: portal.burst: write a whole number from 1 to 100000 (from the variable STAGE_EXCHANGE_PORTAL__BURST)"
    );
    assert_eq!(
        variable("PORTAL__ALLOW_HTTP", "yes"),
        "configuration: portal.allow_http: the value is of the wrong type; write true or false \
         (from the variable STAGE_EXCHANGE_PORTAL__ALLOW_HTTP)"
    );
    assert_eq!(
        variable("TARGET", "sqlite:x"),
        "configuration: target: the value is of the wrong type; write a section with keys of its own \
         (from the variable STAGE_EXCHANGE_TARGET)"
    );
    assert_eq!(
        set("uploader=fast"),
        "configuration: uploader: the value is of the wrong type; write a section with keys of its own (from --set)"
    );
    assert_eq!(
        set("panel.listen=127.0.0.1:80"),
        "configuration: panel: there is no such key; at the top there are environment, portal, target, state, agents, web, \
         stage_list, uploader, actualizer (from --set)"
    );
    for pair in [
        "portal.burst",
        "=5",
        ".burst=5",
        "portal..burst=5",
        "portal.=5",
        " =5",
    ] {
        assert_eq!(
            set(pair),
            "configuration: write --set KEY=VALUE (from --set)",
            "{pair}"
        );
    }
}

#[test]
fn a_file_that_is_no_toml_is_told_by_place_and_without_its_text() {
    let told = Given::default()
        .file(
            "config/default.toml",
            "[portal]\nwebhook_url = \"https://x/rest/1/geheim/\n",
        )
        .fails();
    assert!(
        told.starts_with("configuration: TOML parse error at line 2, column"),
        "{told}"
    );
    assert!(told.ends_with("config/default.toml)"), "{told}");
    assert!(!told.contains("geheim"), "{told}");
}

#[test]
fn a_variable_that_ends_in_file_names_a_file_whose_last_line_break_does_not_count() {
    let given = Given::default().file("secret", "https://x.example/rest/1/[geheim]/\r\n");
    let path = given.path("secret");
    let given = given.variable("PORTAL__WEBHOOK_URL_FILE", path.to_str().unwrap());
    let config = given.load().unwrap();
    let url = config.portal.webhook_url.as_ref().unwrap();
    assert_eq!(url.expose_secret(), "https://x.example/rest/1/[geheim]/");

    let told = Given::default()
        .variable("TARGET__URL_FILE", "/nonexistent/file")
        .fails();
    assert!(
        told.starts_with("configuration: target.url: cannot read the file \"/nonexistent/file\""),
        "{told}"
    );
    assert!(
        told.ends_with("(from the variable STAGE_EXCHANGE_TARGET__URL_FILE)"),
        "{told}"
    );
}

#[test]
fn values_that_may_hold_secrets_are_taken_as_they_are_written() {
    for text in ["12345", "true", "[a]", "{a=1}", "\"quoted\"", " spaced "] {
        let config = Given::default()
            .variable("TARGET__URL", text)
            .set(&format!("portal.webhook_url={text}"))
            .load()
            .unwrap();
        assert_eq!(config.target.url.as_ref().unwrap().expose_secret(), text);
        assert_eq!(config.portal.webhook_url.as_ref().unwrap().expose_secret(), text);
        assert!(!format!("{:?} {:?}", config.portal, config.target).contains("12345"));
    }
}

#[test]
fn variables_of_others_and_those_that_are_no_configuration_are_left_alone() {
    Given::default()
        .variable("LOG", "debug")
        .variable("LOG_FORMAT", "json")
        .variable("CONFIG", "x.toml")
        .variable("TEST_MSSQL", "mssql://…")
        .load()
        .unwrap();
    let others = [("HOME".to_owned(), "/root".to_owned())];
    Config::load(&GlobalOptions::default(), Path::new("/nonexistent"), others).unwrap();
}

#[test]
fn the_shipped_file_speaks_of_every_key_and_of_no_other() {
    // A key stands there with its default, or as a comment when it has none.
    let mut spoken_of = std::collections::BTreeSet::new();
    let mut section = String::new();
    for line in DEFAULTS.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = format!("{name}.");
        }
        let line = line.strip_prefix("# ").unwrap_or(line);
        if let Some((key, _)) = line.split_once(" = ")
            && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        {
            spoken_of.insert(format!("{section}{key}"));
        }
    }
    // What the program knows: it tells so when asked for a key that is not there.
    let mut known = std::collections::BTreeSet::from(["environment".to_owned()]);
    for section in OWN_SECTIONS.iter().copied().chain(plugin_sections()) {
        let global = GlobalOptions {
            set: vec![format!("{section}.no_such_key=1")],
            ..GlobalOptions::default()
        };
        known.extend(keys_of(section, &global));
    }
    assert_eq!(spoken_of, known);
}

/// The keys of a section, as the error about an unknown one tells them.
fn keys_of(section: &str, global: &GlobalOptions) -> Vec<String> {
    let told = match Config::load(global, Path::new("/nonexistent"), []) {
        Err(failure) => failure.to_string(),
        Ok(config) => {
            let client = crate::wiring::portal_or_placeholder(&config).unwrap();
            let store = std::sync::Arc::new(store_sqlite::SqliteStore::in_memory().unwrap());
            crate::wiring::Parts::with(&config, client, store, std::sync::Arc::new(exchange::NoSwitches))
                .err()
                .expect("an exchange refuses the key")
                .to_string()
        }
    };
    let known = told
        .split_once("there are ")
        .or_else(|| told.split_once("expected "))
        .unwrap_or_else(|| panic!("{section}: {told}"))
        .1;
    let known = known.split(" (from").next().unwrap_or_default();
    known
        .split([',', ' ', '`'])
        .filter(|word| !word.is_empty() && !["one", "of", "or"].contains(word))
        .map(|key| format!("{section}.{key}"))
        .collect()
}

#[test]
fn a_key_or_a_value_that_nests_beyond_reason_is_refused() {
    let key = format!("PORTAL{}", "__A".repeat(10_000));
    assert!(
        Given::default()
            .variable(&key, "1")
            .fails()
            .contains("no such key")
    );
    let pair = format!("portal{}=1", ".a".repeat(10_000));
    assert!(Given::default().set(&pair).fails().contains("no such key"));
    let value = "[".repeat(100_000);
    let said = Given::default().variable("PORTAL__PIPELINES", &value).fails();
    assert!(said.contains("portal.pipelines"), "{said}");
}

#[cfg(unix)]
#[test]
fn a_file_without_an_end_is_not_read_to_its_end() {
    let said = Given::default()
        .variable("PORTAL__WEBHOOK_URL_FILE", "/dev/zero")
        .fails();
    assert!(
        said.contains("portal.webhook_url") && said.contains("larger than"),
        "{said}"
    );
}
