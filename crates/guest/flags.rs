// Included by everything that builds the guest, so that all of them make the same bytes.

/// The flags of rustc for a wasm edge, as `CARGO_ENCODED_RUSTFLAGS` takes them.
///
/// Panic messages carry source paths, so the paths of this machine and the name of its registry are
/// given others: the same sources make the same module from every folder.
fn encoded_rustflags(workspace: &std::path::Path) -> std::ffi::OsString {
    use std::path::PathBuf;

    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let mut names = vec![(workspace.to_owned(), "/sealtrail")];
    if let Some(home) = home {
        // Later flags win, so the folders of registries come after the one that they are in.
        let registries = std::fs::read_dir(home.join("registry/src"));
        names.push((home, "/cargo"));
        for registry in registries.into_iter().flatten().flatten() {
            names.push((registry.path(), "/cargo/registry"));
        }
    }
    let mut flags = std::ffi::OsString::from("-Ctarget-feature=+simd128");
    // A host that puts a guest back to what it was copies its whole memory, and nothing here recurses: a small
    // stack, and its pointer in the host's hands.
    flags.push("\u{1f}-Clink-arg=-zstack-size=32768\u{1f}-Clink-arg=--export=__stack_pointer");
    for (from, to) in names {
        flags.push("\u{1f}--remap-path-prefix=");
        flags.push(from);
        flags.push("=");
        flags.push(to);
    }
    flags
}
