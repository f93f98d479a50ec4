//! The names of `chaoslib` for interpreters that have no chaostoolkit-lib: sources in Python that the bridge hands over.
//!
//! Invariant: they need nothing but Python 3.8 (jsonpath2 and PyYAML for JSON paths and YAML var files, as the library does), and
//! an installed chaostoolkit-lib wins: [`FINDER`] stands behind every other finder of modules.
//!
//! Not here: starting an interpreter, and how the sources reach it. What the shim has and has not: `docs/python.md`.

/// Defines `install(sources)`, which makes the modules of [`MODULES`] importable.
pub(super) const FINDER: &str = include_str!("bridge/shim/finder.py");

/// Each module by its full name, with its source.
pub(super) const MODULES: &[(&str, &str)] = &[
    ("chaoslib", include_str!("bridge/shim/chaoslib.py")),
    ("chaoslib.activity", include_str!("bridge/shim/activity.py")),
    ("chaoslib.caching", include_str!("bridge/shim/caching.py")),
    ("chaoslib.configuration", include_str!("bridge/shim/configuration.py")),
    ("chaoslib.control", include_str!("bridge/shim/control.py")),
    ("chaoslib.discovery", include_str!("bridge/shim/discovery.py")),
    ("chaoslib.discovery.discover", include_str!("bridge/shim/discover.py")),
    ("chaoslib.exceptions", include_str!("bridge/shim/exceptions.py")),
    ("chaoslib.exit", include_str!("bridge/shim/exit.py")),
    ("chaoslib.hypothesis", include_str!("bridge/shim/hypothesis.py")),
    ("chaoslib.run", include_str!("bridge/shim/run.py")),
    ("chaoslib.secret", include_str!("bridge/shim/secret.py")),
    ("chaoslib.types", include_str!("bridge/shim/types.py")),
];
