//! Entry point of `authlens`.

mod cli;
mod workspace;

fn main() -> std::process::ExitCode {
    cli::main()
}
