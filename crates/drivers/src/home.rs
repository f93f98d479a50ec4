//! A leading `~` in a path.

/// `~` and `~/…` with the home folder put in; everything else, and a `~` without a home, as it is.
pub(crate) fn expand(path: &str, home: Option<&str>) -> String {
    match (path.strip_prefix('~'), home) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
            let expanded = format!("{}{rest}", home.trim_end_matches('/'));
            if expanded.is_empty() { "/".to_owned() } else { expanded }
        }
        _ => path.to_owned(),
    }
}
