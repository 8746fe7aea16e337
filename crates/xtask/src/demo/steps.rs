use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::shop::{JWT_SECRET, Shop, run, run_for_code};
use super::show::{self, Checks};
use crate::machine;

const REQUEST_ID: &str = "a20e389c-134b-40e7-9827-1c94eb895412";
const BROWSER: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/84.0.4147.89 Safari/537.36";

/// The whole demo; gives how many checks held.
pub fn all(root: &Path) -> Result<u64> {
    let folder = tempfile::tempdir()?;
    let sealtrail = machine::target_folder(root).join("release/sealtrail");
    let mut checks = Checks::default();

    first_users(root, &sealtrail, folder.path(), &mut checks)?;

    show::title("A shop behind the sidecar");
    let shop = Shop::start(root, &sealtrail, folder.path())?;
    println!("   the proxy listens on {}, the API on {}", shop.proxy, shop.api);
    let token = run(Command::new("node")
        .args(["token.js", "206483f8", "clerk@shop.example", "Sample Clerk"])
        .env("JWT_SECRET", JWT_SECRET)
        .current_dir(root.join("examples/shop")))?;
    let client = Client { base: shop.proxy.clone(), token: token.trim().to_owned() };
    trade(&client, &mut checks)?;
    let record = read_history(&shop, &client, &mut checks)?;
    reveal(&shop, &record, &mut checks)?;
    let vkey = shop.vkey.clone();
    shop.verify(&vkey, "before the customer is forgotten", &mut checks)?;
    forget(&shop, &record, &mut checks)?;
    shop.verify(&vkey, "after the customer is forgotten", &mut checks)?;
    prove(&shop, &record, &vkey, &mut checks)?;

    show::title("The sidecar stops, and signs a last checkpoint");
    let sealtrail = shop.sealtrail.clone();
    let trail = shop.stop()?;
    let log = trail.join("log");
    let (code, text) = verify(&sealtrail, &log, &vkey)?;
    show::output(&text);
    checks.that(code == 0, "every record is covered by a signed checkpoint")?;
    tamper(&sealtrail, &log, folder.path(), &vkey, &mut checks)?;
    Ok(checks.count())
}

/// The audit object of the first users goes in as it is, and the two changes of their own table
/// come out.
fn first_users(root: &Path, sealtrail: &Path, folder: &Path, checks: &mut Checks) -> Result<()> {
    show::title("What a service sends today, exactly as it is, mixed spellings included");
    let object = root.join("tests/first-users/audit-object.json");
    show::output(&fs::read_to_string(&object)?);
    let dir = folder.join("first-users");
    run(Command::new(sealtrail)
        .arg("init")
        .arg(&dir)
        .args(["--origin", "first-users.example/audit"]))?;
    fs::copy(root.join("examples/first-users/policy.json"), dir.join("policy.json"))?;
    let config = dir.join("sealtrail.toml");
    show::command("sealtrail append audit-object.json");
    let receipt =
        run(Command::new(sealtrail).args(["append", "--config"]).arg(&config).arg(&object))?;
    show::output(&receipt);
    show::command("sealtrail history products_master 1");
    let history = run(Command::new(sealtrail)
        .args(["history", "--config"])
        .arg(&config)
        .args(["products_master", "1"]))?;
    show::output(&history);
    let line = history_lines(sealtrail, &config, "products_master", "1")?.remove(0);
    let paths: Vec<_> = changes(&line).map(|c| c["path"].clone()).collect();
    checks.that(paths == ["/title", "/inventory"], "two changes, as in the users' own table")?;
    checks.that(line["correlationid"] == REQUEST_ID, "their request id is the correlation id")?;
    checks.that(
        !line.to_string().contains("user@example.com"),
        "the user's e-mail is nowhere in clear",
    )
}

/// Products and customers come and go over HTTP, through the proxy.
fn trade(client: &Client, checks: &mut Checks) -> Result<()> {
    show::title("Products and customers over HTTP, through the proxy");
    let phone = |ram: u32, inventory: u32| json!({"title": format!("Redmi note 9 max | {ram}gb Ram | 128gb Storage"), "sku": "sku_1", "inventory": inventory, "price": 199.9});
    let created = client.send("POST", "/products", Some(phone(6, 1)), None)?;
    checks.that(created.status == 201, "a product was created, the request had no id")?;
    checks.that(created.correlation_id.len() == 36, "and got one: a new UUID")?;
    let updated = client.send("PUT", "/products/1", Some(phone(4, 10)), Some(REQUEST_ID))?;
    checks.that(updated.status == 200, "the product was updated, the request had an id")?;
    checks.that(updated.correlation_id == REQUEST_ID, "and kept it")?;
    let bad =
        client.send("PUT", "/products/1", Some(phone(4, 10)), Some("a bad id, with spaces"))?;
    checks.that(bad.correlation_id.len() == 36, "an id that is none was replaced")?;
    let customer = |name: &str, email: &str| {
        json!({"name": name, "email": email, "phone": "+49 221 123456", "address": {"street": "Ring 1", "city": "Köln"},
               "newsletter": true, "session": "s-4711", "password": "correct horse"})
    };
    let created = client.send(
        "POST",
        "/customers",
        Some(customer("Pavan Kumar", "pavan@example.com")),
        None,
    )?;
    checks.that(created.status == 201, "a customer was created")?;
    let after = customer("Pavan Kumar", "p.kumar@example.com");
    let updated = client.send("PUT", "/customers/1", Some(after), None)?;
    checks.that(updated.status == 200, "and has a new e-mail")?;
    let deleted = client.send("DELETE", "/products/1", None, None)?;
    checks.that(deleted.status == 204, "the product was deleted")?;
    let stranger = Client { token: "none".into(), ..client.clone() };
    let refused = stranger.send("DELETE", "/customers/1", None, None)?;
    checks.that(refused.status == 401, "a stranger may not delete the customer")
}

/// Gives the id of the record of the customer's update.
fn read_history(shop: &Shop, client: &Client, checks: &mut Checks) -> Result<String> {
    show::title("The life of the product, and of the customer");
    for (kind, id) in [("product", "1"), ("customer", "1")] {
        show::command(&format!("sealtrail history {kind} {id}"));
        show::output(&run(shop.command("history").args([kind, id]))?);
    }
    let config = shop.folder.join("sealtrail.toml");
    let product = history_lines(&shop.sealtrail, &config, "product", "1")?;
    let actions: Vec<_> = product.iter().map(|line| line["data"]["action"].clone()).collect();
    checks.that(
        actions == ["create", "update", "delete"],
        "created, updated, deleted; a PUT that changed nothing is no record",
    )?;
    checks
        .that(product[1]["correlationid"] == REQUEST_ID, "the update carries the request's id")?;
    let request = &product[1]["data"]["request"];
    checks.that(
        request["method"] == "PUT" && request["path"] == "/products/1",
        "it says which request it was",
    )?;
    checks.that(request["user_agent"]["browser"] == "Chrome", "it says from which program")?;
    checks.that(
        product[1]["authid"] == "206483f8",
        "it says who did it, from the token that the proxy verified",
    )?;

    show::title("What the log holds of the customer's new e-mail");
    let customer = history_lines(&shop.sealtrail, &config, "customer", "1")?;
    let update = customer.last().context("the customer has no history")?;
    for change in changes(update) {
        show::output(&serde_json::to_string(change)?);
    }
    show::output(&serde_json::to_string(&update["data"]["seals"])?);
    let email =
        changes(update).find(|c| c["path"] == "/email").context("no change of the e-mail")?;
    let sealed = |v: &Value| v.as_str().is_some_and(|text| text.starts_with("st1."));
    checks.that(
        sealed(&email["old"]) && sealed(&email["new"]),
        "the e-mail is sealed, before and after",
    )?;
    let log = read_log(&shop.folder.join("log"))?;
    for canary in [
        "pavan@example.com",
        "p.kumar@example.com",
        "Pavan Kumar",
        "correct horse",
        "s-4711",
        "Ring 1",
        "clerk@shop.example",
        &client.token,
    ] {
        checks
            .that(!log.contains(canary), &format!("`{}` is nowhere in the log", short(canary)))?;
    }
    let id = update["id"].as_str().context("the record has no id")?;
    Ok(id.to_owned())
}

fn reveal(shop: &Shop, record: &str, checks: &mut Checks) -> Result<()> {
    show::title("Somebody with a reason may read it, and that is a record too");
    show::command(&format!("sealtrail reveal {record} --group contact --reason 'ticket 4711'"));
    let text = run(&mut shop.reveal(record))?;
    show::output(&text);
    checks.that(
        text.contains("p.kumar@example.com") && text.contains("pavan@example.com"),
        "the old and the new e-mail are revealed",
    )?;
    let log = read_log(&shop.folder.join("log"))?;
    checks.that(
        log.contains("sealtrail.reveal.v1") && log.contains("ticket 4711"),
        "the log says who asked, and why",
    )
}

fn forget(shop: &Shop, record: &str, checks: &mut Checks) -> Result<()> {
    show::title("The customer asks to be forgotten (GDPR Art. 17)");
    show::command("sealtrail shred customer/1 --reason 'erasure request 17'");
    let text =
        run(shop.command_to_api("shred").args(["customer/1", "--reason", "erasure request 17"]))?;
    show::output(&text);
    let (code, text) = run_for_code(&mut shop.reveal(record))?;
    show::command(&format!("sealtrail reveal {record} --group contact --reason 'ticket 4711'"));
    show::output(&text);
    checks.that(
        code != 0 && !text.contains("p.kumar@example.com"),
        "nobody can read the e-mail any more",
    )?;
    show::command("sealtrail history customer 1");
    let history = run(shop.command("history").args(["customer", "1"]))?;
    show::output(&history);
    checks
        .that(history.contains("[erased]"), "the history says that something was there and is gone")
}

fn prove(shop: &Shop, record: &str, vkey: &str, checks: &mut Checks) -> Result<()> {
    show::title("One record and its proof, checked without the log");
    let config = shop.folder.join("sealtrail.toml");
    let lines = run(Command::new(&shop.sealtrail)
        .args(["history", "--json", "--config"])
        .arg(&config)
        .args(["customer", "1"]))?;
    let line =
        lines.lines().find(|l| l.contains(record)).context("the record is not in the history")?;
    let (line_file, proof_file) =
        (shop.folder.join("record.json"), shop.folder.join("record.tlog-proof"));
    fs::write(&line_file, line)?;
    show::command(&format!("sealtrail prove log {record} > record.tlog-proof"));
    let proof =
        run(Command::new(&shop.sealtrail).arg("prove").arg(shop.folder.join("log")).arg(record))?;
    show::output(&proof);
    fs::write(&proof_file, proof)?;
    let check = |line: &Path| {
        run_for_code(
            Command::new(&shop.sealtrail)
                .arg("verify-proof")
                .arg(&proof_file)
                .arg(line)
                .args(["--vkey", vkey]),
        )
    };
    show::command("sealtrail verify-proof record.tlog-proof record.json");
    let (code, text) = check(&line_file)?;
    show::output(&text);
    checks.that(code == 0, "the proof fits the record")?;
    let forged = shop.folder.join("forged.json");
    fs::write(&forged, line.replace("\"update\"", "\"delete\""))?;
    let (code, text) = check(&forged)?;
    show::output(&text);
    checks.that(code != 0, "and not a forged one")
}

/// One byte of a copy is changed.
fn tamper(
    sealtrail: &Path,
    log: &Path,
    folder: &Path,
    vkey: &str,
    checks: &mut Checks,
) -> Result<()> {
    show::title("Somebody changes one byte of a copy of the log");
    let copy = folder.join("tampered");
    copy_folder(log, &copy)?;
    let entries = copy.join("entries/00000000000000000000.jsonl");
    let mut bytes = fs::read(&entries)?;
    let place = bytes.windows(6).position(|w| w == b"128gb ").context("no product in the log")?;
    bytes[place] = b'9';
    fs::write(&entries, bytes)?;
    show::command("sealtrail verify tampered");
    let (code, text) = verify(sealtrail, &copy, vkey)?;
    show::output(&text);
    let named = text.contains("00000000000000000000.jsonl") && text.contains("record 0");
    checks.that(code > 2, &format!("`verify` refuses it with exit code {code}"))?;
    checks.that(named, "and names the record and its file")
}

impl Shop {
    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(&self.sealtrail);
        command.args([name, "--config"]).arg(self.folder.join("sealtrail.toml"));
        command
    }

    fn command_to_api(&self, name: &str) -> Command {
        let mut command = Command::new(&self.sealtrail);
        command.args([name, "--url", &self.api]);
        command
    }

    fn reveal(&self, record: &str) -> Command {
        let mut command = self.command_to_api("reveal");
        command.args([record, "--group", "contact", "--reason", "ticket 4711"]);
        command
    }

    fn verify(&self, vkey: &str, when: &str, checks: &mut Checks) -> Result<()> {
        show::title(&format!("`verify` re-hashes every byte, {when}"));
        // The newest records wait for the next checkpoint, a second at most.
        std::thread::sleep(std::time::Duration::from_millis(1500));
        let (code, text) = verify(&self.sealtrail, &self.folder.join("log"), vkey)?;
        show::output(&text);
        checks.that(code == 0, "the log is whole")
    }
}

fn verify(sealtrail: &Path, log: &Path, vkey: &str) -> Result<(i32, String)> {
    run_for_code(Command::new(sealtrail).arg("verify").arg(log).args(["--vkey", vkey]))
}

fn history_lines(sealtrail: &Path, config: &Path, kind: &str, id: &str) -> Result<Vec<Value>> {
    let text = run(Command::new(sealtrail)
        .args(["history", "--json", "--config"])
        .arg(config)
        .args([kind, id]))?;
    let lines = text.lines().filter(|l| !l.is_empty());
    let lines: Vec<Value> = lines.map(serde_json::from_str).collect::<Result<_, _>>()?;
    anyhow::ensure!(!lines.is_empty(), "{kind} {id} has no history");
    Ok(lines)
}

fn changes(line: &Value) -> impl Iterator<Item = &Value> {
    line["data"]["changes"].as_array().into_iter().flatten()
}

fn read_log(log: &Path) -> Result<String> {
    let mut text = String::new();
    for entry in fs::read_dir(log.join("entries"))? {
        text.push_str(&fs::read_to_string(entry?.path())?);
    }
    Ok(text)
}

fn short(text: &str) -> String {
    match text.chars().count() > 24 {
        true => format!("{}…", text.chars().take(24).collect::<String>()),
        false => text.to_owned(),
    }
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy_folder(&entry.path(), &to)?,
            false => drop(fs::copy(entry.path(), to)?),
        }
    }
    Ok(())
}

/// A user of the shop, with a token.
#[derive(Clone)]
struct Client {
    base: String,
    token: String,
}

struct Answer {
    status: u16,
    correlation_id: String,
}

impl Client {
    fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
        request_id: Option<&str>,
    ) -> Result<Answer> {
        let with = if let Some(id) = request_id {
            format!("with X-Request-ID `{id}`")
        } else {
            "without a request id".into()
        };
        show::command(&format!("{method} {path} {with}"));
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {}", self.token))
            .header("user-agent", BROWSER);
        if let Some(id) = request_id {
            request = request.header("x-request-id", id);
        }
        let response = match body {
            Some(body) => agent
                .run(request.header("content-type", "application/json").body(body.to_string())?)?,
            None => agent.run(request.body(())?)?,
        };
        let header = response.headers().get("x-correlation-id").and_then(|v| v.to_str().ok());
        Ok(Answer {
            status: response.status().as_u16(),
            correlation_id: header.unwrap_or_default().to_owned(),
        })
    }
}
