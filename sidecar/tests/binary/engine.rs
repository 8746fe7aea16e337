//! A guest from a file: only one whose digest the configuration names.

use super::operation::until;
use super::place::{Place, change, sealtrail};
use super::served::Served;
use super::wire::get;
use sha2::{Digest, Sha256};

/// The WebAssembly of the guest that the binary embeds.
fn embedded() -> Vec<u8> {
    std::fs::read(env!("SEALTRAIL_GUEST_WASM")).unwrap()
}

/// It as machine code, and the digest that the command said.
fn exported() -> (Vec<u8>, String) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("guest.cwasm");
    let ran = sealtrail(&["guest", file.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{ran:?}");
    sealtrail(&["guest", file.to_str().unwrap()]).refused(2, "guest.cwasm");
    let code = std::fs::read(file).unwrap();
    assert_eq!(ran.stdout.trim(), digest(&code));
    (code, ran.stdout.trim().to_owned())
}

/// A module that `build.rs` compiled.
fn built(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/{name}.cwasm", env!("OUT_DIR"))).unwrap()
}

pub fn digest(file: &[u8]) -> String {
    Sha256::digest(file).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn with_guest(file: &[u8], allow: &[&str]) -> Place {
    let place = Place::new();
    std::fs::write(place.path("guest.cwasm"), file).unwrap();
    place.add_config(&format!("[engine]\nguest = \"guest.cwasm\"\nallow = {allow:?}"));
    place
}

fn engines(place: &Place) -> Vec<String> {
    let engine = |line: &String| {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        record["data"]["engine"]["sha256"].as_str().unwrap().to_owned()
    };
    place.lines().iter().map(engine).collect()
}

#[test]
fn the_bytes_of_the_embedded_guest_are_allowed_and_by_their_digest_too() {
    let wasm = embedded();
    let own = digest(&wasm);
    for allow in [&[][..], &[own.as_str()]] {
        let place = with_guest(&wasm, allow);
        let ran = place.append(change("c").as_bytes());
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(engines(&place), [own.as_str()]);
    }
}

#[test]
fn a_file_that_is_not_allowed_is_refused_and_both_digests_are_named() {
    let own = digest(&embedded());
    let (code, allowed) = exported();
    let mut changed = code.clone();
    changed[code.len() / 2] ^= 1;
    for (file, allow) in
        [(&code, vec![]), (&code, vec![own.as_str()]), (&changed, vec![allowed.as_str()])]
    {
        let place = with_guest(file, &allow);
        let ran = place.append(change("c").as_bytes());
        for said in ["guest.cwasm", &digest(file), allow.first().copied().unwrap_or(&own)] {
            ran.refused(3, said);
        }
        place.run("serve", &[]).refused(3, &digest(file));
        assert!(place.lines().is_empty());
    }
}

#[test]
fn a_list_without_the_embedded_guest_refuses_that_one() {
    let place = Place::new();
    let other = "0".repeat(64);
    place.add_config(&format!("[engine]\nallow = [{other:?}]"));
    let ran = place.append(change("c").as_bytes());
    ran.refused(3, &other);
    ran.refused(3, &digest(&embedded()));
}

#[test]
fn an_allowed_guest_seals_and_its_digest_is_in_every_record() {
    let (code, allowed) = exported();
    let place = with_guest(&code, &[&allowed]);
    let served = Served::start(&place);
    for id in ["one", "two"] {
        assert_eq!(served.post_change(&change(id)).status, 200);
    }
    let metrics = get(served.api, "/metrics").text();
    let info = metrics.lines().find(|line| line.starts_with("sealtrail_build_info{")).unwrap();
    assert!(info.contains(&allowed), "{info}");
    let commits = metrics.lines().find(|l| l.starts_with("sealtrail_commit_records_sum ")).unwrap();
    assert_eq!(commits, "sealtrail_commit_records_sum 2");
    assert_eq!(served.terminate().0, 0);
    assert_eq!(engines(&place), [allowed.clone(), allowed]);
    assert_eq!(place.verify().code, 0);
}

#[test]
fn what_is_no_guest_is_refused_although_it_is_allowed() {
    for (file, said) in [
        (built("empty_guest"), "does not export the function `alloc`"),
        (built("other_guest"), "the function `alloc` of the guest has another signature"),
        (built("importing_guest"), "the guest imports `env.f`; it must import nothing"),
        (built("faulty_guest"), "longer than `limits.guest_time`"),
        (b"no guest at all".to_vec(), "the sandboxed core cannot start"),
        (b"\0asm\x01\0\0\0".to_vec(), "the sandboxed core cannot start"),
    ] {
        let place = with_guest(&file, &[&digest(&file)]);
        let ran = place.append(change("c").as_bytes());
        assert_ne!(ran.code, 0, "{said}");
        assert!(ran.stderr.contains(said), "expected `{said}`: {ran:?}");
        assert!(place.lines().is_empty());
    }
}

#[test]
fn a_hangup_reads_the_guest_again_and_refuses_one_that_is_not_allowed() {
    let (first, (second, allowed)) = (embedded(), exported());
    let place = with_guest(&first, &[&digest(&first), &allowed]);
    let served = Served::start(&place);
    assert_eq!(served.post_change(&change("one")).status, 200);

    std::fs::write(place.path("guest.cwasm"), &second).unwrap();
    served.signal("HUP");
    until(&served, "policy_reloads_total{result=\"ok\"}", "1");
    assert_eq!(served.post_change(&change("two")).status, 200);

    let mut third = second.clone();
    *third.last_mut().unwrap() ^= 1;
    std::fs::write(place.path("guest.cwasm"), &third).unwrap();
    served.signal("HUP");
    until(&served, "policy_reloads_total{result=\"refused\"}", "1");
    assert_eq!(served.post_change(&change("three")).status, 200);

    let (code, said) = served.terminate();
    assert_eq!(code, 0);
    let refusal = said.lines().find(|line| line.contains("the reload is refused")).unwrap();
    for part in ["guest.cwasm", &digest(&third), &allowed] {
        assert!(refusal.contains(part), "{refusal}");
    }
    assert_eq!(engines(&place), [digest(&first), allowed.clone(), allowed]);
}

#[test]
fn a_hangup_reads_the_list_of_guests_again() {
    let (first, (second, other)) = (embedded(), exported());
    let place = with_guest(&first, &[&digest(&first)]);
    let served = Served::start(&place);
    std::fs::write(place.path("guest.cwasm"), &second).unwrap();
    served.signal("HUP");
    until(&served, "policy_reloads_total{result=\"refused\"}", "1");
    assert_eq!(served.post_change(&change("one")).status, 200);

    place.edit_config(&format!("allow = [{:?}]", digest(&first)), &format!("allow = [{other:?}]"));
    served.signal("HUP");
    until(&served, "policy_reloads_total{result=\"ok\"}", "1");
    assert_eq!(served.post_change(&change("two")).status, 200);

    // Who runs now may be taken from the list too; then a reload is refused, and it goes on.
    place.edit_config(&other, &digest(&first));
    served.signal("HUP");
    until(&served, "policy_reloads_total{result=\"refused\"}", "2");
    assert_eq!(served.post_change(&change("three")).status, 200);
    assert_eq!(served.terminate().0, 0);
    assert_eq!(engines(&place), [digest(&first), other.clone(), other]);
}

#[test]
fn the_configuration_shows_it() {
    let (code, allowed) = exported();
    let place = with_guest(&code, &[&allowed]);
    let shown = place.run("config", &[]);
    assert_eq!(shown.code, 0, "{shown:?}");
    let list = format!("allow = [\"{allowed}\"]");
    for line in ["[engine]", "guest = \"guest.cwasm\"", &list] {
        assert!(shown.stdout.contains(line), "expected `{line}`: {shown:?}");
    }
    let plain = Place::new().run("config", &[]);
    assert!(plain.stdout.contains("[engine]\nallow = []"), "{plain:?}");
}
