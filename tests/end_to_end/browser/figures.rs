//! The page of figures: what it shows, draws and gives as files is what plain SQL says of the same tables.

use serde_json::json;

use super::counted::{Choice, Counter, FORMULA, HOSTILE, PIPELINES, fill};
use super::figure_files::{compare_sheets, csv, download, serial, workbook};
use super::figure_page::{SHOWN, compare_charts, compare_numbers};
use super::{Browser, Look, Running, browse_as};
use crate::harness::{Database, Portal, SqliteFile, Workplace};

const LANGUAGES: [&str; 2] = ["en", "ru"];

/// Chooses in the form and sends it.
async fn choose(browser: &Browser, choice: &Choice) {
    let fill =
        "for (const [id, value] of Object.entries(arguments[0])) document.getElementById(id).value = value;";
    let values = json!({
        "pipeline": choice.pipeline.to_string(), "from": choice.from, "until": choice.until, "deals": choice.deals,
    });
    browser.script(fill, vec![values]).await;
    browser.follow("#picker button[type=submit]").await;
    assert_eq!(
        browser.path().await,
        format!(
            "/analysis?pipeline={}&from={}&until={}&deals={}",
            choice.pipeline, choice.from, choice.until, choice.deals
        ),
        "the choice can be kept as a bookmark"
    );
}

/// What the form says is chosen.
async fn chosen(browser: &Browser, deals: &'static str) -> Choice {
    let value = async |id: &str| {
        let script = "return document.getElementById(arguments[0]).value";
        let value = browser.script(script, vec![json!(id)]).await;
        value.as_str().expect("a value").to_owned()
    };
    assert_eq!(value("deals").await, deals);
    Choice {
        pipeline: value("pipeline").await.parse().expect("a pipeline"),
        from: value("from").await,
        until: value("until").await,
        deals,
    }
}

/// Tables that hold what [`fill`] makes and nothing else, and a program beside them that follows nothing.
fn filled(database: &SqliteFile) -> (Portal, Workplace, usize) {
    let portal = Portal::start(&["--deals", "20"]);
    let place = Workplace::new(&portal, database);
    place.run(&["migrate"]).expect_code(0);
    for switch in ["actualizer.enabled", "stage_list.interception"] {
        place.run(&["settings", "set", switch, "off"]).expect_code(0);
    }
    let moves = fill(&database.path());
    (portal, place, moves)
}

fn choices() -> Vec<Choice> {
    [
        (3, "2024-01-01", "2024-03-31", "entered"),
        (3, "2024-01-17", "2024-02-10", "visited"),
        (4, "2024-02-01", "2024-05-15", "entered"),
    ]
    .map(|(pipeline, from, until, deals)| Choice {
        pipeline,
        from: from.to_owned(),
        until: until.to_owned(),
        deals,
    })
    .to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_charts_and_files_are_what_plain_sql_says_in_both_languages() {
    let database = SqliteFile::new();
    let (_portal, place, moves) = filled(&database);
    let counter = Counter::of(&database.path());
    let run = Running::start(&place);
    for language in LANGUAGES {
        let look = Look {
            languages: language,
            ..Look::default()
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        browse_as(look, async |browser| {
            let files = json!({ "behavior": "allow", "downloadPath": folder.path() });
            browser.command("Browser.setDownloadBehavior", files).await;

            // Without a choice: the pipeline that moved last, and all its time
            browser.open(&run.url("/analysis")).await;
            let usual = chosen(browser, "entered").await;
            assert_eq!(usual.pipeline, counter.latest_pipeline());
            assert_eq!(usual.from, counter.first_day(usual.pipeline));
            let before = counter.figures(&usual);
            browser.open(&run.url("/analysis")).await;
            let shown = browser.script(SHOWN, Vec::new()).await;
            compare_numbers(&shown, &[before, counter.figures(&usual)], language);

            let mut seen = Vec::new();
            for choice in choices() {
                let before = counter.figures(&choice);
                choose(browser, &choice).await;
                let shown = browser.script(SHOWN, Vec::new()).await;
                let around = [before, counter.figures(&choice)];
                assert!(around[0].passages > 10, "there is something to count: {choice:?}");
                assert_eq!(
                    chosen(browser, choice.deals).await,
                    choice,
                    "the form says what is shown"
                );
                compare_numbers(&shown, &around, language);
                compare_charts(&shown, &around, language);
                assert!(
                    !seen.contains(&shown["tables"]),
                    "another choice shows other numbers"
                );
                seen.push(shown["tables"].clone());

                let before = counter.figures(&choice);
                let mut sheets = Vec::new();
                for link in ["funnel.csv", "days.csv", "weeks.csv"] {
                    sheets.push(csv(&download(browser, folder.path(), link, &choice).await));
                }
                let book = workbook(&download(browser, folder.path(), "figures.xlsx", &choice).await);
                let around = [before, counter.figures(&choice)];
                let guarded = format!("'{FORMULA}");
                let [funnel, days, weeks] = [0, 1, 2].map(|at| &sheets[at]);
                compare_sheets([funnel, days, weeks], &around, &guarded, 0.000_051, str::to_owned);
                let [funnel, days, weeks] = [0, 1, 2].map(|at| &book[at]);
                compare_sheets([funnel, days, weeks], &around, FORMULA, 0.000_000_1, serial);
            }
            browser.no_complaints(&[]).await;
        })
        .await;
    }
    run.stop();
    assert_eq!(
        database.count("CRM_STAGE_HISTORY_TEST"),
        moves,
        "nobody else wrote"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_fit_a_phone_and_names_are_text() {
    let database = SqliteFile::new();
    let (_portal, place, _) = filled(&database);
    let run = Running::start(&place);
    for language in LANGUAGES {
        let look = Look {
            languages: language,
            ..Look::default()
        };
        browse_as(look, async |browser| {
            for (width, dark) in [(360, true), (390, false), (1280, false)] {
                browser.screen(width, 800, dark).await;
                for pipeline in PIPELINES {
                    let path = format!("/analysis?pipeline={pipeline}&from=2024-01-01&until=2024-05-15");
                    browser.open(&run.url(&path)).await;
                    let sizes = "const wide = document.documentElement.scrollWidth; \
                                 const out = [...document.querySelectorAll('main svg, main table, main form')].filter(part => \
                                 part.getBoundingClientRect().right > innerWidth && !part.closest('.scroll')).map(part => part.id); \
                                 return [wide <= innerWidth, out]";
                    let sizes = browser.script(sizes, Vec::new()).await;
                    assert_eq!(sizes, json!([true, []]), "{path} on {width}");
                    assert_eq!(super::looks::faults(browser).await, Vec::<String>::new(), "{path}, {width}");
                    assert_eq!(browser.count("main svg.chart").await, 4);
                }
                let path = "/analysis?pipeline=3&from=2024-01-01&until=2024-05-15";
                browser.open(&run.url(path)).await;
                let name = browser.text("#funnel-numbers [data-stage='C3:TALK'] th").await;
                assert_eq!(name, HOSTILE);
            }
            let (title, funnel) = match language {
                "ru" => ("Аналитика", "Воронка"),
                _ => ("Analysis", "Funnel"),
            };
            assert_eq!(browser.text("h1").await, title);
            assert_eq!(browser.text("#funnel-heading").await, funnel);
            browser.no_complaints(&[]).await;
        })
        .await;
    }
    run.stop();
}
