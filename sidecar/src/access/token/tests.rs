use super::super::Role;
use super::*;

fn entry(token: &str, more: &str) -> String {
    format!("[[token]]\nname = \"support\"\nsha256 = \"{}\"\n{more}\n", sha256_hex(token))
}

fn at(time: &str) -> Moment {
    Moment::parse(time).unwrap()
}

#[test]
fn a_token_is_long_new_and_found_by_its_hash() {
    let (a, b) = (generate().unwrap(), generate().unwrap());
    assert_ne!(*a, *b);
    assert!(a.starts_with("st_") && a.len() == 46, "{}", a.len());
    let text = entry(&a, "roles = [\"reader\", \"revealer\"]\ngroups = [\"contact\"]")
        + &entry(&b, "roles = [\"eraser\"]\nexpires = \"2026-11-22T00:00:00Z\"");
    assert!(!text.contains(&a[3..]), "the file holds no token");
    let tokens = Tokens::parse(&text).unwrap();
    let (before, then) = (at("2026-11-21T23:59:59Z"), at("2026-11-22T00:00:00Z"));
    let Found::Good { name, grants } = tokens.find(&a, then) else { panic!() };
    assert!(name == "support" && grants.reveals("contact") && !grants.has(Role::Eraser));
    assert!(matches!(tokens.find(&b, before), Found::Good { .. }));
    assert_eq!(tokens.find(&b, then), Found::Expired);
    for wrong in ["", "st_", &a[..45], &format!("{}A", *a), &a.to_uppercase(), &sha256_hex(&a)] {
        assert_eq!(tokens.find(wrong, then), Found::Unknown);
    }
}

#[test]
fn the_hash_is_the_one_that_everybody_computes() {
    // `printf abc | sha256sum`
    assert_eq!(
        sha256_hex("abc"),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
}

#[test]
fn a_file_with_something_wrong_is_refused_and_shows_no_token() {
    let token = generate().unwrap();
    let good = entry(&token, "roles = [\"reader\"]");
    assert!(Tokens::parse(&good).is_ok() && Tokens::parse("").is_ok());
    let replaced = |from: &str, to: &str| good.replace(from, to);
    let in_the_clear = good.replace(&sha256_hex(&token), &token);
    for (text, said) in [
        (in_the_clear, "token and not the token (line 3)"),
        (format!("# a comment\n\n{good}\n{}", replaced("support", "")), "token 2: name must be"),
        (format!("# a comment\n\n{good}\n{}", replaced("support", "")), "(line 9)"),
        ("token = [\n{ name = \"\", sha256 = \"\", roles = [] }]".to_owned(), "(line 2)"),
        (replaced("[\"reader\"]", &format!("[\"{}\"]", *token)), "got another text (line 4)"),
        (replaced("[\"reader\"]", &format!("[\"{}\"]", sha256_hex(&token))), "got another text"),
        (format!("{good}expires = \"{}\"", *token), "like `2027-02-20T00:00:00Z` (line 5)"),
        (format!("{good}{good}"), "token 2: token 1 in line 3 has the same sha256 (line 7)"),
        (replaced("support", ""), "token 1: name must be"),
        (replaced("support", "a\\nb"), "token 1: name must be"),
        (replaced("[\"reader\"]", "[\"root\"]"), "got `root`"),
        (replaced("[\"reader\"]", "[\"revealer\"]"), "needs a data group"),
        (format!("{good}services = [\"a\"]"), "a `writer` or a `sealer` only (line 5)"),
        (format!("{good}expires = \"soon\""), "expires must be a time"),
        (format!("{good}expire = \"2027-02-20T00:00:00Z\""), "unknown field"),
        (replaced("name", "token = 1\nname"), "line 2: unknown field"),
        (format!("[[token]]\nname = \"a\"\ntoken = \"{}\"", *token), "unknown field `token`"),
        (format!("token = \"{}\"", *token), "line 1: invalid type"),
        (format!("[[token]]\n\"{}", *token), "line 2"),
        (format!("[[token]]\n{} = ", *token), "line 2"),
    ] {
        let error = Tokens::parse(&text).err().unwrap().to_string();
        assert!(error.contains(said), "{error}");
        assert!(!error.contains(&token[3..]), "{error}");
    }
}

#[test]
fn a_line_that_is_taken_out_is_a_token_that_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tokens.toml");
    assert!(TokenFile::open(&path).is_err(), "none there");
    let (a, b) = (generate().unwrap(), generate().unwrap());
    let roles = "roles = [\"reader\"]";
    std::fs::write(&path, entry(&a, roles)).unwrap();
    let file = TokenFile::open(&path).unwrap();
    let knows = |token: &str| {
        file.read.lock().unwrap().at = Instant::now().checked_sub(FRESH).unwrap();
        matches!(file.find(token, Moment::now()), Found::Good { .. })
    };
    assert!(knows(&a) && !knows(&b));
    std::fs::write(&path, entry(&b, roles) + "\n").unwrap();
    assert!(!knows(&a) && knows(&b));
    std::fs::write(&path, "[[token]]\nname = ").unwrap();
    assert!(knows(&b), "as it was before");
    // Refused for its rights alone: it is read when they are right, although nothing of its content has changed.
    std::fs::write(&path, entry(&a, roles)).unwrap();
    let set_mode = |mode| std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
    set_mode(0o666);
    assert!(knows(&b) && !knows(&a), "as it was before");
    set_mode(0o600);
    assert!(knows(&a) && !knows(&b));
    std::fs::remove_file(&path).unwrap();
    assert!(!knows(&b), "gone");
    std::fs::write(&path, entry(&a, roles)).unwrap();
    assert!(knows(&a));
}

#[test]
fn a_token_may_write_for_the_services_of_its_line() {
    let token = generate().unwrap();
    let of = |more: &str| {
        let tokens = Tokens::parse(&entry(&token, more)).unwrap();
        match tokens.find(&token, Moment::now()) {
            Found::Good { grants, .. } => grants,
            other => panic!("{other:?}"),
        }
    };
    let billing = of("roles = [\"writer\"]\nservices = [\"billing\", \"invoices\"]");
    assert!(billing.services().have("invoices") && !billing.services().have("shop"));
    assert!(of("roles = [\"writer\"]").services().have("shop"), "as before there were services");
}

#[cfg(unix)]
#[test]
fn a_file_that_everybody_can_write_gives_nobody_anything() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tokens.toml");
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o666)).unwrap();
    let error = Tokens::read(&path).err().unwrap().to_string();
    assert!(error.contains("mode 666"), "{error}");
}
