//! What the pages show, put together from the state, the exchanges, the target and the portal's budget.

use std::time::Duration;

use admin_panel::PanelSource;
use admin_panel::panel::facts::{
    About, AgentDetail, AgentFacts, ChangeFacts, Database, ErrorFacts, ErrorNature, ExchangeFacts,
    MethodFacts, Overview, PortalFacts, RunEnding, RunFacts, Semantics, StageFacts, SwitchFacts, SwitchForm,
    Switchboard, WorkFacts, WorkState,
};
use agent::Failure;
use agent_scheduler::{AgentFilter, AgentRecord, AgentState, FailedAs, RunRecord};
use analysis::Analyst;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use exchange::{Switch, SwitchKind};
use secrecy::SecretString;
use table_map::{Row, TableMap};
use tokio::time::timeout;

use super::{Branch, PanelDesk};
use crate::exit::chain;
use crate::output::word;

/// Pieces of work of an agent that are looked at to tell how it is.
const LOOKED_AT: usize = 200;
/// Pieces of work and runs that an agent's page shows.
const SHOWN: usize = 50;
/// Changes that the page of switches shows.
const CHANGES: usize = 100;
/// Stages that are read at once, and at most.
const STAGES: u32 = 1000;
const MOST_STAGES: usize = 10_000;
/// How long the target may take to tell what a page shows.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn unreadable(error: agent_scheduler::Error) -> Failure {
    Failure::passing("the state cannot be read").with_source(error)
}

#[async_trait]
impl PanelSource for PanelDesk {
    fn analyst(&self) -> Option<Analyst> {
        Some(self.analyst.clone())
    }

    fn about(&self) -> About {
        self.about_program()
    }

    async fn password(&self) -> Result<Option<SecretString>, Failure> {
        self.password_hash().await.map_err(unreadable)
    }

    async fn overview(&self) -> Result<Overview, Failure> {
        let mut exchanges = Vec::new();
        for branch in &self.branches {
            exchanges.push(self.exchange_facts(branch).await?);
        }
        Ok(Overview {
            now: self.context.clock.now(),
            exchanges,
            target: self.watch.facts(),
            portal: self.portal_facts(),
        })
    }

    async fn switchboard(&self) -> Result<Switchboard, Failure> {
        let mut switches = Vec::new();
        let mut uploads = Vec::new();
        for branch in &self.branches {
            switches.extend(self.switches_of(branch).await?);
            uploads.push(self.exchange_facts(branch).await?);
        }
        let changes = self.state.changes(CHANGES).await.map_err(unreadable)?;
        Ok(Switchboard {
            now: self.context.clock.now(),
            switches,
            uploads,
            changes: changes
                .into_iter()
                .map(|change| ChangeFacts {
                    at: change.at,
                    what: change.what,
                    from: word(&change.from),
                    to: word(&change.to),
                    by: change.by,
                })
                .collect(),
        })
    }

    fn now(&self) -> DateTime<Utc> {
        self.context.clock.now()
    }

    async fn agents(&self) -> Result<Vec<AgentFacts>, Failure> {
        let mut agents = Vec::new();
        for branch in &self.branches {
            for name in &branch.agents {
                agents.push(self.agent_facts(branch, name).await?);
            }
        }
        Ok(agents)
    }

    async fn agent(&self, name: &str) -> Result<Option<AgentDetail>, Failure> {
        let is_of = |branch: &&Branch| branch.agents.iter().any(|agent| agent == name);
        let Some(branch) = self.branches.iter().find(is_of) else {
            return Ok(None);
        };
        let filter = [
            AgentState::Running,
            AgentState::Parked,
            AgentState::Waiting,
            AgentState::Paused,
        ]
        .into_iter()
        .fold(AgentFilter::named(name).at_most(SHOWN), AgentFilter::in_state);
        let open = self.state.list(filter).await.map_err(unreadable)?;
        let runs = self.state.runs_of(name, SHOWN).await.map_err(unreadable)?;
        Ok(Some(AgentDetail {
            now: self.context.clock.now(),
            agent: self.agent_facts(branch, name).await?,
            open: open.iter().map(work).collect(),
            runs: runs.into_iter().map(run).collect(),
        }))
    }

    async fn database(&self) -> Result<Database, Failure> {
        Ok(Database {
            tables: self.tables().await?,
            views: self.views().await,
        })
    }

    async fn stages(&self) -> Result<Result<Vec<StageFacts>, String>, Failure> {
        let map = stage_list_exchange::table(self.context.environment).map_err(|error| {
            Failure::permanent("the table of stages cannot be described").with_source(error)
        })?;
        if let Some(away) = self.watch.away() {
            return Ok(Err(away));
        }
        let read = async {
            if self.context.store.inspect(&map).await?.is_none() {
                return Ok(Vec::new());
            }
            let mut rows: Vec<Row> = Vec::new();
            loop {
                let after = rows.last().map(Row::key);
                let page = self.context.store.scan(&map, after, STAGES).await?;
                if page.is_empty() || rows.len() >= MOST_STAGES {
                    return Ok::<_, store::Error>(rows);
                }
                rows.extend(page);
            }
        };
        Ok(match timeout(PATIENCE, read).await {
            Ok(Ok(rows)) => Ok(rows.iter().map(|row| stage(&map, row)).collect()),
            Ok(Err(error)) => Err(chain(&error.into())),
            Err(_) => Err(format!("the table was not read within {} s", PATIENCE.as_secs())),
        })
    }
}

impl PanelDesk {
    async fn exchange_facts(&self, branch: &Branch) -> Result<ExchangeFacts, Failure> {
        let exchange = &branch.exchange;
        let reading = match exchange.tables().first() {
            Some(map) => self.readings.of(map, self.watch.away()).await,
            None => super::readings::Reading::default(),
        };
        let mut failing = Vec::new();
        for name in &branch.agents {
            let filter = AgentFilter::named(name).at_most(LOOKED_AT);
            let records = self.state.list(filter).await.map_err(unreadable)?;
            let mut failed: Vec<WorkFacts> = records
                .iter()
                .filter(|record| record.last_error.is_some())
                .map(work)
                .collect();
            // Of many pieces of work that fail alike, one tells it.
            failed.sort_by_key(|work| work.state != WorkState::Parked);
            failing.extend(failed.into_iter().next());
        }
        Ok(ExchangeFacts {
            verified: self.telling_verification(exchange.as_ref()).await?,
            name: exchange.name().to_owned(),
            exists: reading.exists,
            rows: reading.rows,
            newest: reading.newest,
            upload: self.work_of(exchange.bulk().agent).await?,
            look: match &branch.look {
                Some(name) => self.work_of(name).await?,
                None => None,
            },
            switches: self.switches_of(branch).await?,
            failing,
        })
    }

    /// The work of an agent that exists once.
    pub(super) async fn work_of(&self, name: &str) -> Result<Option<WorkFacts>, Failure> {
        let record = self.state.get(name, "").await.map_err(unreadable)?;
        Ok(record.as_ref().map(work))
    }

    async fn switches_of(&self, branch: &Branch) -> Result<Vec<SwitchFacts>, Failure> {
        let mut switches = Vec::new();
        for switch in branch.exchange.switches() {
            let Switch {
                key,
                kind,
                default,
                about,
            } = switch;
            let setting = self.state.setting(key).await.map_err(unreadable)?;
            let value = setting.as_ref().map_or(&default, |setting| &setting.value);
            switches.push(SwitchFacts {
                key: key.to_owned(),
                exchange: branch.exchange.name().to_owned(),
                form: match kind {
                    SwitchKind::OneOf(words) => {
                        SwitchForm::OneOf(words.iter().map(ToString::to_string).collect())
                    }
                    _ => SwitchForm::OnOff,
                },
                value: word(value),
                default: word(&default),
                set_at: setting.as_ref().map(|setting| setting.updated_at),
                about: about.to_owned(),
            });
        }
        Ok(switches)
    }

    async fn agent_facts(&self, branch: &Branch, name: &str) -> Result<AgentFacts, Failure> {
        let filter = AgentFilter::named(name).at_most(LOOKED_AT);
        let records = self.state.list(filter).await.map_err(unreadable)?;
        let counts = self.state.counts().await.map_err(unreadable)?;
        let paused = self.state.paused().await.map_err(unreadable)?;
        Ok(AgentFacts {
            name: name.to_owned(),
            exchange: branch.exchange.name().to_owned(),
            paused: paused.iter().any(|paused| paused == name),
            work: records.iter().min_by_key(|record| telling(record)).map(work),
            counts: counts
                .into_iter()
                .filter(|count| count.name == name)
                .map(|count| (state(count.state), count.records))
                .collect(),
        })
    }

    fn portal_facts(&self) -> PortalFacts {
        let budget = self.context.portal.budget();
        let stats = self.context.portal.stats();
        let mut methods: Vec<MethodFacts> = budget
            .operating
            .into_iter()
            .map(|method| MethodFacts {
                method: method.method,
                used: method.used,
                limit: method.limit,
                blocked_for: method.blocked_for,
            })
            .collect();
        methods.sort_by(|one, other| one.method.cmp(&other.method));
        PortalFacts {
            tokens: budget.tokens,
            burst: budget.burst,
            paused_for: budget.paused_for,
            blocked_for: budget.blocked_for,
            methods,
            requests: stats.requests,
            refused: stats.refused,
        }
    }
}

/// What tells most about an agent comes first.
fn telling(record: &AgentRecord) -> (u8, DateTime<Utc>) {
    let rank = match record.state {
        AgentState::Parked => 0,
        AgentState::Running => 2,
        _ if record.last_error.is_some() => 1,
        AgentState::Waiting => 3,
        AgentState::Paused => 4,
        _ => 5,
    };
    (rank, record.due_at)
}

fn state(state: AgentState) -> WorkState {
    match state {
        AgentState::Running => WorkState::Running,
        AgentState::Paused => WorkState::Paused,
        AgentState::Parked => WorkState::Parked,
        AgentState::Done => WorkState::Done,
        _ => WorkState::Waiting,
    }
}

fn work(record: &AgentRecord) -> WorkFacts {
    let nature = match record.last_error_kind {
        Some(FailedAs::Permanent) => ErrorNature::Permanent,
        Some(FailedAs::Panicked) => ErrorNature::Panicked,
        Some(FailedAs::Crashed) => ErrorNature::Crashed,
        _ => ErrorNature::Passing,
    };
    WorkFacts {
        agent: record.name.clone(),
        key: record.key.clone(),
        state: state(record.state),
        due_at: record.due_at,
        attempts: record.attempts,
        started_at: record.last_started_at,
        finished_at: record.last_finished_at,
        succeeded_at: record.last_success_at,
        error: record.last_error.as_ref().map(|text| ErrorFacts {
            text: text.clone(),
            nature,
            at: record.last_finished_at,
        }),
        progress: record.progress.clone(),
        interval: record.interval,
    }
}

fn run(run: RunRecord) -> RunFacts {
    RunFacts {
        run: run.run,
        key: run.key,
        attempt: run.attempt,
        started_at: run.started_at,
        finished_at: run.finished_at,
        ending: match run.ending {
            None => RunEnding::Running,
            Some(agent_scheduler::RunEnding::Done) => RunEnding::Done,
            Some(agent_scheduler::RunEnding::Failed) => RunEnding::Failed,
            Some(agent_scheduler::RunEnding::Interrupted) => RunEnding::Interrupted,
            Some(agent_scheduler::RunEnding::Crashed) => RunEnding::Crashed,
            Some(_) => RunEnding::Again,
        },
        error: run.error,
        gathered: run.gathered,
    }
}

fn stage(map: &TableMap, row: &Row) -> StageFacts {
    let text = |name: &str| row.text(map, name).unwrap_or_default().to_owned();
    StageFacts {
        external_id: row.key(),
        status_id: text("STATUS_ID"),
        pipeline: row.integer(map, "CATEGORY_ID").unwrap_or_default(),
        name: text("NAME"),
        name_init: row.text(map, "NAME_INIT").map(str::to_owned),
        sort: row.integer(map, "SORT"),
        system: row.text(map, "SYSTEM") == Some("Y"),
        semantics: match row.text(map, "SEMANTICS") {
            Some("S") => Semantics::Won,
            Some("F") => Semantics::Lost,
            _ => Semantics::InProgress,
        },
        active: row.text(map, "ACTIVE") != Some("N"),
    }
}
