//! The command line: run once over a tree, print, exit.

mod asked;
mod calls;
mod check;
mod excerpt;
mod explain;
mod fix;
mod load;
mod report;
mod routes;
mod unread;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Nothing to report.
const CLEAN: u8 = 0;
/// There are findings.
const FINDINGS: u8 = 1;
/// The command could not run.
const FAILED: u8 = 2;

/// Proves who may call what across a FastAPI backend.
#[derive(Debug, Parser)]
#[command(name = "authlens", version, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 clean, 1 findings, 2 could not run.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check files and folders
    Check(CheckArgs),
    /// List every route with its guard
    Routes(RoutesArgs),
    /// List every request of the frontend with the route that it reaches
    Calls(RoutesArgs),
    /// Show the proof of one route (METHOD PATH), or the page of a rule (RULE)
    Explain(ExplainArgs),
    /// Serve an editor over standard input and output
    Server {
        /// Accepted because editors pass it; there is no other way
        #[arg(long, hide = true)]
        stdio: bool,
    },
    /// List the rules
    Rules {
        /// Output format
        #[arg(long, value_enum, default_value_t = ListFormat::Text)]
        format: ListFormat,
    },
}

#[derive(Debug, Args)]
struct CheckArgs {
    /// Files and folders to check; the project around them is read, findings and counts are of what is named
    #[arg(default_value = ".")]
    paths: Vec<PathBuf>,
    /// Output format; paths are relative to a single folder that is named, else to the current one, in `github` to the checkout
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    format: CheckFormat,
    /// Apply fixes that can't change what legitimate callers see
    #[arg(long)]
    fix: bool,
    /// Apply all fixes, also those that may change behaviour
    #[arg(long)]
    unsafe_fixes: bool,
    /// Print what the fixes would change instead of writing it, as a patch for the current folder
    #[arg(long)]
    diff: bool,
    /// Use this configuration file and no other
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Report only these rules
    #[arg(long, value_delimiter = ',', value_name = "RULE")]
    select: Vec<String>,
    /// Do not report these rules
    #[arg(long, value_delimiter = ',', value_name = "RULE")]
    ignore: Vec<String>,
    /// Report nothing below this severity
    #[arg(long, value_enum, default_value_t = MinSeverity::Hint, value_name = "SEVERITY")]
    min_severity: MinSeverity,
    /// When to use colour
    #[arg(long, value_enum, default_value_t = Colour::Auto)]
    color: Colour,
    /// Print findings only, without the summary
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Debug, Args)]
struct RoutesArgs {
    /// File or folder to list; the project around it is read
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Output format
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    format: ListFormat,
}

#[derive(Debug, Args)]
struct ExplainArgs {
    /// `GET /api/tasks`, with a file or folder behind it perhaps, or the code of a rule
    #[arg(required = true, num_args = 1..=3, value_names = ["METHOD|RULE", "PATH", "WHERE"])]
    what: Vec<String>,
    /// File or folder to look in; the project around it is read
    #[arg(long, default_value = ".")]
    root: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CheckFormat {
    /// Source excerpts for people
    Text,
    /// One JSON object
    Json,
    /// Workflow commands that GitHub shows beside the code
    Github,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ListFormat {
    /// A table for people
    Text,
    /// One JSON object
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum MinSeverity {
    Hint,
    Info,
    Warning,
    Error,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Colour {
    Auto,
    Always,
    Never,
}

/// Runs the command line.
pub(crate) fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no failures; their printing may fail on a closed pipe.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { FAILED } else { CLEAN });
        }
    };
    if let Command::Server { .. } = cli.command {
        return crate::lsp::run();
    }
    std::panic::set_hook(Box::new(|_| {}));
    let result = std::panic::catch_unwind(|| match &cli.command {
        Command::Check(args) => check::run(args),
        Command::Calls(args) => calls::run(args),
        Command::Routes(args) => routes::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Server { .. } => Ok(CLEAN),
        Command::Rules { format } => explain::rules(*format),
    });
    let problem = match result {
        Ok(Ok(code)) => return ExitCode::from(code),
        Ok(Err(message)) => message,
        Err(panic) => format!("internal error, please report it: {}", panic_message(&*panic)),
    };
    eprintln!("authlens: {problem}");
    ExitCode::from(FAILED)
}

/// What a panic says, on one line.
fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("unknown").lines().next().unwrap_or_default().to_owned()
}

/// Prints a report. A reader that has gone away (`| head`) is no error.
fn print(text: &str) -> Result<(), String> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(format!("can't write the report: {error}")),
        _ => Ok(()),
    }
}
