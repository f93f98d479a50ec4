//! The names of the rules, with a sentence each: what help, SARIF and the documentation show of them.

/// A rule of validation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleDoc {
    /// Its stable kebab-case name, as in [`crate::diagnostic::Diagnostic::rule`].
    pub name: &'static str,
    /// What it asks for.
    pub says: &'static str,
}

macro_rules! rules {
    ($($rule:ident $name:literal $says:literal)*) => {
        /// The rules by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Rule { $($rule),* }

        impl Rule {
            pub(super) fn name(self) -> &'static str {
                match self { $(Rule::$rule => $name),* }
            }
        }

        /// Every rule that validation knows, those of the loader included.
        pub const RULES: &[RuleDoc] = &[
            $(RuleDoc { name: $name, says: $says },)*
            // The loader's own.
            RuleDoc { name: "syntax", says: "A document is JSON or YAML 1.1." },
            RuleDoc { name: "unreadable", says: "The experiment is a file or URL that can be read." },
            RuleDoc { name: "duplicate-key", says: "A key is given once." },
        ];
    };
}

rules! {
    EmptyExperiment "empty-experiment" "An experiment is an object with at least a title, a description and a method."
    WrongType "wrong-type" "Every key holds the type of value that its meaning asks for."
    Title "missing-title" "An experiment, and its hypothesis, have a title."
    Description "missing-description" "An experiment has a description."
    Tags "bad-tags" "Tags are a list of texts, none of them empty."
    Extension "nameless-extension" "Every extension has a name that is not blank."
    Variable "missing-variable" "A configuration or secret of type `env` names an environment variable that is set, or has a default."
    Configuration "bad-configuration" "A configuration of type `env` can be read and converted to its `env_var_type`."
    Secret "bad-secret" "A secret can be read from where it is kept, and lies in a target."
    Kind "unknown-type" "A configuration is of type `env` or `probe`, a secret of type `env` or `vault`, or they are plain values."
    Method "missing-method" "An experiment has a method, which may be empty."
    EmptyActivity "empty-activity" "An activity is an object that is not empty."
    Ref "bad-ref" "A `ref` is the name of an activity of the method or of the hypothesis."
    DanglingRef "dangling-ref" "A `ref` outside the method points to an activity of the method or of the hypothesis."
    AmbiguousRef "ambiguous-ref" "A `ref` is the name of one activity only."
    ActivityType "activity-type" "An activity is of type `probe` or `action`."
    ActivityName "activity-name" "An activity has a name."
    ActivityProvider "activity-provider" "An activity has a provider."
    ProviderType "provider-type" "A provider is of type `python`, `process` or `http`."
    Timeout "activity-timeout" "The timeout of an activity is a number of seconds."
    Pause "activity-pause" "A pause is a number of seconds, or `${name}` of a configuration that holds one."
    Background "activity-background" "`background` is true or false."
    Tolerance "bad-tolerance" "A probe of the hypothesis has a tolerance, of a kind that can be held against its output."
    DoubtfulTolerance "doubtful-tolerance" "A tolerance can be met by what its probe returns, and means what it seems to."
    PythonModule "python-module" "A Python activity names a module that is known."
    PythonFunction "python-function" "A Python activity names a function of its module."
    MissingArgument "missing-argument" "A function gets every argument that it cannot do without."
    UnknownArgument "unknown-argument" "A function gets no argument that it does not know."
    ArgumentType "argument-type" "An argument has a type that its function takes, is one of the words that it knows, and lies within its bounds."
    ProcessPath "process-path" "A process activity names a program that can be run."
    HttpUrl "http-url" "An HTTP activity has a URL."
    HttpHeaders "http-headers" "The headers of an HTTP activity are an object."
    CannotWork "cannot-work" "A request can be made: its URL begins with `http://` or `https://`, and what fills in a header is text."
    HttpMethod "http-method" "The method of an HTTP activity is a usual one: any word is sent, but one that is nearly a usual one is a slip."
    JsonBody "json-body" "Arguments that are announced as JSON are sent as JSON, which needs exactly the header `Content-Type: application/json`."
    Control "bad-control" "A control has a name and a provider, and its scope is `before` or `after`."
    ControlModule "control-module" "The module of a control can be loaded."
    Deprecated "deprecated" "A spelling that the Toolkit warns about."
    Strategy "unknown-strategy" "A strategy under `runtime`, and the mode of `dry`, is one that exists."
    UnknownKey "unknown-key" "A key is one that is read."
    IgnoredKey "ignored-key" "A key stands where it is read."
    Undeclared "undeclared-variable" "The name in `${name}` is a configuration or a secret. In what a shell gets (the arguments of a process as one text, or a list that names one) only near misses count, for it has variables of its own."
    Literal "literal-variable" "`${name}` stands where it is filled in: in arguments, URLs, headers, pauses and tolerances, and in the title."
    LastingChange "lasting-change" "A change that stays is put back by a rollback, or with `--undo always`."
    IdleRollback "idle-rollback" "A rollback changes what the method has changed."
    HurriedHypothesis "hurried-hypothesis" "Between an action whose effect takes a moment and the check of the hypothesis there is a pause."
    UnusedSecret "unused-secret" "A target of the secrets is listed by a provider, or something of it is named in a `${name}`."
    UnknownSecret "unknown-secret" "The `secrets` of a provider are targets of the experiment's secrets."
}
