//! One heap for all threads, which gives back what it does not need.
//!
//! An allocator gives each thread that allocates a heap of its own. Texts are
//! read on one thread, parsed on others and kept by a third: each heap then keeps
//! the room of its busiest moment. What is free is given back after a while, by a
//! thread of the allocator: a key does not wait for it. Both can only be chosen
//! before the process begins.

/// Starts the program again, as the same process, with one heap.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(super) fn start() {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    const SETTINGS: &str = "MALLOC_CONF";
    const ONE_HEAP: &str = "narenas:1,background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0";
    if std::env::var_os(SETTINGS).is_some() {
        return;
    }
    if let Ok(program) = std::env::current_exe() {
        // This comes back only when it failed: then there are many heaps.
        let _ = Command::new(program).args(std::env::args_os().skip(1)).env(SETTINGS, ONE_HEAP).exec();
    }
}

/// Other allocators are left as they are.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(super) fn start() {}
