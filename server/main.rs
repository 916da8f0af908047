//! Entry point of `authlens`.

mod cli;
mod lsp;
mod workspace;

fn main() -> std::process::ExitCode {
    cli::main()
}
