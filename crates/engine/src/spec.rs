//! What is known of an action or probe before it runs: the data that parsing, validation, discovery, help and rights use.
//!
//! Invariant: optional powers are data here; nothing asks for an entry by its name.

use crate::activity::{Action, BoundAction, BoundProbe, ErasedAction, ErasedProbe, Probe};
use crate::control::ControlEntry;
use crate::undo::{ErasedUndo, Undo};
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::Value as Json;
use squall_experiment::Value;
use squall_experiment::check::{Nature, Parameter};

/// One action or probe, described.
#[derive(Debug)]
pub struct Spec {
    /// Our name: `k8s.pod.terminate`.
    pub name: &'static str,
    /// The Toolkit's names, `module.function`: `chaosk8s.pod.actions.terminate_pods`.
    pub aliases: &'static [&'static str],
    /// One line.
    pub summary: &'static str,
    /// What the user sees, how it works, what it cannot do. Markdown.
    pub docs: &'static str,
    /// Arguments of an example, YAML.
    pub example: &'static str,
    /// What the caller must be allowed to do.
    pub rights: &'static [Right],
    /// How far its effect goes.
    pub reach: Reach,
    /// Where its arguments stand in an activity.
    pub shape: Shape,
    /// What an experiment hands it besides its arguments, in the order in which the Toolkit's function declares it:
    /// `configuration`, `secrets`. Those that extensions have take at least secrets. Only discovery shows them.
    pub injected: &'static [&'static str],
    /// What to use in its place, if it is deprecated.
    pub deprecated: Option<&'static str>,
    /// What validation's hints may know of it.
    pub nature: Nature,
    /// Whether a probe that it serves [takes](crate::Look::inherit) what the one before left.
    pub inherits: bool,
    /// What is odd about an output that no tolerance judges: a warning for the log.
    pub odd: Option<fn(&Value) -> Option<&'static str>>,
}

impl Spec {
    /// What a spec has unless it says otherwise: `Spec { name: …, ..Spec::DEFAULT }`.
    pub const DEFAULT: Spec = Spec {
        name: "",
        aliases: &[],
        summary: "",
        docs: "",
        example: "{}",
        rights: &[],
        reach: Reach::Nothing,
        shape: Shape::Function,
        injected: &["secrets"],
        deprecated: None,
        nature: Nature::UNKNOWN,
        inherits: false,
        odd: None,
    };
}

/// A Kubernetes right: verbs on a resource of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Right {
    /// `get`, `list`, `delete`, …
    pub verbs: &'static [&'static str],
    /// API group, empty for the core group.
    pub group: &'static str,
    /// Resource, with its subresource: `pods/log`.
    pub resource: &'static str,
}

/// How far an effect goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// It only looks.
    Nothing,
    /// The machine we run on.
    Host,
    /// Whatever answers at a URL.
    Remote,
    /// Objects of one namespace.
    Namespace,
    /// Nodes of the cluster.
    Node,
}

/// Where the arguments stand in an activity's `provider`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A function: `type: python`, `module`, `func`; its arguments are `provider.arguments`.
    Function,
    /// A provider type of its own: the provider object itself is the argument.
    Provider {
        /// The word in `provider.type`.
        kind: &'static str,
        /// The keys whose `${}` are always filled in. `arguments` is filled in when there is configuration or a secret.
        filled: &'static [&'static str],
    },
}

/// Typed arguments, ready to run.
pub enum Bound {
    /// It can only look.
    Probe(Box<dyn ErasedProbe>),
    /// It can change things.
    Action(Box<dyn ErasedAction>),
}

/// A line of the catalogue.
pub struct Entry {
    /// What is known of it.
    pub spec: &'static Spec,
    /// JSON schema of its arguments.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// Reads its arguments. Errors are for people.
    pub bind: fn(serde_json::Value) -> Result<Bound, serde_json::Error>,
    /// Whether it is an [`Action`].
    pub acts: bool,
}

impl Entry {
    /// Its arguments in the order of their declaration, each with its own JSON schema.
    pub fn parameters(&self) -> Vec<Parameter> {
        parameters(self.schema)
    }
}

/// The properties of a schema in the order of their declaration, each with its own schema.
pub(crate) fn parameters(schema: fn(&mut SchemaGenerator) -> Schema) -> Vec<Parameter> {
    let inline = SchemaSettings::default().with(|settings| settings.inline_subschemas = true);
    let schema = schema(&mut inline.into_generator());
    let required = schema.get("required").and_then(Json::as_array);
    let properties = schema.get("properties").and_then(Json::as_object);
    properties
        .into_iter()
        .flatten()
        .map(|(name, schema)| Parameter {
            name: name.clone(),
            required: required.is_some_and(|names| names.iter().any(|required| required == name.as_str())),
            schema: schema.clone(),
        })
        .collect()
}

/// The catalogue's line for a probe.
pub const fn probe<P: Probe>() -> Entry {
    Entry {
        spec: &P::SPEC,
        schema: |generator| generator.subschema_for::<P::Args>(),
        bind: |args| Ok(Bound::Probe(Box::new(BoundProbe::<P>(serde_json::from_value(args)?)))),
        acts: false,
    }
}

/// The catalogue's line for an action.
pub const fn action<A: Action>() -> Entry {
    Entry {
        spec: &A::SPEC,
        schema: |generator| generator.subschema_for::<A::Args>(),
        bind: |args| Ok(Bound::Action(Box::new(BoundAction::<A>(serde_json::from_value(args)?)))),
        acts: true,
    }
}

/// A kind of undo, by which a log is resumed.
pub struct UndoEntry {
    /// [`Undo::KIND`].
    pub kind: &'static str,
    /// Reads what was logged.
    pub load: fn(serde_json::Value) -> Result<Box<dyn ErasedUndo>, serde_json::Error>,
}

/// The catalogue's line for a kind of undo.
pub const fn undo<U: Undo>() -> UndoEntry {
    UndoEntry { kind: U::KIND, load: |with| Ok(Box::new(serde_json::from_value::<U>(with)?)) }
}

/// Everything that can be done, and everything that can be undone.
#[derive(Clone, Copy)]
pub struct Catalog {
    /// Actions and probes.
    pub entries: &'static [Entry],
    /// Kinds of undo.
    pub undos: &'static [UndoEntry],
    /// Controls.
    pub controls: &'static [ControlEntry],
}

/// What looking for a function came to.
pub enum Lookup {
    /// There it is.
    Found(&'static Entry),
    /// The module is known, it has no such function.
    NoFunction,
    /// Nothing of that module is known.
    NoModule,
}

impl Catalog {
    /// The entry behind a Toolkit name: module `chaosk8s.pod.actions`, function `terminate_pods`. Our own names work too:
    /// module `k8s.pod`, function `terminate`.
    pub fn function(&self, module: &str, func: &str) -> Lookup {
        let mut known = false;
        for entry in self.entries.iter().filter(|entry| entry.spec.shape == Shape::Function) {
            for name in entry.spec.aliases.iter().copied().chain([entry.spec.name]) {
                let Some((its_module, its_func)) = name.rsplit_once('.') else { continue };
                if its_module == module {
                    known = true;
                    if its_func == func {
                        return Lookup::Found(entry);
                    }
                }
            }
        }
        if known { Lookup::NoFunction } else { Lookup::NoModule }
    }

    /// The control behind a module: our own name, or one of the Toolkit's.
    pub fn control(&self, module: &str) -> Option<&'static ControlEntry> {
        self.controls.iter().find(|entry| entry.spec.name == module || entry.spec.aliases.contains(&module))
    }

    /// The entry behind a provider type other than `python`: `process`, `http`.
    pub fn provider(&self, kind: &str) -> Option<&'static Entry> {
        self.entries
            .iter()
            .find(|entry| matches!(entry.spec.shape, Shape::Provider { kind: its, .. } if its == kind))
    }
}
