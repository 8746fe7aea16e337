//! The settings that the compiled guest and the engine that runs it must share: `build.rs` includes this
//! file too, and a difference would be refused when the guest is loaded.

use wasmtime::Config;

pub fn tunables() -> Config {
    let mut config = Config::new();
    config
        // Epochs, not fuel: they bound the time for a quarter of the price (see `limits.guest_time`).
        .epoch_interruption(true)
        .wasm_backtrace_max_frames(None)
        .max_wasm_stack(1 << 20);
    config
}
