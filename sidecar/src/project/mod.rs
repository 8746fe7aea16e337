//! The log as tables for SQL: a fold of its records, with a cursor that the database keeps in the same transaction.
//!
//! | table | a row for each |
//! |---|---|
//! | `sealtrail_changes` | change of an attribute: `record_index`, `ordinal`, and the eighteen columns of [`Table`](crate::export::Table) |
//! | `sealtrail_records` | record: `record_index`, what happened to whom and when, and the entity after it |
//! | `sealtrail_keys` | key (its hash) that something in the rows of a record belongs to |
//! | `sealtrail_cursor` | log: how far it was read, and the hash of the last record |
//!
//! `sealtrail_audit` shows `sealtrail_records` in nine columns of an audit table. What is sealed is in none of them; it
//! shows as `[sealed contact]`. When a key is destroyed, `sealtrail_keys` says which rows are written again: with
//! `[erased]` for what was sealed, and without the pseudonyms that were made with it. So the tables
//! follow from the log alone, whenever and in how many runs they were written. What retention removes from the log goes
//! from the tables too; a snapshot that stays says of its time what was known then, and tables that are made after the
//! removal know only what the log still tells.
//!
//! A connection is encrypted where the server can. `sslmode=require` takes no other, from whoever answers;
//! `sslmode=verify-full` none but from the host that the URL names, by a certificate that `sslrootcert` or the system
//! trusts. The same words serve PostgreSQL and MySQL.
//!
//! Who follows the log waits for a database that is gone for a while ([`Code::DatabaseUnavailable`](crate::code::Code)),
//! or says nothing for too long.
//!
//! | module | what it does |
//! |---|---|
//! | `url`, `parameters` | which database, and whether the way to it is encrypted |
//! | `database` | a connection, and the little that databases differ in |
//! | `schema` | the tables and the view |
//! | `cursor` | where to go on, and that it is the same log |
//! | `rows` | a record as rows |
//! | `projection` | goes after the log |

mod cursor;
mod database;
mod parameters;
mod projection;
mod rows;
mod schema;
mod url;

pub use projection::Projection;
pub use url::Url;
