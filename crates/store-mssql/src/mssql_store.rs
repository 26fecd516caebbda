//! The store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use chrono::NaiveDateTime;
use store::{Error, ErrorKind, FoundView, Plan, Store, TableShape, Upserted, ViewPlan};
use table_map::{Answer, Query, Row, TableMap, ViewMap};

use crate::catalog::{self, CatalogTable};
use crate::facts::{Facts, Names};
use crate::failure::{Doing, Failure};
use crate::pool::{Connect, Pool, Taken};
use crate::rights::{self, Need};
use crate::session::Session;
use crate::target::{Login, MssqlTarget};
use crate::{MssqlOptions, ddl, dml, migrate, read, stage, view, write};

/// A store in a SQL Server database. It connects on first use; see the crate's documentation.
#[derive(Debug)]
pub struct MssqlStore {
    name: String,
    schema: String,
    options: MssqlOptions,
    pool: Pool<Opener>,
    /// What the catalog last said about each table.
    tables: Mutex<HashMap<String, Arc<CatalogTable>>>,
    /// Held while a transaction changes a table: our own writers need not meet in a deadlock.
    writers: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

/// Opens sessions, and remembers whom the database takes us for.
#[derive(Debug)]
struct Opener {
    target: MssqlTarget,
    user: OnceLock<String>,
}

#[async_trait]
impl Connect for Opener {
    type Connection = Session;
    type Error = Failure;

    async fn connect(&self) -> Result<Session, Failure> {
        let session = Session::open(&self.target).await?;
        if !session.user.is_empty() {
            self.user.get_or_init(|| session.user.clone());
        }
        Ok(session)
    }

    fn is_usable(&self, session: &Session) -> bool {
        session.is_open()
    }
}

impl MssqlStore {
    /// A store for this target. Nothing is connected as yet.
    pub fn new(target: MssqlTarget, options: MssqlOptions) -> Self {
        let (name, schema) = (target.to_string(), target.schema.clone());
        let opener = Opener {
            target,
            user: OnceLock::new(),
        };
        Self {
            name,
            schema,
            pool: Pool::new(opener, options.connections, options.connection_life_time),
            options,
            tables: Mutex::default(),
            writers: Mutex::default(),
        }
    }

    fn doing(&self, action: String, need: Option<(Need, &str)>) -> Doing<'_> {
        Doing {
            target: &self.name,
            action,
            grant: need.map(|(need, table)| rights::grant(need, &self.schema, table, self.user())),
        }
    }

    fn user(&self) -> &str {
        let opener = self.pool.opener();
        match (opener.user.get(), &opener.target.login) {
            (Some(user), _) => user,
            (None, Login::Password { user, .. }) => user,
            (None, _) => "user",
        }
    }

    /// A connection for one call, and what the catalog says of the table: as it was known, or just asked.
    async fn open(&self, map: &TableMap) -> Result<(Taken<'_, Opener>, Arc<CatalogTable>, bool), Failure> {
        let mut taken = self.pool.take().await?;
        let known = lock(&self.tables).get(map.name()).map(Arc::clone);
        let was_known = known.is_some();
        let catalog = match known {
            Some(catalog) => catalog,
            None => self.look(&mut taken.connection, map).await?,
        };
        Ok((taken, catalog, was_known))
    }

    /// A connection for one call, and the table's facts.
    async fn begin(&self, map: &TableMap) -> Result<(Taken<'_, Opener>, Facts, bool), Failure> {
        let (mut taken, catalog, was_known) = self.open(map).await?;
        let facts = match Facts::new(map, &self.schema, &catalog) {
            // The map may ask for a column that was added since.
            Err(_) if was_known => {
                Facts::new(map, &self.schema, &*self.look(&mut taken.connection, map).await?)?
            }
            facts => facts?,
        };
        Ok((taken, facts, was_known))
    }

    /// Asks the catalog and keeps what it says.
    async fn look(&self, session: &mut Session, map: &TableMap) -> Result<Arc<CatalogTable>, Failure> {
        match catalog::inspect(session, &self.schema, map.name()).await? {
            Some(catalog) => {
                let catalog = Arc::new(catalog);
                lock(&self.tables).insert(map.name().to_owned(), Arc::clone(&catalog));
                Ok(catalog)
            }
            None => {
                self.forget(map);
                Err(Error::new(
                    ErrorKind::Schema,
                    format!(
                        "there is no table {} in schema {} of {}, or no right to see it; migrate first",
                        map.name(),
                        self.schema,
                        self.name
                    ),
                )
                .into())
            }
        }
    }

    fn forget(&self, map: &TableMap) {
        lock(&self.tables).remove(map.name());
    }

    fn writer(&self, map: &TableMap) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(lock(&self.writers).entry(map.name().to_owned()).or_default())
    }

    /// Ends a call: its connection goes back only after success, and what was known of the table is forgotten when the error may
    /// come from its having changed.
    fn end<T>(
        &self,
        map: &TableMap,
        taken: Taken<'_, Opener>,
        done: Result<T, Failure>,
        doing: &Doing<'_>,
    ) -> Result<T, Error> {
        match done {
            Ok(done) => {
                taken.give_back();
                Ok(done)
            }
            Err(failure) => {
                drop(taken);
                let error = failure.during(doing);
                if matches!(error.kind(), ErrorKind::Schema | ErrorKind::Data | ErrorKind::Bug) {
                    self.forget(map);
                }
                Err(error)
            }
        }
    }
}

/// A panic cannot leave these maps half changed.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Store for MssqlStore {
    fn target(&self) -> String {
        self.name.clone()
    }

    async fn ping(&self) -> Result<String, Error> {
        let doing = self.doing("connect".to_owned(), None);
        let ask = async {
            let mut taken = self.pool.take().await?;
            let answers = taken.connection.batch("SELECT @@VERSION;").await?;
            let row = answers.first().and_then(|answer| answer.first());
            let version = match row {
                Some(row) => row.try_get::<&str, _>(0)?.unwrap_or_default(),
                None => "",
            };
            let version = version.lines().next().unwrap_or_default().trim().to_owned();
            taken.give_back();
            Ok::<_, Failure>(version)
        };
        ask.await.map_err(|failure| failure.during(&doing))
    }

    async fn inspect(&self, map: &TableMap) -> Result<Option<TableShape>, Error> {
        let doing = self.doing(
            format!("inspect table {}", map.name()),
            Some((Need::Read, map.name())),
        );
        let mut taken = self.pool.take().await.map_err(|failure| failure.during(&doing))?;
        let done = catalog::inspect(&mut taken.connection, &self.schema, map.name()).await;
        self.forget(map);
        let found = self.end(map, taken, done, &doing)?;
        Ok(found.map(|found| found.shape()))
    }

    fn statements(&self, plan: &Plan) -> Result<Vec<String>, Error> {
        ddl::statements(&self.schema, plan).map_err(|error| {
            Error::new(
                ErrorKind::Bug,
                format!(
                    "cannot write the migration of table {} in T-SQL",
                    plan.map().name()
                ),
            )
            .with_source(error)
        })
    }

    async fn apply(&self, plan: &Plan) -> Result<(), Error> {
        let map = plan.map();
        let doing = self.doing(
            format!("migrate table {}", map.name()),
            Some((Need::Migrate, map.name())),
        );
        let mut taken = self.pool.take().await.map_err(|failure| failure.during(&doing))?;
        let session = &mut taken.connection;
        session.set_timeout(self.options.migration_timeout);
        let done = migrate::apply(session, &self.schema, plan, self.options.migration_lock_timeout).await;
        session.set_timeout(self.pool.opener().target.command_timeout);
        self.forget(map);
        self.end(map, taken, done, &doing)
    }

    async fn duplicates(&self, map: &TableMap, limit: u32) -> Result<Vec<i64>, Error> {
        let doing = self.doing(
            format!("look for duplicates in table {}", map.name()),
            Some((Need::Read, map.name())),
        );
        let (mut taken, catalog, _) = match self.open(map).await {
            Ok(opened) => opened,
            Err(failure) => {
                let error = failure.during(&doing);
                // Asked before the first migration: no table, no duplicates.
                return if error.kind() == ErrorKind::Schema {
                    Ok(Vec::new())
                } else {
                    Err(error)
                };
            }
        };
        let session = &mut taken.connection;
        session.set_timeout(self.options.migration_timeout);
        let done = async {
            let names = Names::new(map, &self.schema, &catalog)?;
            read::duplicates(session, &names, limit).await
        }
        .await;
        session.set_timeout(self.pool.opener().target.command_timeout);
        self.end(map, taken, done, &doing)
    }

    async fn merge_duplicates(&self, map: &TableMap) -> Result<u64, Error> {
        let doing = self.doing(
            format!("merge duplicates in table {}", map.name()),
            Some((Need::Delete, map.name())),
        );
        let (mut taken, catalog, _) = self.open(map).await.map_err(|failure| failure.during(&doing))?;
        let session = &mut taken.connection;
        session.set_timeout(self.options.migration_timeout);
        let done = async {
            let delete = dml::merge_duplicates(&Names::new(map, &self.schema, &catalog)?);
            read::one_number(session.batch(&delete).await?).map(i64::unsigned_abs)
        }
        .await;
        session.set_timeout(self.pool.opener().target.command_timeout);
        self.end(map, taken, done, &doing)
    }

    async fn upsert(&self, map: &TableMap, rows: &[Row], at: NaiveDateTime) -> Result<Upserted, Error> {
        if rows.is_empty() {
            return Ok(Upserted::default());
        }
        let doing = self.doing(
            format!("write to table {}", map.name()),
            Some((Need::Write, map.name())),
        );
        let (mut taken, mut facts, was_known) =
            self.begin(map).await.map_err(|failure| failure.during(&doing))?;
        let rows = stage::without_duplicates(rows);
        let session = &mut taken.connection;
        let done = async {
            // What is refused by what was known may be allowed since somebody altered the column.
            if was_known && rows.iter().any(|row| facts.check(map, row).is_err()) {
                facts = Facts::new(map, &self.schema, &*self.look(session, map).await?)?;
            }
            let writer = self.writer(map);
            write::upsert(session, map, &facts, &rows, at, self.options.small_step, &writer).await
        }
        .await;
        self.end(map, taken, done, &doing)
    }

    async fn read_back(&self, map: &TableMap, keys: &[i64]) -> Result<Vec<Row>, Error> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let doing = self.doing(
            format!("read table {}", map.name()),
            Some((Need::Read, map.name())),
        );
        let (mut taken, facts, _) = self.begin(map).await.map_err(|failure| failure.during(&doing))?;
        let done = read::by_keys(&mut taken.connection, map, &facts, keys).await;
        self.end(map, taken, done, &doing)
    }

    async fn scan(&self, map: &TableMap, after: Option<i64>, limit: u32) -> Result<Vec<Row>, Error> {
        let doing = self.doing(
            format!("read table {}", map.name()),
            Some((Need::Read, map.name())),
        );
        let (mut taken, facts, _) = self.begin(map).await.map_err(|failure| failure.during(&doing))?;
        let done = read::page(&mut taken.connection, map, &facts, after, limit).await;
        self.end(map, taken, done, &doing)
    }

    async fn deactivate(&self, map: &TableMap, keys: &[i64], at: NaiveDateTime) -> Result<u64, Error> {
        if map.active().is_none() {
            return Err(Error::new(
                ErrorKind::Bug,
                format!(
                    "table {} has no flag that says whether a row is active",
                    map.name()
                ),
            ));
        }
        if keys.is_empty() {
            return Ok(0);
        }
        let doing = self.doing(
            format!("deactivate rows of table {}", map.name()),
            Some((Need::Write, map.name())),
        );
        let (mut taken, facts, _) = self.begin(map).await.map_err(|failure| failure.during(&doing))?;
        let writer = self.writer(map);
        let done = write::deactivate(&mut taken.connection, &facts, keys, at, &writer).await;
        self.end(map, taken, done, &doing)
    }

    async fn count(&self, map: &TableMap) -> Result<u64, Error> {
        let doing = self.doing(
            format!("count the rows of table {}", map.name()),
            Some((Need::Read, map.name())),
        );
        let (mut taken, facts, _) = self.begin(map).await.map_err(|failure| failure.during(&doing))?;
        let done = read::count(&mut taken.connection, &facts).await;
        self.end(map, taken, done, &doing)
    }

    async fn ask(&self, query: &Query) -> Result<Answer, Error> {
        let doing = self.doing(format!("ask for {}", query.subject()), None);
        let ask = async {
            let mut taken = self.pool.take().await?;
            let session = &mut taken.connection;
            session.set_timeout(self.options.question_timeout);
            let answer = view::ask(session, &self.schema, query).await?;
            session.set_timeout(self.pool.opener().target.command_timeout);
            taken.give_back();
            Ok::<_, Failure>(answer)
        };
        ask.await.map_err(|failure| failure.during(&doing))
    }

    async fn inspect_view(&self, map: &ViewMap) -> Result<FoundView, Error> {
        let doing = self.doing(format!("inspect view {}", map.name()), None);
        let ask = async {
            let mut taken = self.pool.take().await?;
            let found = view::inspect(&mut taken.connection, &self.schema, map).await?;
            taken.give_back();
            Ok::<_, Failure>(found)
        };
        ask.await.map_err(|failure| failure.during(&doing))
    }

    fn view_statements(&self, plan: &ViewPlan) -> Result<Vec<String>, Error> {
        view::statements(&self.schema, plan).map_err(|error| view::unwritable(plan.view().name(), error))
    }

    async fn apply_view(&self, plan: &ViewPlan) -> Result<(), Error> {
        let name = plan.view().name();
        let doing = self.doing(format!("make view {name}"), Some((Need::View, name)));
        let apply = async {
            let mut taken = self.pool.take().await?;
            let lock_timeout = self.options.migration_lock_timeout;
            view::apply(&mut taken.connection, &self.schema, plan, lock_timeout).await?;
            taken.give_back();
            Ok::<_, Failure>(())
        };
        apply.await.map_err(|failure| failure.during(&doing))
    }
}
