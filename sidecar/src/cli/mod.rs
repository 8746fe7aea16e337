//! The command line: one file for each command.

mod answers;
mod append;
mod compress;
mod config;
mod criteria;
mod diff;
mod expire;
mod export;
mod guest;
mod history;
mod hold;
mod index;
mod init;
mod input;
mod keys;
mod lineage;
mod output;
mod policy;
mod preview;
mod progress;
mod project;
mod prove;
mod prune;
mod query;
mod records;
mod remote;
mod restart_only;
mod reveal;
mod serve;
mod shred;
mod signals;
mod tail;
mod terminal;
mod time_engine;
mod token;
mod verify;
mod verify_bundle;
mod verify_proof;
mod vkey;
mod witness;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::code::EXIT_CODES;
use crate::config::{Config, Effective};
use crate::error::{Error, Result};
use crate::modes;
use crate::problem::Problem;

/// Audit records of what changed, who did it and in which request: personal fields sealed, the log
/// tamper-evident.
///
/// Every FILE may be `-` for standard input.
#[derive(Parser)]
#[command(name = "sealtrail", version, max_term_width = 100)]
struct Cli {
    /// Print JSON where a person would read text, and errors as problems (RFC 9457)
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Init(init::Init),
    Serve(serve::Serve),
    Config(config::ConfigCommand),
    Diff(diff::Diff),
    Preview(preview::Preview),
    Append(append::Append),
    History(history::History),
    Query(query::Query),
    Lineage(lineage::Lineage),
    Export(export::Export),
    Project(project::Project),
    Index(index::Index),
    Reveal(reveal::Reveal),
    Shred(shred::Shred),
    Expire(expire::Expire),
    Tail(tail::Tail),
    Prune(prune::Prune),
    Hold(hold::Hold),
    Compress(compress::Compress),
    Verify(verify::Verify),
    Prove(prove::Prove),
    VerifyProof(verify_proof::VerifyProof),
    Vkey(vkey::Vkey),
    Witness(witness::Witness),
    Keys(keys::Keys),
    Policy(policy::Policy),
    Guest(guest::GuestCommand),
    #[command(hide = true)]
    TimeEngine(time_engine::TimeEngine),
    Token(token::Token),
}

/// It logs as `serve` does.
fn is_witness_service(command: &Command) -> bool {
    matches!(command, Command::Witness(witness) if witness.is_service())
}

/// How a command prints.
#[derive(Clone, Copy)]
struct Style {
    json: bool,
}

/// Which configuration a command uses.
#[derive(clap::Args)]
struct ConfigArg {
    /// The configuration
    #[arg(long, short, value_name = "FILE", default_value = "sealtrail.toml")]
    config: PathBuf,
}

impl ConfigArg {
    fn read(&self) -> Result<Config> {
        let config = Config::read(&self.config)?;
        modes::as_open_as(&config.log_dir);
        Ok(config)
    }

    fn read_effective(&self) -> Result<Effective> {
        Effective::read(&self.config)
    }
}

/// Runs the command of the arguments; the exit code is part of the interface.
pub fn run() -> ExitCode {
    modes::close_to_others();
    let codes = format!(
        "{EXIT_CODES}\n\nExit codes of verify, verify-proof and witness:\n{}",
        verify::classes()
    );
    let matches = Cli::command().after_help(codes).get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let style = Style { json: cli.json };
    if !matches!(cli.command, Command::Serve(_)) && !is_witness_service(&cli.command) {
        // What `serve` would log is told to whoever sits at the command line.
        let _ = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::WARN)
            .with_target(false)
            .without_time()
            .with_ansi(false)
            .with_writer(std::io::stderr)
            .try_init();
    }
    let done = match cli.command {
        Command::Init(command) => command.run(style),
        Command::Serve(command) => command.run(),
        Command::Config(command) => command.run(style),
        Command::Diff(command) => command.run(style),
        Command::Preview(command) => command.run(style),
        Command::Append(command) => command.run(),
        Command::History(command) => command.run(style),
        Command::Query(command) => command.run(style),
        Command::Lineage(command) => command.run(style),
        Command::Export(command) => command.run(style),
        Command::Project(command) => command.run(style),
        Command::Index(command) => command.run(style),
        Command::Reveal(command) => command.run(style),
        Command::Shred(command) => command.run(style),
        Command::Expire(command) => command.run(style),
        Command::Tail(command) => command.run(),
        Command::Prune(command) => command.run(style),
        Command::Hold(command) => command.run(style),
        Command::Compress(command) => command.run(style),
        Command::Verify(command) => command.run(style),
        Command::Prove(command) => command.run(),
        Command::VerifyProof(command) => command.run(style),
        Command::Vkey(command) => command.run(style),
        Command::Witness(command) => command.run(style),
        Command::Keys(command) => command.run(style),
        Command::Policy(command) => command.run(style),
        Command::Guest(command) => command.run(style),
        Command::TimeEngine(command) => command.run(),
        Command::Token(command) => command.run(style),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            tell(style, &error);
            ExitCode::from(error.code().exit_code())
        }
    }
}

fn tell(style: Style, error: &Error) {
    if style.json {
        eprintln!("{}", String::from_utf8_lossy(&Problem::of(error).to_json()));
    } else {
        eprintln!("error: {error}");
    }
}
