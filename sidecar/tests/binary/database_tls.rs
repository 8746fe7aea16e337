//! `sealtrail project` over TLS, to real servers with a certificate of a CA of their own.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::databases::{Certificate, Database};
use super::place::{Place, Ran, change};

/// A CA, and a certificate for `localhost` that it has signed.
struct Authority {
    ca: String,
    server: Certificate,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &ca).unwrap();
        let server = Certificate { chain: certificate.pem(), key: key.serialize_pem() };
        Self { ca: ca.pem(), server }
    }
}

/// A log of one record, to be written by a URL with these parameters. No error tells the password.
fn project(place: &Place, url: &str, parameters: &str) -> Ran {
    let ran = place.run("project", &["--to", &format!("{url}?{parameters}")]);
    for password in ["pass word", "pass%20word"] {
        assert!(!ran.stderr.contains(password) && !ran.stdout.contains(password), "{ran:?}");
    }
    ran
}

fn place() -> Place {
    let place = Place::new();
    let ran = place.append(change("c-1").as_bytes());
    assert_eq!(ran.code, 0, "{ran:?}");
    place
}

#[test]
fn a_server_is_written_to_over_tls_once_its_certificate_is_what_was_asked_for() {
    let (authority, other) = (Authority::new(), Authority::new());
    for database in Database::servers(Some(&authority.server)) {
        let place = place();
        let file = |name: &str, text: &str| {
            std::fs::write(place.path(name), text).unwrap();
            format!("sslrootcert={}", place.path(name).display())
        };
        let (ours, others) = (file("ca.pem", &authority.ca), file("other.pem", &other.ca));
        let by_address = database.url.replace("@localhost:", "@127.0.0.1:");
        let name = database.name;

        let refused = |url: &str, parameters: &str, why: &str| {
            let ran = project(&place, url, parameters);
            assert!(ran.code == 1 && ran.stderr.contains(why), "{name} {parameters}: {ran:?}");
        };
        let not_accepted = "the certificate of the server is not accepted";
        refused(&database.url, &format!("{others}&sslmode=verify-full"), not_accepted);
        refused(&database.url, &format!("{others}&sslmode=verify-ca"), not_accepted);
        refused(&database.url, "sslmode=verify-full", not_accepted);
        refused(&by_address, &format!("{ours}&sslmode=verify-full"), not_accepted);
        // So what follows is encrypted.
        refused(&database.url, "sslmode=disable", "SQL: ");
        let ran = project(&place, &database.url, &ours);
        assert!(ran.code == 2 && ran.stderr.contains("verify-full"), "{name}: {ran:?}");

        // Waiting would not make it another one.
        let url = format!("{}?{others}&sslmode=verify-full", database.url);
        let following = place.run("project", &["--follow", "--to", &url]);
        assert!(
            following.code == 1 && following.stderr.contains(not_accepted),
            "{name}: {following:?}"
        );

        for (url, parameters) in [
            (&database.url, format!("{ours}&sslmode=verify-full")),
            (&database.url, format!("ssl-mode=VERIFY_IDENTITY&{ours}")),
            (&by_address, format!("{ours}&sslmode=verify-ca")),
            (&by_address, "sslmode=require".to_owned()),
            (&by_address, "sslmode=prefer".to_owned()),
        ] {
            let ran = project(&place, url, &parameters);
            assert_eq!(ran.code, 0, "{name} {parameters}: {ran:?}");
        }
        let count = database.rows("SELECT COUNT(*) FROM sealtrail_records");
        assert_eq!(count, [[Some("1".to_owned())]], "{name}");
    }
}

#[test]
fn a_server_that_cannot_encrypt_is_not_written_to_where_that_was_asked_for() {
    for database in Database::servers(None) {
        let place = place();
        for mode in ["require", "verify-ca", "verify-full"] {
            let ran = project(&place, &database.url, &format!("sslmode={mode}"));
            assert!(
                ran.code == 1 && ran.stderr.contains("TLS"),
                "{} {mode}: {ran:?}",
                database.name
            );
        }
        assert!(
            database.ask("SELECT COUNT(*) FROM sealtrail_records").is_err(),
            "a table was made"
        );
        assert_eq!(project(&place, &database.url, "sslmode=prefer").code, 0, "{}", database.name);
    }
}
