//! One heap for all threads.
//!
//! glibc gives each thread that allocates a heap of its own, and gives nothing
//! back from the middle of one. Texts are read on one thread, parsed on others
//! and kept by a third: each heap then keeps the room of its busiest moment, which
//! was a quarter of what a large workspace took. The number of heaps can only be
//! chosen before the process begins.

/// Starts the program again, as the same process, with one heap.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(super) fn start() {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    const HEAPS: &str = "MALLOC_ARENA_MAX";
    if std::env::var_os(HEAPS).is_some() {
        return;
    }
    if let Ok(program) = std::env::current_exe() {
        // This comes back only when it failed: then there are many heaps.
        let _ = Command::new(program).args(std::env::args_os().skip(1)).env(HEAPS, "1").exec();
    }
}

/// Other allocators are left as they are.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(super) fn start() {}
