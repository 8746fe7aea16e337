//! Who acted, and was forgotten.

use serde_json::{Value, json};

use super::databases::Database;
use super::place::Place;

fn policy(action: &str) -> String {
    format!(
        r#"{{"id":"actors","version":"1","default":"keep","context_default":"keep","secrets":false,
        "context":[{{"select":"$.actor.id","action":"{action}","group":"actor"}}]}}"#
    )
}

fn change(id: &str, actor: &str) -> String {
    json!({"entity": {"type": "product", "id": id}, "action": "create", "before": null, "after": {"title": "Lens"},
        "context": {"correlation_id": "c", "service": "shop", "actor": {"type": "user", "id": actor}}})
    .to_string()
}

#[test]
fn whoever_acted_and_was_shredded_is_shown_as_the_configured_uuid() {
    const NIL: &str = "00000000-0000-0000-0000-000000000000";
    const OURS: &str = "3fc53c2e-1a3b-4c0e-9f11-8a6c5d1f0b77";
    for (action, configured) in
        [("pseudonym", None), ("pseudonym", Some(OURS)), ("seal", Some(OURS))]
    {
        let place = Place::new();
        std::fs::write(place.path("policy.json"), policy(action)).unwrap();
        if let Some(uuid) = configured {
            place.add_config(&format!("[actors]\nanonymised = \"{uuid}\""));
        }
        let nobody = configured.unwrap_or(NIL);
        for (id, actor) in [("1", "u-1"), ("2", "u-2")] {
            assert_eq!(place.append(change(id, actor).as_bytes()).code, 0);
        }
        let lines = place.lines();
        let record: Value = serde_json::from_str(&lines[0]).unwrap();
        let stored = record["data"]["actor"]["id"].as_str().unwrap();
        let told = |id: &str| {
            let of = ["--type", "product", "--id", id];
            let export = |form: &str| place.run("export", &[&["--format", form], &of[..]].concat());
            let mut told: Vec<_> =
                ["csv", "rows", "ocsf", "ecs"].map(|form| export(form).stdout).into();
            told.push(place.run("history", &["product", id]).stdout);
            told.push(place.run("query", &[&["--grain", "row"], &of[..]].concat()).stdout);
            told
        };
        let database = Database::sqlite();
        let of_tables = || {
            assert_eq!(place.run("project", &["--to", &database.url]).code, 0);
            let audit = "SELECT \"UserId\" FROM sealtrail_audit WHERE \"EntityType\" = 'product' ORDER BY \"EntityID\"";
            let changes = "SELECT user_id FROM sealtrail_changes ORDER BY record_index";
            [audit, changes].map(|query| {
                let rows = database.rows(query).into_iter();
                rows.map(|row| row[0].clone().unwrap()).collect::<Vec<_>>()
            })
        };
        let alive = |line: &str| {
            let record: Value = serde_json::from_str(line).unwrap();
            let id = record["data"]["actor"]["id"].as_str().unwrap().to_owned();
            if action == "seal" { "[sealed actor]".to_owned() } else { id }
        };
        let users = [alive(&lines[0]), alive(&lines[1])];
        assert_eq!(of_tables(), [users.clone(), users.clone()], "{action}: they are alive");
        let touched =
            place.run("query", &["--grain", "row", "--id", "1", "--type", "product"]).stdout;
        assert!(touched.contains(&format!(" by {}", users[0])), "{action}: {touched}");
        assert!(told("1").iter().all(|text| !text.contains(nobody)), "{action}");

        assert_eq!(place.run("shred", &["user/u-1", "--reason", "left"]).code, 0);
        // Words shorten what is long.
        let short = format!("by user {}…", &nobody[..8]);
        for text in told("1") {
            let is_shown = text.contains(nobody) || text.contains(&short);
            assert!(is_shown && !text.contains(stored), "{action}: {text}");
        }
        assert!(
            told("2").iter().all(|text| !text.contains(nobody)),
            "{action}: the other is still there"
        );
        let users = [nobody.to_owned(), users[1].clone()];
        assert_eq!(of_tables(), [users.clone(), users], "{action}");
        assert_eq!(place.lines()[..2], lines, "what is stored is as it was");
        assert_eq!(place.verify().code, 0);
    }
}
