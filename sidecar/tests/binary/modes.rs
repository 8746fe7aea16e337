//! Who may read what is made: whatever the umask, nobody but the user and his group.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::place::{ORIGIN, change, edit};
use super::served::Served;

/// `sealtrail …` with this umask.
fn under(umask: &str, arguments: &[&str]) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("umask {umask} && exec \"$0\" \"$@\"")]);
    shell.arg(env!("CARGO_BIN_EXE_sealtrail")).args(arguments);
    shell
}

fn run(umask: &str, arguments: &[&str]) {
    let output = under(umask, arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

fn below(folder: &Path) -> Vec<PathBuf> {
    let mut paths = vec![folder.to_owned()];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if fs::symlink_metadata(&path).unwrap().is_dir() {
            paths.extend(below(&path));
        } else {
            paths.push(path);
        }
    }
    paths
}

/// A place where everything was made that is ever made: log, index, spool, keys, exports, a token, a certificate.
fn lived_in(umask: &str, trail: &Path) {
    let at = |name: &str| trail.join(name).display().to_string();
    let config = at("sealtrail.toml");
    run(
        umask,
        &[
            "init",
            "--origin",
            ORIGIN,
            "--proxy-listen",
            "unix:proxy.sock",
            "--api-listen",
            "127.0.0.1:0",
            &trail.display().to_string(),
        ],
    );
    let added = "[collector]\nwhen_full = \"spool\"\nspool_size = \"64KiB\"\n";
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text + added).unwrap();
    let served = Served::of(under(umask, &["serve", "--config", &config]));
    assert_eq!(mode(&trail.join("proxy.sock")), 0o660, "a socket has its own");
    assert_eq!(served.post_change(&change("a")).status, 200);
    assert_eq!(served.terminate().0, 0);
    run(umask, &["token", "new", "--name", "a", "--role", "reader", "--file", &at("tokens.toml")]);
    run(umask, &["index", "rebuild", "--config", &config]);
    run(umask, &["export", "--config", &config, "--format", "csv", "--out", &at("out.csv")]);
    run(umask, &["export", "--config", &config, "--format", "bundle", "--out", &at("bundle")]);
    run(
        umask,
        &[
            "shred",
            "--config",
            &config,
            "customer/3",
            "--reason",
            "r",
            "--certificate",
            &at("c.json"),
        ],
    );
    run(umask, &["compress", "--config", &config]);
}

#[test]
fn nobody_else_reads_what_is_made_whatever_the_umask() {
    for (umask, taken) in [("000", 0o027), ("022", 0o027), ("077", 0o077)] {
        let folder = tempfile::tempdir().unwrap();
        let trail = folder.path().join("trail");
        lived_in(umask, &trail);
        // A service may run as another user than the one who wrote what is no secret.
        let told = ["", "sealtrail.toml", "policy.json"].map(|name| trail.join(name));
        let inherited = u32::from_str_radix(umask, 8).unwrap();
        assert_eq!(told.each_ref().map(|path| mode(path) & inherited), [0; 3]);
        assert_eq!(mode(&told[2]), 0o666 & !inherited);
        for path in below(&trail) {
            let secret = ["keys", "keyring", "tokens.toml", "spool/spool.jsonl"];
            let taken = match () {
                () if told.contains(&path) => continue,
                () if secret.iter().any(|name| path.starts_with(trail.join(name))) => 0o077,
                () => taken,
            };
            assert_eq!(
                mode(&path) & taken,
                0,
                "umask {umask}: {} {:o}",
                path.display(),
                mode(&path)
            );
        }
        // An auditor in the group sees all of the log, and only what his group may.
        let given = if umask == "077" { 0 } else { 0o040 };
        for path in below(&trail.join("log")) {
            assert_eq!(mode(&path) & 0o040, given, "umask {umask}: {}", path.display());
        }
    }
}

#[test]
fn a_log_that_was_open_to_all_stays_so_until_it_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let trail = folder.path().join("trail");
    lived_in("022", &trail);
    let config = trail.join("sealtrail.toml").display().to_string();
    // As an older version made it.
    for path in below(&trail.join("log")) {
        let open = if path.is_dir() { 0o755 } else { 0o644 };
        fs::set_permissions(&path, fs::Permissions::from_mode(open)).unwrap();
    }
    let output = under("022", &["config", "--config", &config]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("warning: everybody"), "{said}");

    let two = folder.path().join("two");
    fs::write(&two, format!("{}\n{}\n", change("b"), change("c"))).unwrap();
    run("022", &["append", "--config", &config, &two.display().to_string()]);
    for path in below(&trail.join("log")) {
        assert_eq!(mode(&path) & 0o004, 0o004, "who read it reads on: {}", path.display());
    }
    fs::set_permissions(trail.join("log"), fs::Permissions::from_mode(0o750)).unwrap();
    edit(&two, "new@example.com", "newer@example.com");
    run("022", &["append", "--config", &config, &two.display().to_string()]);
    assert_eq!(mode(&trail.join("log/checkpoint")), 0o640);
}
