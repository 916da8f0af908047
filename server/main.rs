//! Entry point of `authlens`.

mod cli;
mod lookup;
mod lsp;
mod workspace;

/// glibc gives nothing back from the middle of a heap: of what a large workspace took, a quarter
/// was room that nobody used.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    cli::main()
}
