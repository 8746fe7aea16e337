//! `sealtrail project --follow` beside a database that is stopped, started again, and refuses.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::databases::Database;
use super::place::{Place, change};
use super::served::Served;

/// The command, and what it says when it has ended.
struct Following(Child);

impl Following {
    fn start(place: &Place, database: &Database) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_sealtrail"))
            .args(["project", "--config", &place.config(), "--to", &database.url, "--follow"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self(child)
    }

    fn kill(mut self) -> String {
        assert!(self.0.try_wait().unwrap().is_none(), "it has ended");
        self.0.kill().unwrap();
        self.ended().1
    }

    fn ended(self) -> (i32, String) {
        let output = self.0.wait_with_output().unwrap();
        (output.status.code().unwrap_or(-1), String::from_utf8(output.stderr).unwrap())
    }
}

#[track_caller]
fn wait_for(database: &Database, records: u32) {
    let deadline = Instant::now() + Duration::from_secs(60);
    let wanted = Some(records.to_string());
    let count = || {
        let rows = database.ask("SELECT COUNT(*) FROM sealtrail_records").ok()?;
        rows[0][0].clone()
    };
    while count() != wanted {
        assert!(Instant::now() < deadline, "{}: no {records} records", database.name);
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_database_that_was_gone_gets_what_came_meanwhile_once() {
    for mut database in Database::all().into_iter().filter(|database| database.name != "SQLite") {
        let place = Place::new();
        let served = Served::start(&place);
        served.post_change(&change("c-1"));
        let following = Following::start(&place, &database);
        wait_for(&database, 1);
        for n in 2..4 {
            database.stop();
            served.post_change(&change(&format!("c-{n}")));
            // Long enough that it is noticed while nobody listens; if not, it is noticed afterwards.
            std::thread::sleep(Duration::from_millis(600));
            database.start();
            wait_for(&database, n);
        }
        served.post_change(&change("c-4"));
        wait_for(&database, 4);
        let said = following.kill();
        for line in ["the database is gone; it is tried again in ", "the database is there again"] {
            assert!(said.matches(line).count() >= 2, "{}: {said}", database.name);
        }
        assert!(!said.contains("pass word"), "{said}");
        let rows = database.rows("SELECT event_id FROM sealtrail_records ORDER BY record_index");
        let ids: Vec<String> = rows.into_iter().filter_map(|row| row[0].clone()).collect();
        let id = |line: String| {
            let record: serde_json::Value = serde_json::from_str(&line).unwrap();
            record["id"].as_str().unwrap().to_owned()
        };
        assert_eq!(ids, place.lines().into_iter().map(id).collect::<Vec<_>>(), "{}", database.name);
    }
}

#[test]
fn what_will_not_pass_ends_it() {
    for mut database in Database::all() {
        let place = Place::new();
        let served = Served::start(&place);
        served.post_change(&change("c-1"));
        let following = Following::start(&place, &database);
        wait_for(&database, 1);
        match database.name {
            "MariaDB" => {
                database.rows("SET PASSWORD = PASSWORD('another')");
                database.stop();
                database.start();
            }
            _ => drop(database.rows("DROP TABLE sealtrail_keys")),
        }
        // Whatever it is, it is seen at the next record.
        served.post_change(&change("c-2"));
        let (code, said) = following.ended();
        assert_eq!(code, 1, "{}: {said}", database.name);
        let expected = if database.name == "MariaDB" { "Access denied" } else { "sealtrail_keys" };
        assert!(
            said.contains(expected) && !said.contains("pass word"),
            "{}: {said}",
            database.name
        );
    }
}
