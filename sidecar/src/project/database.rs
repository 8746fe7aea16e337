use std::future::Future;
use std::time::Duration;

use sqlx::any::{AnyArguments, AnyConnectOptions, AnyRow, install_default_drivers};
use sqlx::mysql::MySqlDatabaseError;
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AssertSqlSafe, ConnectOptions, Row};
use tokio::runtime::{Builder, Runtime};
use tokio::time::error::Elapsed;

use super::Url;
use crate::clock::Moment;
use crate::code::Code;
use crate::error::{Error, Result};

/// In what databases differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Sqlite,
    Postgres,
    /// MariaDB too.
    Mysql,
}

/// A value of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    Text(Option<String>),
    Number(u64),
    /// Milliseconds since 1970, UTC.
    Time(Option<i64>),
}

/// A connection. Every statement is made of names that are written in this program; what comes from a record is a
/// [`Cell`].
pub struct Database {
    pub dialect: Dialect,
    runtime: Runtime,
    connection: AnyConnection,
    patience: Patience,
    /// There was no answer to a statement, so the next answer would be of that one.
    is_silent: bool,
}

/// For so long a database may say nothing. A machine that vanishes says nothing for ever: whoever waits for it would
/// not notice that it is back.
#[derive(Debug, Clone, Copy)]
struct Patience {
    connect: Duration,
    /// A statement writes a megabyte at most, or removes what some thousand records have; it may wait for somebody's lock.
    statement: Duration,
}

const PATIENCE: Patience =
    Patience { connect: Duration::from_secs(30), statement: Duration::from_mins(5) };

impl Database {
    pub fn connect(url: &Url) -> Result<Self> {
        Self::connect_within(url, PATIENCE)
    }

    fn connect_within(url: &Url, patience: Patience) -> Result<Self> {
        install_default_drivers();
        let dialect = url.dialect;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let connect = async {
            let options: AnyConnectOptions = url.secret_text().parse()?;
            // Statements hold no values, and are still nobody's business at every batch.
            options.disable_statement_logging().connect().await
        };
        let limit = patience.connect;
        let connection = match runtime.block_on(within(limit, connect)) {
            Ok(connected) => connected.map_err(|error| dialect.failed(&error))?,
            Err(_) => {
                // Looking up the name of its host may take longer yet.
                runtime.shutdown_background();
                return Err(dialect.silent("no connection", limit));
            }
        };
        let mut database = Self { dialect, runtime, connection, patience, is_silent: false };
        for setting in dialect.settings() {
            database.query(setting, &[])?;
        }
        Ok(database)
    }

    /// Carries out a statement without values.
    pub fn run(&mut self, statement: &str) -> Result<()> {
        let run = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()));
        self.answered(async |connection| run.execute(connection).await).map(drop)
    }

    /// Carries out a statement with a value for each `?`; how many rows it concerned.
    pub fn execute(&mut self, statement: &str, cells: &[Cell]) -> Result<u64> {
        let statement = self.dialect.places(statement);
        let run = bound(statement, cells);
        let done = self.answered(async |connection| run.execute(connection).await)?;
        Ok(done.rows_affected())
    }

    pub fn query(&mut self, query: &str, cells: &[Cell]) -> Result<Vec<AnyRow>> {
        let run = bound(self.dialect.places(query), cells);
        self.answered(async |connection| run.fetch_all(connection).await)
    }

    /// What the database says, if it says something in time.
    fn answered<T>(
        &mut self,
        ask: impl AsyncFnOnce(&mut AnyConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T> {
        let limit = self.patience.statement;
        if !self.is_silent {
            match self.runtime.block_on(within(limit, ask(&mut self.connection))) {
                Ok(answer) => return answer.map_err(|error| self.dialect.failed(&error)),
                Err(_) => self.is_silent = true,
            }
        }
        Err(self.dialect.silent("no answer", limit))
    }

    /// Several statements that are done together or not at all.
    pub fn transaction<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.run("BEGIN")?;
        let done = work(self);
        // If this fails too, the connection goes, and what was begun with it.
        let end = self.run(if done.is_ok() { "COMMIT" } else { "ROLLBACK" });
        done.and_then(|done| end.map(|()| done))
    }

    /// Leaves nothing of what was deleted in the files of a database, as far as that is for its clients to do.
    pub fn forget_deleted(&mut self) -> Result<()> {
        match self.dialect {
            // Where a reader still needs the old pages they go the next time.
            Dialect::Sqlite => self.query("PRAGMA wal_checkpoint(TRUNCATE)", &[]).map(drop),
            Dialect::Postgres | Dialect::Mysql => Ok(()),
        }
    }

    /// A column of a row, which is of this type in every database.
    pub fn text(&self, row: &AnyRow, column: usize) -> Result<Option<String>> {
        row.try_get(column).map_err(|error| self.dialect.failed(&error))
    }

    pub fn number(&self, row: &AnyRow, column: usize) -> Result<Option<u64>> {
        let number: Option<i64> =
            row.try_get(column).map_err(|error| self.dialect.failed(&error))?;
        Ok(number.and_then(|number| u64::try_from(number).ok()))
    }
}

/// A timer needs the runtime that it is set in.
async fn within<F: Future>(limit: Duration, future: F) -> Result<F::Output, Elapsed> {
    tokio::time::timeout(limit, future).await
}

fn bound(statement: String, cells: &[Cell]) -> Query<'static, Any, AnyArguments> {
    cells.iter().fold(sqlx::query(AssertSqlSafe(statement)), |query, cell| match cell {
        Cell::Text(text) => query.bind(text.clone()),
        Cell::Number(number) => query.bind(i64::try_from(*number).unwrap_or(i64::MAX)),
        Cell::Time(millis) => query.bind(millis.and_then(timestamp)),
    })
}

/// `2026-11-21 19:45:00.047`, in UTC.
fn timestamp(millis: i64) -> Option<String> {
    let text = Moment::of_milliseconds(millis)?.to_string();
    // What has no year of four digits is no time that every database takes.
    (text.len() == 24).then(|| text.replacen('T', " ", 1).trim_end_matches('Z').to_owned())
}

/// Why there is no encrypted connection, if that is what is wrong: the driver tells it as if reading had failed.
fn refusal_of_tls(error: &sqlx::Error) -> Option<&rustls::Error> {
    let sqlx::Error::Io(error) = error else { return None };
    error.get_ref()?.downcast_ref()
}

impl Dialect {
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::Mysql => "MySQL",
        }
    }

    /// A statement with its places as this database writes them; it is given with `?`.
    fn places(self, statement: &str) -> String {
        if self != Self::Postgres {
            return statement.to_owned();
        }
        let mut parts = statement.split('?');
        let first = parts.next().unwrap_or_default().to_owned();
        parts.enumerate().fold(first, |text, (n, part)| format!("{text}${}{part}", n + 1))
    }

    fn settings(self) -> &'static [&'static str] {
        match self {
            // Readers beside the writer; nothing that was committed is lost with the power; what is deleted is
            // overwritten.
            Self::Sqlite => &[
                "PRAGMA journal_mode = wal",
                "PRAGMA synchronous = full",
                "PRAGMA secure_delete = on",
                "PRAGMA busy_timeout = 30000",
            ],
            Self::Postgres => &["SET TIME ZONE 'UTC'"],
            Self::Mysql => &[],
        }
    }

    fn silent(self, what: &str, limit: Duration) -> Error {
        let message = format!("{}: {what} within {} s", self.name(), limit.as_secs_f32());
        Error::new(Code::DatabaseUnavailable, message)
    }

    fn failed(self, error: &sqlx::Error) -> Error {
        let said = match (error, refusal_of_tls(error)) {
            (_, Some(rustls::Error::InvalidCertificate(why))) => {
                format!(
                    "the certificate of the server is not accepted ({why}); `sslrootcert` names whom it is signed by"
                )
            }
            (_, Some(refusal)) => format!("TLS: {refusal}"),
            (sqlx::Error::Database(error), _) => error.message().to_owned(),
            (error, _) => error.to_string(),
        };
        let code = match self.may_pass(error) {
            true => Code::DatabaseUnavailable,
            false => Code::DatabaseFailed,
        };
        Error::new(code, format!("{}: {said}", self.name()))
    }

    /// Whether the same may succeed in a while, with another connection: it was lost, nobody listens, the server starts,
    /// stops, has too many others or no room, or somebody was in the way. What was asked wrongly, or by somebody who may
    /// not, is not tried again.
    fn may_pass(self, error: &sqlx::Error) -> bool {
        /// Classes of SQLSTATE: of connections, of transactions that were rolled back, of resources.
        const CLASSES: [&str; 3] = ["08", "40", "53"];
        /// States of PostgreSQL (appendix A of its manual): ended by an administrator or a crash, starting up, ended for
        /// idling, a lock that was not to be had; and of MariaDB: killed.
        const STATES: [&str; 7] = ["57P01", "57P02", "57P03", "57P05", "25P03", "55P03", "70100"];
        /// ER_LOCK_WAIT_TIMEOUT, which has no state of its own.
        const LOCKED: u16 = 1205;
        let code = match error {
            // The same server will have the same certificate.
            sqlx::Error::Io(_) => return refusal_of_tls(error).is_none(),
            sqlx::Error::Database(error) => {
                let number = error.try_downcast_ref::<MySqlDatabaseError>().map(|e| e.number());
                if number == Some(LOCKED) {
                    return true;
                }
                error.code().unwrap_or_default().into_owned()
            }
            _ => return false,
        };
        match self {
            // SQLITE_BUSY, SQLITE_LOCKED and SQLITE_FULL, each with what is more exactly told.
            Self::Sqlite => code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6 | 13)),
            Self::Postgres | Self::Mysql => {
                STATES.contains(&code.as_str())
                    || CLASSES.iter().any(|class| code.starts_with(class))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread::JoinHandle;

    use super::*;

    const SHORT: Patience =
        Patience { connect: Duration::from_millis(100), statement: Duration::from_millis(100) };

    /// A server on loopback that says this to each connection, and then nothing any more.
    fn silent(said: &'static [u8]) -> (TcpListener, JoinHandle<()>, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let accepting = listener.try_clone().unwrap();
        let accepted = std::thread::spawn(move || {
            let mut client = accepting.accept().unwrap().0;
            // It ends when the client has gone.
            client.write_all(said).unwrap();
            let _ = client.read_to_end(&mut Vec::new());
        });
        (listener, accepted, port)
    }

    #[track_caller]
    fn is_gone(error: &Error, said: &str) {
        assert_eq!(error.code(), Code::DatabaseUnavailable, "{error}");
        assert!(error.message().ends_with(said), "{error}");
    }

    #[test]
    fn a_server_that_takes_a_connection_and_says_nothing_is_given_up() {
        for scheme in ["postgres", "mysql"] {
            let (_listener, accepted, port) = silent(b"");
            let url: Url = format!("{scheme}://u@127.0.0.1:{port}/d").parse().unwrap();
            let error = Database::connect_within(&url, SHORT).err().unwrap();
            is_gone(&error, "no connection within 0.1 s");
            accepted.join().unwrap();
        }
    }

    #[test]
    fn a_server_that_says_nothing_to_a_statement_is_given_up() {
        // AuthenticationOk and ReadyForQuery (PostgreSQL's manual, "Message Formats").
        let (_listener, accepted, port) = silent(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I");
        let url = format!("postgres://u@127.0.0.1:{port}/d?sslmode=disable");
        // The first statement is one of its settings.
        let patience = Patience { connect: PATIENCE.connect, ..SHORT };
        let error = Database::connect_within(&url.parse().unwrap(), patience).err().unwrap();
        is_gone(&error, "no answer within 0.1 s");
        accepted.join().unwrap();
    }

    #[test]
    fn a_connection_with_an_answer_that_is_missing_is_not_used_again() {
        let folder = tempfile::tempdir().unwrap();
        let url: Url = format!("sqlite:{}", folder.path().join("a.db").display()).parse().unwrap();
        let mut other = Database::connect(&url).unwrap();
        other.run("CREATE TABLE a (n BIGINT)").unwrap();
        let mut database = Database::connect(&url).unwrap();
        database.patience = SHORT;
        other.run("BEGIN IMMEDIATE").unwrap();
        let insert = "INSERT INTO a VALUES (?)";
        let waits = database.transaction(|database| database.execute(insert, &[Cell::Number(1)]));
        is_gone(&waits.unwrap_err(), "no answer within 0.1 s");
        other.run("COMMIT").unwrap();
        is_gone(&database.run("SELECT 1").unwrap_err(), "no answer within 0.1 s");
        drop(database);
        let mut again = Database::connect(&url).unwrap();
        assert_eq!(again.execute(insert, &[Cell::Number(2)]).unwrap(), 1);
    }

    #[test]
    fn places_are_written_as_the_database_wants_them() {
        assert_eq!(Dialect::Postgres.places("a (?,?) b ?"), "a ($1,$2) b $3");
        assert_eq!(Dialect::Mysql.places("a (?,?)"), "a (?,?)");
        assert_eq!(timestamp(1_795_290_300_047).unwrap(), "2026-11-21 19:45:00.047");
        assert_eq!(timestamp(i64::MAX), None);
    }
}
