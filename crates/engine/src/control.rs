//! Controls: what is called around a run, its hypothesis, its method, its rollbacks and each of its activities.
//!
//! Job: which controls apply at a turn ([`applying()`]), what a control of our own is ([`Control`]), and what the engine asks of
//! whoever serves them ([`Controls`]). Invariant: a control that fails is told and changes nothing; only [`Unhooked::Interrupted`]
//! ends a run.
//!
//! Not here: when they are called (`run`), and controls in other languages, which cli brings along.

mod applying;

pub use applying::{applying, declared};

use crate::environment::Environment;
use crate::failure::Failure;
use crate::stop::Signal;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use squall_experiment::check::Parameter;
use squall_experiment::document::Experiment;
use squall_experiment::event::{ActivityId, Around, Listed, Phase, Place, Side};
use squall_experiment::substitute::Scope;
use squall_experiment::{Object, Value};
use std::future::Future;
use std::sync::Arc;

/// What is called of a control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// Before anything else is, once.
    Configure {
        /// Whether it holds for every experiment.
        global: bool,
    },
    /// At a turn of the run.
    Turn(Around, Side),
    /// When everything is over.
    Cleanup,
}

impl Hook {
    /// The Toolkit's name of the function.
    pub fn function(self) -> &'static str {
        match self {
            Hook::Configure { .. } => "configure_control",
            Hook::Cleanup => "cleanup_control",
            Hook::Turn(Around::Loader, Side::Before) => "before_loading_experiment_control",
            Hook::Turn(Around::Loader, Side::After) => "after_loading_experiment_control",
            Hook::Turn(Around::Experiment, Side::Before) => "before_experiment_control",
            Hook::Turn(Around::Experiment, Side::After) => "after_experiment_control",
            Hook::Turn(Around::Hypothesis, Side::Before) => "before_hypothesis_control",
            Hook::Turn(Around::Hypothesis, Side::After) => "after_hypothesis_control",
            Hook::Turn(Around::Method, Side::Before) => "before_method_control",
            Hook::Turn(Around::Method, Side::After) => "after_method_control",
            Hook::Turn(Around::Rollback, Side::Before) => "before_rollback_control",
            Hook::Turn(Around::Rollback, Side::After) => "after_rollback_control",
            Hook::Turn(Around::Activity, Side::Before) => "before_activity_control",
            Hook::Turn(Around::Activity, Side::After) => "after_activity_control",
        }
    }
}

/// What a control is called about.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// An experiment that is being loaded: its source, and what was loaded.
    Source(&'a str, Option<&'a Value>),
    /// The run; once it is over, with its journal.
    Run,
    /// A look at the steady state; once it is over, with what it came to.
    Hypothesis(Phase),
    /// The method; once it is over, with its records.
    Method,
    /// The rollbacks; once they are over, with their records.
    Rollbacks,
    /// An activity.
    Activity {
        /// The same for what is called before and after it, and never again.
        play: u64,
        /// The activity, not one that refers to it.
        activity: &'a Value,
        /// Where it stands in the experiment: which list, which place in it.
        at: (Place, usize),
        /// Its record, once it ended by itself.
        record: Option<ActivityId>,
    },
}

/// One call of a control.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The control as declared.
    pub control: &'a Object,
    /// What of it.
    pub hook: Hook,
    /// Its arguments, filled in (but to configure it).
    pub arguments: &'a Value,
    /// About what.
    pub subject: Subject<'a>,
    /// The experiment as it is now; `None` while it is loaded.
    pub experiment: Option<&'a Arc<Experiment>>,
    /// Configuration and secrets as they are now.
    pub scope: &'a Arc<Scope>,
    /// The time.
    pub now: Timestamp,
}

impl Call<'_> {
    /// The control's name.
    pub fn name(&self) -> String {
        name(self.control)
    }
}

/// A control's name, as the log shows it.
pub fn name(control: &Object) -> String {
    control.get("name").map_or_else(|| "None".to_owned(), squall_experiment::python::str_of)
}

/// A control's arguments as declared.
pub fn arguments(control: &Object) -> Value {
    let declared = control.get("provider").and_then(|provider| provider.get("arguments"));
    declared
        .filter(|arguments| !arguments.is_null())
        .cloned()
        .unwrap_or_else(|| Value::Object(Object::default()))
}

/// What a control changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// The activity that it was called about.
    pub activity: Option<Value>,
    /// The experiment; while it is loaded, the document.
    pub experiment: Option<Value>,
    /// The configuration.
    pub configuration: Option<Object>,
    /// The secrets.
    pub secrets: Option<Object>,
    /// Records of activities that ended.
    pub records: Vec<(ActivityId, Object)>,
    /// What looks at the steady state came to.
    pub looks: Vec<(Phase, Look)>,
    /// Lists of records.
    pub runs: Vec<(Place, Vec<Listed>)>,
    /// Members of the journal that were added or replaced, and the names of those that were removed.
    pub journal: Option<(Object, Vec<String>)>,
    /// Why it came to no end of its own; what it changed before holds.
    pub trouble: Option<Unhooked>,
}

/// What a look at the steady state came to, but for its list of records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Look {
    /// Whether it is met.
    pub met: bool,
    /// All other members.
    pub members: Object,
    /// Which of the members that every look has are gone.
    pub removed: Vec<String>,
}

/// Why a control came to no end of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unhooked {
    /// It failed; the run goes on.
    Failed(Failure),
    /// It wants the run to end, for this reason.
    Interrupted(String),
    /// It asks for the end of the run, as that signal would.
    Exit(Signal),
}

impl From<Failure> for Unhooked {
    fn from(failure: Failure) -> Unhooked {
        Unhooked::Failed(failure)
    }
}

/// Serves the controls of a run; cli hands it in.
///
/// # Must
/// - return without having done anything when the control has no such function, or is of a kind that has none;
/// - bear being dropped at any moment: a stop does not wait for a control.
pub trait Controls: Send + Sync {
    /// The controls that hold for every experiment, in their order, each with its name.
    fn globals(&self) -> Vec<Value>;
    /// Waits until whoever is told of events has been told everything that observers saw so far.
    fn told(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
    /// Calls a control.
    fn call<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Changes, Unhooked>>;
}

/// A control of our own: it is told what happens, and can end the run.
///
/// # Must
/// - bear being dropped at any moment.
pub trait Control: Send + Sync + 'static {
    /// What is known of it beforehand.
    const SPEC: ControlSpec;
    /// Its arguments; unknown ones are refused by `#[serde(deny_unknown_fields)]`.
    type Args: DeserializeOwned + JsonSchema + Send + Sync;
    /// Is told.
    fn hook(
        args: &Self::Args,
        happening: &Happening,
        cx: &Aside<'_>,
    ) -> impl Future<Output = Result<(), Unhooked>> + Send;
}

/// One control, described.
#[derive(Clone, Copy, Debug)]
pub struct ControlSpec {
    /// Our name, which is the `module` of its provider.
    pub name: &'static str,
    /// The Toolkit's names: modules.
    pub aliases: &'static [&'static str],
    /// One line.
    pub summary: &'static str,
    /// What the user sees, how it works, what it cannot do. Markdown.
    pub docs: &'static str,
    /// Arguments of an example, YAML.
    pub example: &'static str,
}

/// What a control of our own is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Happening {
    /// What is called.
    pub hook: Hook,
    /// The control's name.
    pub control: String,
    /// The experiment, hypothesis or activity; the source while it is loaded.
    pub context: Value,
    /// What came of it: a journal, a state, records or a record; null before.
    pub state: Value,
}

/// What a control of our own may use.
#[derive(Clone, Copy, Debug)]
pub struct Aside<'a> {
    /// Variables.
    pub environment: &'a Environment,
    /// The time.
    pub now: Timestamp,
}

/// A control with its arguments, its type forgotten.
pub trait ErasedControl: Send + Sync {
    /// [`Control::hook`].
    fn hook<'a>(&'a self, happening: &'a Happening, cx: &'a Aside<'a>)
    -> BoxFuture<'a, Result<(), Unhooked>>;
}

struct BoundControl<C: Control>(C::Args);

impl<C: Control> ErasedControl for BoundControl<C> {
    fn hook<'a>(
        &'a self,
        happening: &'a Happening,
        cx: &'a Aside<'a>,
    ) -> BoxFuture<'a, Result<(), Unhooked>> {
        Box::pin(C::hook(&self.0, happening, cx))
    }
}

/// A line of the catalogue.
pub struct ControlEntry {
    /// What is known of it.
    pub spec: &'static ControlSpec,
    /// JSON schema of its arguments.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// Reads its arguments. Errors are for people.
    pub bind: fn(serde_json::Value) -> Result<Box<dyn ErasedControl>, serde_json::Error>,
}

impl ControlEntry {
    /// Its arguments in the order of their declaration, each with its own JSON schema.
    pub fn parameters(&self) -> Vec<Parameter> {
        crate::spec::parameters(self.schema)
    }
}

/// The catalogue's line for a control.
pub const fn control<C: Control>() -> ControlEntry {
    ControlEntry {
        spec: &C::SPEC,
        schema: |generator| generator.subschema_for::<C::Args>(),
        bind: |args| Ok(Box::new(BoundControl::<C>(serde_json::from_value(args)?))),
    }
}
