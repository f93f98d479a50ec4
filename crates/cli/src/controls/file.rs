//! Files of controls that hold for every experiment of a run: `--control-file`.

use crate::problem::{Problem, kind};
use crate::session::Session;
use squall_experiment::load::{Format, load};
use squall_experiment::{Object, Value};
use squall_report::line::Line;
use std::path::Path;

/// The controls of a file by their names; none of a file that cannot be parsed, which is an ERROR line.
pub(super) fn read(path: &Path, session: &Session) -> Result<Object, Problem> {
    let shown = path.display();
    let bytes = std::fs::read(path)
        .map_err(|error| Problem::new(format!("could not read the control file {shown}: {error}")))?;
    if bytes.is_empty() {
        return Ok(Object::default());
    }
    let Some(format) = format(path) else {
        let what =
            format!("could not read the control file {shown}: its name must end in .json, .yaml or .yml");
        return Err(Problem::new(what));
    };
    match load(&bytes, format) {
        Ok(draft) => match draft.document {
            Value::Object(controls) => Ok(controls),
            other => {
                let what =
                    format!("the control file {shown} must hold an object of controls, not {}", kind(&other));
                Err(Problem::new(what))
            }
        },
        Err(error) => {
            session.say(Line::error(format!("Failed to parse control file '{shown}': {error}")));
            Ok(Object::default())
        }
    }
}

/// What a file holds by its extension. Every beginning of `.json`, even none, counts as JSON, as in the Toolkit.
fn format(path: &Path) -> Option<Format> {
    let extension =
        path.extension().map_or_else(String::new, |extension| format!(".{}", extension.to_string_lossy()));
    match extension.as_str() {
        ".yaml" | ".yml" => Some(Format::Yaml),
        part if ".json".contains(part) => Some(Format::Json),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_as_the_toolkit_tells_them() {
        for (name, expected) in [
            ("c.yaml", Some(Format::Yaml)),
            ("c.yml", Some(Format::Yaml)),
            ("c.json", Some(Format::Json)),
            ("c.js", Some(Format::Json)),
            ("c", Some(Format::Json)),
            (".hidden", Some(Format::Json)),
            ("c.YAML", None),
            ("c.toml", None),
        ] {
            assert_eq!(format(Path::new(name)), expected, "{name}");
        }
    }
}
