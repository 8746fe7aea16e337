//! One command for each thing a developer does: `cargo xtask <command>`.

mod bench;
mod demo;
mod deploy;
mod fuzz;
mod image;
mod machine;
mod soak;
mod stage;
mod test;
mod wasm;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <command>

  wasm    build both wasm edges and the page: js/sealtrail/dist and js/console/dist
  demo    the product's life in one run
  test    everything that must hold
  image   the container image, built and tried: image [--quick], not optimised, as the tests build it
  fuzz    the core under libFuzzer: fuzz [value|selector|policy|token|capture] [--seconds N | --quick]
  bench   figures and ratios: bench [core|node|size|log|history|proxy|collector|engine|keyring|page|service|logs|profile] [--json FILE]
  soak    the sidecar under load while things break: soak [--minutes N]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.first().map(String::as_str) {
        Some("wasm") => wasm::run(),
        Some("demo") => demo::run(),
        Some("test") => test::run(),
        Some("image") => image::run(&arguments[1..]),
        Some("fuzz") => fuzz::run(&arguments[1..]),
        Some("bench") => bench::run(&arguments[1..]),
        Some("soak") => soak::run(&arguments[1..]),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
