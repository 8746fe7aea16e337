//! The tables, the same in every database, and the view.

use super::database::{Cell, Database, Dialect};
use crate::error::Result;
use crate::export::COLUMNS;

/// Where each change stands in the log, and the eighteen columns.
pub const CHANGES: &str = "sealtrail_changes";
/// What happened, and the entity after it.
pub const RECORDS: &str = "sealtrail_records";
/// Which keys the rows of a record belong to.
pub const KEYS: &str = "sealtrail_keys";
/// How far the log was read.
pub const CURSOR: &str = "sealtrail_cursor";
/// The nine columns of an audit table.
const AUDIT: &str = "sealtrail_audit";

/// Of these tables and of what is in their cells. Another one is refused, and made anew by who drops them. In version 1 the
/// action of every event was `event`.
pub const VERSION: u64 = 2;

/// The names of all, for who drops them.
pub const DROP: &str =
    "sealtrail_audit, sealtrail_changes, sealtrail_records, sealtrail_keys, sealtrail_cursor";

/// Of a record, behind `record_index`, with the name that each has in the view.
pub const OF_RECORD: [(&str, &str); 9] = [
    ("event_id", "EventID"),
    ("event_date", "EventDate"),
    ("source", "Source"),
    ("action", "Action"),
    ("action_date", "ActionDate"),
    ("entity_type", "EntityType"),
    ("entity_id", "EntityID"),
    ("user_id", "UserId"),
    ("snapshot", "Snapshot"),
];

/// A table, and its columns in the order of the cells of its rows.
pub struct Rows<'r> {
    pub table: &'static str,
    pub columns: Vec<&'static str>,
    pub rows: Vec<&'r [Cell]>,
}

/// Makes what is not there yet.
pub fn create(database: &mut Database) -> Result<()> {
    statements(database.dialect).iter().try_for_each(|statement| database.run(statement))
}

/// Adds rows, some in a statement.
pub fn insert(database: &mut Database, Rows { table, columns, rows }: Rows<'_>) -> Result<()> {
    /// What every one of the databases takes in a statement: 20 values a row, and no text that is too long for all.
    const TOGETHER: usize = 200;
    const BYTES: usize = 1 << 20;
    let mut rest = &rows[..];
    while !rest.is_empty() {
        let mut bytes = 0;
        let some = rest.iter().take(TOGETHER).take_while(|row| {
            let is_first = bytes == 0;
            bytes += row.iter().map(Cell::bytes).sum::<usize>();
            is_first || bytes <= BYTES
        });
        let (some, more) = rest.split_at(some.count());
        let statement = insert_of(database.dialect, table, &columns, some.len());
        database.execute(&statement, &some.concat())?;
        rest = more;
    }
    Ok(())
}

fn insert_of(dialect: Dialect, table: &str, columns: &[&str], rows: usize) -> String {
    // A text becomes what its column is.
    let place = |name: &&str| match (dialect, *name) {
        (Dialect::Postgres, "event_date" | "action_date") => "?::timestamptz",
        (Dialect::Postgres, "snapshot") => "?::json",
        _ => "?",
    };
    let row = format!("({})", columns.iter().map(place).collect::<Vec<_>>().join(","));
    format!("INSERT INTO {table} ({}) VALUES {}", columns.join(","), vec![row; rows].join(","))
}

fn statements(dialect: Dialect) -> Vec<String> {
    let Types { text, moment, json, key, end, begin } = dialect.types();
    let columns: String = COLUMNS.iter().map(|name| format!(", {name} {text}")).collect();
    let of_record = OF_RECORD.map(|(name, _)| match name {
        "event_date" | "action_date" => format!(", {name} {moment}"),
        "snapshot" => format!(", {name} {json}"),
        _ => format!(", {name} {text}"),
    });
    let of_record = of_record.concat();
    let tables = [
        (
            CURSOR,
            format!("origin {key} NOT NULL PRIMARY KEY, version BIGINT NOT NULL, next_index BIGINT NOT NULL, last_sha256 VARCHAR(64)"),
            vec![],
        ),
        (
            CHANGES,
            format!("record_index BIGINT NOT NULL, ordinal BIGINT NOT NULL{columns}, PRIMARY KEY (record_index, ordinal)"),
            vec![
                ("sealtrail_changes_entity", format!("table_id{begin}, entity_id{begin}")),
                ("sealtrail_changes_request", format!("request_id{begin}")),
            ],
        ),
        (
            RECORDS,
            format!("record_index BIGINT NOT NULL PRIMARY KEY{of_record}"),
            vec![("sealtrail_records_entity", format!("entity_type{begin}, entity_id{begin}"))],
        ),
        (
            KEYS,
            "key_hash VARCHAR(32) NOT NULL, record_index BIGINT NOT NULL, PRIMARY KEY (key_hash, record_index)".to_owned(),
            vec![("sealtrail_keys_record", "record_index".to_owned())],
        ),
    ];
    let mut statements = Vec::new();
    for (table, columns, indexes) in tables {
        // An index of MySQL has no IF NOT EXISTS, so it comes with its table.
        let (within, apart): (Vec<_>, Vec<_>) =
            indexes.into_iter().partition(|_| dialect == Dialect::Mysql);
        let keys: String = within.iter().map(|(name, on)| format!(", KEY {name} ({on})")).collect();
        statements.push(format!("CREATE TABLE IF NOT EXISTS {table} ({columns}{keys}){end}"));
        for (name, on) in apart {
            statements.push(format!("CREATE INDEX IF NOT EXISTS {name} ON {table} ({on})"));
        }
    }
    let quote = if dialect == Dialect::Mysql { '`' } else { '"' };
    let view =
        OF_RECORD.map(|(column, name)| format!("{column} AS {quote}{name}{quote}")).join(", ");
    let create = match dialect {
        Dialect::Sqlite => "CREATE VIEW IF NOT EXISTS",
        _ => "CREATE OR REPLACE VIEW",
    };
    statements.push(format!("{create} {AUDIT} AS SELECT {view} FROM {RECORDS}"));
    statements
}

/// How a database calls the types of columns.
struct Types {
    text: &'static str,
    moment: &'static str,
    json: &'static str,
    key: &'static str,
    /// What stands behind a table.
    end: &'static str,
    /// How much of a text an index takes.
    begin: &'static str,
}

impl Dialect {
    fn types(self) -> Types {
        let (end, begin) = ("", "");
        match self {
            Self::Sqlite => {
                Types { text: "TEXT", moment: "TEXT", json: "TEXT", key: "TEXT", end, begin }
            }
            // Its JSON keeps the text, so no digit of a number is lost; so does a text of MySQL, and its JSON does not.
            Self::Postgres => {
                Types { text: "TEXT", moment: "TIMESTAMPTZ", json: "JSON", key: "TEXT", end, begin }
            }
            Self::Mysql => Types {
                text: "LONGTEXT",
                moment: "DATETIME(3)",
                json: "LONGTEXT",
                key: "VARCHAR(255)",
                end: " ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
                begin: "(100)",
            },
        }
    }
}

impl Cell {
    fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.as_ref().map_or(4, |text| text.len() + 4),
            Self::Number(_) | Self::Time(_) => 12,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_places_and_indexes_come_where_the_database_takes_them() {
        let columns = ["record_index", "event_date", "snapshot"];
        let statement = insert_of(Dialect::Postgres, "t", &columns, 2);
        let row = "(?,?::timestamptz,?::json)";
        assert_eq!(
            statement,
            format!("INSERT INTO t (record_index,event_date,snapshot) VALUES {row},{row}")
        );
        let of = |dialect| statements(dialect).join("\n");
        assert_eq!(of(Dialect::Mysql).matches("CREATE INDEX").count(), 0);
        assert_eq!(of(Dialect::Mysql).matches(", KEY ").count(), 4);
        assert_eq!(of(Dialect::Sqlite).matches("CREATE INDEX").count(), 4);
        for table in DROP.split(", ") {
            assert!(of(Dialect::Sqlite).contains(&format!("IF NOT EXISTS {table} ")), "{table}");
        }
    }
}
