//! `check`: is everything reachable, allowed and migrated?

use std::sync::Arc;

use bitrix_client::Client;
use exchange::NoSwitches;
use serde::Serialize;
use store::{FoundView, Store, ViewStep, planner, views};
use table_map::ViewMap;

use crate::config::{Config, ConfigFailure};
use crate::exit::{DONE, FAILED, chain};
use crate::output;
use crate::printing::say;
use crate::shared_bucket;
use crate::wiring::{self, NoDatabase, Parts};

/// One question and its answer.
#[derive(Debug, Serialize)]
struct Answer {
    about: &'static str,
    ok: bool,
    text: String,
    /// Worth knowing, though all works without it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    note: bool,
}

impl Answer {
    fn mark(&self) -> &'static str {
        match (self.ok, self.note) {
            (true, false) => "ok",
            (true, true) => "NOTE",
            (false, _) => "WRONG",
        }
    }
}

/// Seconds by which the portal's clock may differ from ours before we speak of it.
const CLOCK_TOLERANCE: i64 = 120;

/// How often a call is tried: once more than once, so that a passing fault is not taken for a portal that is away.
const ATTEMPTS: u32 = 2;

pub(crate) async fn run(config: &Config, as_json: bool) -> anyhow::Result<u8> {
    let mut answers = Answers(Vec::new());
    let client = wiring::portal_with(config, ATTEMPTS)?;
    let is_new = !config.state.path.exists();
    let bucket = shared_bucket::visit(config, &client).await;
    match wiring::existing_target(config) {
        Ok(store) => {
            // What is wrong with the configuration ends the command before anything is asked.
            let parts = Parts::with(config, client.clone(), store, Arc::new(NoSwitches))?;
            portal(&client, &config.portal.pipelines, &mut answers).await;
            target(&parts, &mut answers).await;
        }
        Err(error) if error.is::<ConfigFailure>() => return Err(error),
        Err(error) => {
            portal(&client, &config.portal.pipelines, &mut answers).await;
            let text = match error.downcast_ref::<NoDatabase>() {
                Some(missing) => missing.to_string(),
                None => format!("{} (target.url)", chain(&error)),
            };
            answers.wrong("target", text);
        }
    }
    match wiring::state(config) {
        Ok(state) => {
            if bucket.is_some() || is_new {
                shared_bucket::leave(&state, &client).await;
            }
            answers.ok("state", format!("{} can be written", state.path().display()));
        }
        Err(error) => answers.wrong("state", chain(&error)),
    }
    let all_well = answers.0.iter().all(|answer| answer.ok);
    if as_json {
        output::json(&answers.0)?;
    } else {
        for answer in &answers.0 {
            say!("{:<6} {:<9} {}", answer.mark(), answer.about, answer.text);
        }
    }
    Ok(if all_well { DONE } else { FAILED })
}

struct Answers(Vec<Answer>);

impl Answers {
    fn ok(&mut self, about: &'static str, text: impl Into<String>) {
        self.add(about, true, false, text);
    }

    fn note(&mut self, about: &'static str, text: impl Into<String>) {
        self.add(about, true, true, text);
    }

    fn wrong(&mut self, about: &'static str, text: impl Into<String>) {
        self.add(about, false, false, text);
    }

    fn add(&mut self, about: &'static str, ok: bool, note: bool, text: impl Into<String>) {
        self.0.push(Answer {
            about,
            ok,
            text: text.into(),
            note,
        });
    }
}

async fn portal(portal: &Client, wanted: &[i64], answers: &mut Answers) {
    match portal.server_time().await {
        Ok(time) => {
            let difference = (time.to_utc() - agent::Clock::now(&agent::SystemClock)).num_seconds();
            let mut text = format!("{} answers", portal.config().webhook);
            if difference.abs() > CLOCK_TOLERANCE {
                text.push_str(&format!("; its clock and ours differ by {difference} s"));
            }
            answers.ok("portal", text);
        }
        Err(error) => {
            let secret = error.code() == Some("INVALID_CREDENTIALS");
            let mut text = chain(&error.into());
            if secret {
                text.push_str(
                    ". The secret in portal.webhook_url may be wrong, or the webhook was deleted: compare it with the portal's",
                );
            }
            answers.wrong("portal", text);
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
            let unknown: Vec<String> = wanted
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
                    match plan.steps().len() {
                        1 => format!("{table} lacks one thing; `stage-exchange migrate` adds it"),
                        many => format!("{table} lacks {many} things; `stage-exchange migrate` adds them"),
                    },
                ),
                Err(clashes) => answers.wrong("table", clashes.to_string()),
            },
            Err(error) => answers.wrong("table", chain(&error.into())),
        }
    }
    for view in parts.exchanges.iter().flat_map(|exchange| exchange.views()) {
        look_at_view(store.as_ref(), &view, answers).await;
    }
}

/// A view is an extra: what keeps it away is worth a note, and the tables are none the worse for it.
async fn look_at_view(store: &dyn Store, view: &ViewMap, answers: &mut Answers) {
    let name = view.name();
    let found = match store.inspect_view(view).await {
        Ok(found) => found,
        Err(error) => return answers.note("view", format!("{name}: {}", chain(&error.into()))),
    };
    match views::plan_view(view, &found) {
        Err(clash) => answers.note("view", clash.to_string()),
        Ok(plan) => match plan.step() {
            None if found == FoundView::Hidden => answers.ok(
                "view",
                format!("{name} is there; its definition cannot be seen, so whoever made it looks after it"),
            ),
            None => answers.ok("view", format!("{name} is as it should be")),
            Some(ViewStep::Create) => answers.note(
                "view",
                format!(
                    "{name} is not there yet; `stage-exchange migrate` makes it after the tables, and `run` does. The tables work \
                     without it"
                ),
            ),
            Some(_) => answers.note(
                "view",
                format!("{name} has an older definition; `stage-exchange migrate` makes it anew, and `run` does"),
            ),
        },
    }
}
