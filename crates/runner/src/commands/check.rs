//! `check`: is everything reachable, allowed and migrated?

use serde::Serialize;
use store::planner;

use crate::config::Config;
use crate::exit::{DONE, FAILED, chain};
use crate::output;
use crate::wiring::{self, Parts};

/// One question and its answer.
#[derive(Debug, Serialize)]
struct Answer {
    about: &'static str,
    ok: bool,
    text: String,
}

/// Seconds by which the portal's clock may differ from ours before we speak of it.
const CLOCK_TOLERANCE: i64 = 120;

pub(crate) async fn run(config: &Config, as_json: bool) -> anyhow::Result<u8> {
    let mut answers = Answers(Vec::new());
    let parts = Parts::new(config)?;
    portal(&parts, &mut answers).await;
    target(&parts, &mut answers).await;
    match wiring::state(config) {
        Ok(state) => answers.ok("state", format!("{} can be written", state.path().display())),
        Err(error) => answers.wrong("state", chain(&error)),
    }
    let all_well = answers.0.iter().all(|answer| answer.ok);
    if as_json {
        output::json(&answers.0)?;
    } else {
        for answer in &answers.0 {
            println!(
                "{} {:<8} {}",
                if answer.ok { "ok    " } else { "WRONG " },
                answer.about,
                answer.text
            );
        }
    }
    Ok(if all_well { DONE } else { FAILED })
}

struct Answers(Vec<Answer>);

impl Answers {
    fn ok(&mut self, about: &'static str, text: impl Into<String>) {
        self.0.push(Answer {
            about,
            ok: true,
            text: text.into(),
        });
    }

    fn wrong(&mut self, about: &'static str, text: impl Into<String>) {
        self.0.push(Answer {
            about,
            ok: false,
            text: text.into(),
        });
    }
}

async fn portal(parts: &Parts, answers: &mut Answers) {
    let portal = &parts.context.portal;
    match portal.server_time().await {
        Ok(time) => {
            let difference = (time.to_utc() - parts.context.clock.now()).num_seconds();
            let mut text = format!("{} answers", parts.context.portal_name);
            if difference.abs() > CLOCK_TOLERANCE {
                text.push_str(&format!("; its clock and ours differ by {difference} s"));
            }
            answers.ok("portal", text);
        }
        Err(error) => {
            answers.wrong("portal", chain(&error.into()));
            return;
        }
    }
    match portal.profile().await {
        Ok(profile) if profile.admin => answers.ok("rights", format!("user {} is an administrator", profile.id)),
        Ok(profile) => answers.wrong(
            "rights",
            format!(
                "the webhook's user {} has no admin rights; the portal leaves out, without a word, what this user may not \
                 read. Make the webhook as an administrator",
                profile.id
            ),
        ),
        Err(error) => answers.wrong("rights", chain(&error.into())),
    }
    match portal.categories().await {
        Ok(categories) => {
            let unknown: Vec<String> = parts
                .context
                .pipelines
                .iter()
                .filter(|wanted| !categories.iter().any(|category| category.id == **wanted))
                .map(i64::to_string)
                .collect();
            let there: Vec<String> = categories
                .iter()
                .map(|category| format!("{} {:?}", category.id, category.name))
                .collect();
            if unknown.is_empty() {
                answers.ok("pipelines", format!("the portal has {}", there.join(", ")));
            } else {
                answers.wrong(
                    "pipelines",
                    format!(
                        "the portal has no pipeline {}; it has {}. Correct portal.pipelines",
                        unknown.join(", "),
                        there.join(", ")
                    ),
                );
            }
        }
        Err(error) => answers.wrong("pipelines", chain(&error.into())),
    }
    match portal
        .stage_history_ids(&bitrix_client::HistoryQuery::default())
        .await
    {
        Ok(ids) if ids.is_empty() => {
            answers.ok("history", "the stage history can be read; it is empty");
        }
        Ok(_) => answers.ok("history", "the stage history can be read"),
        Err(error) => answers.wrong("history", chain(&error.into())),
    }
}

async fn target(parts: &Parts, answers: &mut Answers) {
    let store = &parts.context.store;
    match store.ping().await {
        Ok(version) => answers.ok("target", format!("{} answers: {version}", store.target())),
        Err(error) => {
            answers.wrong("target", chain(&error.into()));
            return;
        }
    }
    for map in parts.exchanges.iter().flat_map(|exchange| exchange.tables()) {
        let table = map.name();
        match store.inspect(&map).await {
            Ok(None) => answers.wrong(
                "table",
                format!("{table} is not there yet; `stage-exchange migrate` makes it, and so does the first upload"),
            ),
            Ok(Some(shape)) => match planner::plan(&map, Some(&shape)) {
                Ok(plan) if plan.is_empty() => answers.ok("table", format!("{table} is as it should be")),
                Ok(plan) => answers.wrong(
                    "table",
                    format!("{table} lacks {} things; `stage-exchange migrate` adds them", plan.steps().len()),
                ),
                Err(clashes) => answers.wrong("table", clashes.to_string()),
            },
            Err(error) => answers.wrong("table", chain(&error.into())),
        }
    }
}
