//! Russian and English, chosen by the browser or by its user.

use super::{Look, Running, brought_over, browse_as};
use crate::harness::SqliteFile;

const PAGES: [(&str, &str, &str); 6] = [
    ("/", "Overview", "Обзор"),
    ("/switches", "Switches", "Переключатели"),
    ("/agents", "Agents", "Агенты"),
    ("/tables", "Tables", "Таблицы"),
    ("/stages", "Stages", "Стадии"),
    ("/analysis", "Analysis", "Аналитика"),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_browsers_language_is_spoken_until_another_is_chosen() {
    let database = SqliteFile::new();
    let (portal, place) = brought_over("40", &database);
    let stages = portal.truth().stages.len();
    let run = Running::start(&place);
    let russian = Look {
        languages: "ru-RU,ru,en",
        ..Look::default()
    };
    browse_as(russian, async |browser| {
        for (path, _, title) in PAGES {
            browser.open(&run.url(path)).await;
            assert_eq!(browser.text("h1").await, title);
            assert_eq!(
                browser
                    .script("return document.documentElement.lang", Vec::new())
                    .await,
                "ru"
            );
        }
        browser.open(&run.url("/")).await;
        let noun = match (stages % 10, stages % 100) {
            (_, 11..=14) => "стадий",
            (1, _) => "стадия",
            (2..=4, _) => "стадии",
            _ => "стадий",
        };
        browser
            .reads(
                "#exchange-stage-list .lead",
                &format!("Всё на месте: {stages} {noun}."),
            )
            .await;
        browser.reads("#exchange-history .lead", "; самому новому ").await;

        // Chosen on one page, it holds on all
        browser.open(&run.url("/tables")).await;
        browser.follow(".languages button[value=en]").await;
        assert_eq!(browser.path().await, "/tables");
        for (path, title, _) in PAGES {
            browser.open(&run.url(path)).await;
            assert_eq!(browser.text("h1").await, title);
            assert_eq!(
                browser
                    .script("return document.documentElement.lang", Vec::new())
                    .await,
                "en"
            );
        }
        browser
            .find(".languages button[value=en][aria-pressed=true]")
            .await;
        browser.no_complaints(&[]).await;
    })
    .await;
    run.stop();
}
