//! A disk that is really full.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::place::Place;
use super::served::Served;
use super::wire::post;

/// A file system of its own under a folder of a place, where one may be mounted.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// With what is in the folder already; of such a size, as `mount` takes it.
    pub fn under(place: &Place, name: &str, size: &str) -> Option<Self> {
        let (folder, aside) = (place.path(name), place.path("aside"));
        fs::rename(&folder, &aside).unwrap();
        fs::create_dir(&folder).unwrap();
        let run = |command: &mut Command| command.output().is_ok_and(|o| o.status.success());
        let mounted = run(Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "none"])
            .arg(&folder));
        if !mounted {
            tell_untried("a really full disk needs the right to mount a tmpfs");
            fs::remove_dir(&folder).unwrap();
            fs::rename(&aside, &folder).unwrap();
            return None;
        }
        let small = Self(folder.clone());
        let from = |dir: &Path| dir.join(".");
        assert!(run(Command::new("cp").arg("-a").arg(from(&aside)).arg(&folder)));
        Some(small)
    }

    /// Leaves no room, until it is dropped.
    pub fn fill(&self) -> Ballast {
        let path = self.0.join("ballast");
        // Whatever is left of the last page too.
        fs::write(&path, vec![1; 64 << 20]).unwrap_err();
        Ballast(path)
    }

    /// The same where it is the disk of the log of a server, with what room there is in the open segment: none is left
    /// for the record of an act that gives a longer reason than this.
    pub fn fill_log(&self, served: &Served) -> Ballast {
        let ballast = self.fill();
        let mut id = None;
        for length in [20_000, 1] {
            let change = json!({"entity": {"type": "product", "id": 1}, "action": "create",
                "after": {"text": "x".repeat(length)}});
            loop {
                let answer = served.post_change(&change.to_string());
                if answer.status != 200 {
                    break;
                }
                id = answer.json()["id"].as_str().map(str::to_owned);
            }
        }
        let reveal = format!("/v1/records/{}/reveal", id.unwrap());
        let why = r#"{"group":"default","reason":"r"}"#;
        while post(served.api, &reveal, "application/json", why).status == 200 {}
        ballast
    }
}

/// For whoever runs all tests and sums them up.
fn tell_untried(why: &str) {
    eprintln!("NOT TRIED: {why}");
    let Some(path) = std::env::var_os("SEALTRAIL_NOT_TRIED") else { return };
    let file = fs::OpenOptions::new().create(true).append(true).open(path);
    file.unwrap().write_all(format!("{why}\n").as_bytes()).unwrap();
}

/// What fills a disk.
pub struct Ballast(PathBuf);

impl Drop for Ballast {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
