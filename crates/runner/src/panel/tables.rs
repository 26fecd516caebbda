//! The tables and the views as they are in the target, what a migration would do, and what verifications found.

use std::time::Duration;

use admin_panel::panel::facts::{
    FindingFacts, MendedFacts, PartFacts, PlanFacts, SampleFacts, TableFacts, VerificationFacts, ViewFacts,
    ViewState,
};
use agent::Failure;
use exchange::{Exchange, Finding, Mended, Portion};
use store::{FoundView, Step, ViewStep, planner, views};
use table_map::{TableMap, ViewMap};
use tokio::time::timeout;

use super::PanelDesk;
use super::facts::{PATIENCE, unreadable};
use super::verifying::{self, Part, Verified};
use crate::exit::chain;

impl PanelDesk {
    /// All tables.
    pub(super) async fn tables(&self) -> Result<Vec<TableFacts>, Failure> {
        let mut tables = Vec::new();
        for branch in &self.branches {
            let name = branch.exchange.name();
            let verified = verifying::results(&self.state, &self.context, name)
                .await
                .map_err(unreadable)?;
            let verifying = self.work_of(&verifying::agent_name(name)).await?;
            for map in branch.exchange.tables() {
                let mut facts = self.table_facts(name, &map).await;
                facts.verifications = verified
                    .iter()
                    .filter(|verified| verified.result.table == map.name())
                    .map(verification)
                    .collect();
                facts.verifying.clone_from(&verifying);
                tables.push(facts);
            }
        }
        Ok(tables)
    }

    async fn table_facts(&self, exchange: &str, map: &TableMap) -> TableFacts {
        let mut facts = TableFacts {
            name: map.name().to_owned(),
            exchange: exchange.to_owned(),
            exists: None,
            rows: None,
            columns: 0,
            indexes: 0,
            plan: PlanFacts::Unknown,
            notes: Vec::new(),
            error: None,
            verifications: Vec::new(),
            verifying: None,
        };
        let reading = self.readings.of(map, self.watch.away()).await;
        facts.exists = reading.exists;
        facts.rows = reading.rows;
        if let Some(away) = self.watch.away() {
            facts.error = Some(away);
            return facts;
        }
        let shape = match in_time(self.context.store.inspect(map)).await {
            Ok(shape) => shape,
            Err(error) => {
                facts.error = Some(error);
                return facts;
            }
        };
        facts.error = reading.error;
        facts.exists = Some(shape.is_some());
        if let Some(shape) = &shape {
            facts.columns = shape.columns.len();
            facts.indexes = shape.indexes.len();
        }
        let plan = match planner::plan(map, shape.as_ref()) {
            Ok(plan) => plan,
            Err(clashes) => {
                facts.plan = PlanFacts::Clash(clashes.to_string());
                return facts;
            }
        };
        facts.notes = plan
            .notes()
            .iter()
            .map(|note| format!("column {}: {}", note.column, note.text))
            .collect();
        facts.plan = if plan.is_empty() {
            PlanFacts::Nothing
        } else {
            PlanFacts::Steps {
                steps: plan.steps().iter().map(step).collect(),
                statements: self.context.store.statements(&plan).unwrap_or_default(),
            }
        };
        facts
    }

    /// The verification that tells most of an exchange's table now: the newest that compared all of it or found something wrong.
    pub(super) async fn telling_verification(
        &self,
        exchange: &dyn Exchange,
    ) -> Result<Option<VerificationFacts>, Failure> {
        let tables = exchange.tables();
        let is_of = |verified: &&Verified| tables.iter().any(|map| map.name() == verified.result.table);
        let verified = verifying::results(&self.state, &self.context, exchange.name())
            .await
            .map_err(unreadable)?;
        Ok(verified
            .iter()
            .filter(is_of)
            .map(verification)
            .find(|facts| facts.wrong() > 0 || facts.part.is_none() && facts.unfinished.is_none()))
    }

    /// All views.
    pub(super) async fn views(&self) -> Vec<ViewFacts> {
        let mut facts = Vec::new();
        for branch in &self.branches {
            for view in branch.exchange.views() {
                facts.push(self.view_facts(&view).await);
            }
        }
        facts
    }

    async fn view_facts(&self, view: &ViewMap) -> ViewFacts {
        let unknown = |error| ViewFacts {
            name: view.name().to_owned(),
            state: ViewState::Unknown,
            plan: PlanFacts::Unknown,
            error: Some(error),
        };
        if let Some(away) = self.watch.away() {
            return unknown(away);
        }
        let found = match in_time(self.context.store.inspect_view(view)).await {
            Ok(found) => found,
            Err(error) => return unknown(error),
        };
        let plan = match views::plan_view(view, &found) {
            Err(clash) => PlanFacts::Clash(clash.to_string()),
            Ok(plan) => match plan.step() {
                None => PlanFacts::Nothing,
                Some(step) => PlanFacts::Steps {
                    steps: vec![view_step(step).to_owned()],
                    statements: self.context.store.view_statements(&plan).unwrap_or_default(),
                },
            },
        };
        ViewFacts {
            name: view.name().to_owned(),
            state: view_state(&found),
            plan,
            error: None,
        }
    }
}

/// What the target answers, or why it does not.
async fn in_time<T>(answer: impl Future<Output = Result<T, store::Error>>) -> Result<T, String> {
    match timeout(PATIENCE, answer).await {
        Ok(answer) => answer.map_err(|error| chain(&error.into())),
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}

fn view_state(found: &FoundView) -> ViewState {
    match found {
        FoundView::Nothing => ViewState::Missing,
        FoundView::Ours { current: true } => ViewState::Current,
        FoundView::Ours { current: false } => ViewState::Old,
        FoundView::Hidden => ViewState::Hidden,
        // What is newer than this list is not ours either.
        _ => ViewState::Foreign,
    }
}

fn view_step(step: ViewStep) -> &'static str {
    match step {
        ViewStep::Create => "make the view",
        _ => "make the view anew, as its definition has changed",
    }
}

fn step(step: &Step) -> String {
    match step {
        Step::CreateTable => "create the table".to_owned(),
        Step::AddColumn(column) => format!("add the column {}", column.name()),
        Step::CreateIndex(index) => {
            let kind = if index.is_unique() {
                "unique index"
            } else {
                "index"
            };
            format!("create the {kind} on {}", index.columns().join(", "))
        }
        // A step that is newer than this list tells itself by its statement.
        _ => "one step more, see the statements".to_owned(),
    }
}

fn verification(verified: &Verified) -> VerificationFacts {
    let result = &verified.result;
    let finding = |finding: &Finding| FindingFacts {
        count: finding.count,
        examples: finding.examples.clone(),
        columns: finding.columns.keys().cloned().collect(),
    };
    VerificationFacts {
        at: verified.at,
        took: Duration::from_millis(verified.took_ms),
        by: verified.by.clone(),
        part: verified.part.as_ref().map(part),
        portal: result.portal,
        stored: result.stored,
        missing: finding(&result.missing),
        different: finding(&result.different),
        extra: finding(&result.extra),
        duplicate: finding(&result.duplicate),
        kept: finding(&result.kept),
        unfinished: result.unfinished.clone(),
        mended: result.mended.as_ref().map(mended),
    }
}

fn part(part: &Part) -> PartFacts {
    PartFacts {
        since: part.since,
        pipelines: part.pipelines.clone(),
        sample: part.sample.map(|portion| match portion {
            Portion::Share(share) => SampleFacts::Share(share),
            Portion::Rows(rows) => SampleFacts::Rows(rows),
        }),
    }
}

fn mended(mended: &Mended) -> MendedFacts {
    MendedFacts {
        inserted: mended.written.inserted,
        changed: mended.written.changed,
        deactivated: mended.deactivated,
        refused: mended.refused.as_ref().map_or(0, |refused| refused.count),
    }
}
