//! Which controls apply at a turn of a run, and in which order: a function of documents alone.
//!
//! Invariant: of one control nothing applies twice at a turn. (The Toolkit calls the experiment's controls once for every
//! other control that applies; that is the one oddity of its order that is not kept.)

use squall_experiment::event::{Around, Side};
use squall_experiment::{Object, Value};

/// The controls that apply around something, of those that hold for every experiment (`globals`), of the experiment, and of
/// what it is around (`declared`: the hypothesis or the activity), in the order in which they are called.
pub fn applying<'a>(
    around: Around,
    side: Side,
    globals: &'a [Value],
    experiment: Option<&'a Object>,
    declared: Option<&'a Value>,
) -> Vec<&'a Object> {
    let globals = globals.iter().filter_map(Value::as_object);
    let own: Vec<&Object> =
        experiment.and_then(|experiment| list(experiment.get("controls"))).unwrap_or_default();
    let automatic = || own.iter().copied().filter(|control| is_automatic(control));
    let applying: Vec<&Object> = match around {
        Around::Loader => globals.collect(),
        Around::Experiment => referring(globals.chain(own.iter().copied()).collect(), &own),
        Around::Method | Around::Rollback if own.is_empty() => globals.collect(),
        Around::Method | Around::Rollback => automatic().collect(),
        Around::Hypothesis | Around::Activity => {
            let declared = declared.and_then(|of| list(of.get("controls"))).unwrap_or_default();
            let nearer: Vec<&Object> = globals.chain(declared).collect();
            let replaced =
                |control: &Object| nearer.iter().any(|other| other.get("name") == control.get("name"));
            let first = automatic().filter(|control| !replaced(control));
            referring(first.chain(nearer.iter().copied()).collect(), &own)
        }
    };
    applying.into_iter().filter(|control| is_on(control, side)).collect()
}

/// Every control that a run configures and cleans up: those of the experiment by the first of each name.
pub fn declared(experiment: &Object) -> Vec<&Object> {
    let hypothesis = experiment.get("steady-state-hypothesis");
    let lists = [
        hypothesis.and_then(|hypothesis| hypothesis.get("probes")),
        experiment.get("method"),
        experiment.get("rollbacks"),
    ];
    let activities = lists.into_iter().flatten().filter_map(Value::as_list).flatten();
    let holders = [experiment.get("controls"), hypothesis.and_then(|hypothesis| hypothesis.get("controls"))]
        .into_iter()
        .chain(activities.map(|activity| activity.get("controls")));
    let mut found: Vec<&Object> = Vec::new();
    for control in holders.filter_map(list).flatten() {
        let name = control.get("name").filter(|name| name.is_truthy());
        if name.is_some() && !found.iter().any(|other| other.get("name") == name) {
            found.push(control);
        }
    }
    found
}

/// The same with the controls of the experiment that its members refer to at the end, and without the references.
fn referring<'a>(members: Vec<&'a Object>, own: &[&'a Object]) -> Vec<&'a Object> {
    let reference = |control: &Object| control.get("ref").filter(|name| !name.is_null()).cloned();
    let mut found: Vec<&Object> =
        members.iter().copied().filter(|member| reference(member).is_none()).collect();
    for name in members.iter().filter_map(|member| reference(member)) {
        let meant = own.iter().find(|control| control.get("name") == Some(&name));
        // One that applies by itself need not be called twice.
        if let Some(meant) = meant
            && !found.iter().any(|there| there.get("name") == Some(&name))
        {
            found.push(meant);
        }
    }
    found
}

fn list(controls: Option<&Value>) -> Option<Vec<&Object>> {
    Some(controls?.as_list()?.iter().filter_map(Value::as_object).collect())
}

fn is_automatic(control: &Object) -> bool {
    control.get("automatic").is_none_or(Value::is_truthy)
}

/// A control may be limited to one side.
fn is_on(control: &Object, side: Side) -> bool {
    match control.get("scope").filter(|scope| scope.is_truthy()) {
        None => true,
        Some(scope) => scope.as_text() == Some(side.word()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    /// `"a"` is a control of this name, `"a!"` one that is not automatic, `"@a"` refers to it, `"a<"` and `"a>"` are only
    /// called before and after.
    fn controls(words: &str) -> Json {
        let control = |word: &str| match word.strip_prefix('@') {
            Some(name) => json!({"ref": name}),
            None => {
                let mut control = json!({"name": word.trim_end_matches(['!', '<', '>'])});
                match word.chars().last() {
                    Some('!') => control["automatic"] = json!(false),
                    Some('<') => control["scope"] = json!("before"),
                    Some('>') => control["scope"] = json!("after"),
                    _ => {}
                }
                control
            }
        };
        words.split_whitespace().map(control).collect()
    }

    fn check(around: Around, globals: &str, own: &str, declared: &str, expected: &str) {
        check_side(around, Side::Before, globals, own, declared, expected);
    }

    fn check_side(around: Around, side: Side, globals: &str, own: &str, declared: &str, expected: &str) {
        let Value::List(global) = Value::from_json(controls(globals)) else { return };
        let Value::Object(experiment) = Value::from_json(json!({"controls": controls(own)})) else { return };
        let holder = Value::from_json(json!({"controls": controls(declared)}));
        let found = applying(around, side, &global, Some(&experiment), Some(&holder));
        let names: Vec<&str> = found.iter().filter_map(|control| control.get("name")?.as_text()).collect();
        assert_eq!(
            names.join(" "),
            expected,
            "{around:?}: globals {globals}, own {own}, declared {declared}"
        );
    }

    #[test]
    fn the_whole_run_has_all_of_them_and_its_loading_only_global_ones() {
        check(Around::Loader, "g", "t", "", "g");
        check(Around::Experiment, "g", "t u!", "", "g t u");
        check(Around::Experiment, "", "", "", "");
    }

    #[test]
    fn global_ones_vanish_around_method_and_rollbacks_when_the_experiment_has_its_own() {
        for around in [Around::Method, Around::Rollback] {
            check(around, "g h!", "", "", "g h");
            check(around, "g", "t u!", "", "t");
            check(around, "g", "u!", "", "");
            check(around, "", "t", "", "t");
        }
    }

    #[test]
    fn around_hypothesis_and_activities_the_experiments_come_first() {
        for around in [Around::Hypothesis, Around::Activity] {
            check(around, "", "t u", "", "t u");
            check(around, "", "t u!", "", "t");
            check(around, "g", "", "a", "g a");
            check(around, "g h", "t", "", "t g h");
            // As recorded, but for the Toolkit's second round of t1 and t2.
            check(around, "", "t1 t2", "a1 a2", "t1 t2 a1 a2");
            check(around, "g!", "t", "a!", "t g a");
        }
    }

    #[test]
    fn one_of_the_same_name_replaces_the_experiments() {
        check(Around::Activity, "", "c", "c", "c");
        check(Around::Activity, "", "c d", "c", "d c");
        check(Around::Activity, "c", "c d", "a", "d c a");
    }

    #[test]
    fn a_reference_stands_for_one_of_the_experiments() {
        check(Around::Activity, "", "t u!", "@u", "t u");
        check(Around::Activity, "", "t", "@t", "t");
        check(Around::Activity, "", "t", "@nobody a", "t a");
    }

    #[test]
    fn a_scope_is_one_side() {
        let all = "b< a> both";
        check_side(Around::Experiment, Side::Before, "", all, "", "b both");
        check_side(Around::Experiment, Side::After, "", all, "", "a both");
        check_side(Around::Activity, Side::After, all, "", "", "a both");
    }

    #[test]
    fn each_name_is_configured_once() {
        let experiment = Value::from_json(json!({
            "controls": controls("t u!"),
            "steady-state-hypothesis": {"controls": controls("h t"), "probes": [{"controls": controls("p")}]},
            "method": [{"controls": controls("a @t")}, {}],
            "rollbacks": [{"controls": controls("a r>")}],
        }));
        let Value::Object(experiment) = experiment else { return };
        let names: Vec<&str> =
            declared(&experiment).iter().filter_map(|control| control.get("name")?.as_text()).collect();
        assert_eq!(names, ["t", "u", "h", "p", "a", "r"]);
    }
}
