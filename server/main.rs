//! Entry point of `authlens`.

mod cli;
mod lookup;
mod lsp;
mod workspace;

fn main() -> std::process::ExitCode {
    cli::main()
}
