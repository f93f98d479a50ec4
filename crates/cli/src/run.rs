//! `chaos run`: from SOURCE to the journal.
//!
//! Invariant: nothing is changed in any system before the run's event log exists, and whatever happened is in the journal
//! when the process ends, even if the disk took no more records.

pub(crate) mod journal;
mod strategies;

use crate::arguments::{self, Run, Undo};
use crate::controls::Backstage;
use crate::exit::{Codes, End};
use crate::problem::{Problem, kind};
use crate::session::Session;
use crate::shared_log::{SharedLog, lock};
use crate::signals::{Signals, end_with_parent};
use crate::source::{Fetching, shown};
use crate::validate::{draft, is_valid};
use crate::{bug, machine, recover, settings, variables, vault};
use jiff::Timestamp;
use squall_engine::control::Controls;
use squall_engine::log::EventLog;
use squall_engine::options::{Dry, Options, UndoPolicy};
use squall_engine::run::{Ended, Request, World};
use squall_engine::stop::Signal;
use squall_engine::story::{Clock, Observer, Told, Veil};
use squall_experiment::document::Experiment;
use squall_experiment::draft::Draft;
use squall_experiment::event::Record;
use squall_experiment::resolve::{self, Configuration, Overrides};
use squall_experiment::{Object, Value};
use squall_report::line::Line;
use squall_report::notify::Name;
use squall_report::redact::Redactor;
use squall_report::toolkit::Toolkit;
use std::path::{self, Path, PathBuf};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Runs an experiment; the exit code.
pub(crate) fn run(arguments: &Run, session: Session) -> Result<u8, Problem> {
    end_with_parent(&session);
    let log = session.log.clone();
    // Known for sure only when the settings are.
    let mut codes = strategies::codes(arguments.exit_codes, &Object::default())?;
    let end = experiment_with(arguments, session, &mut codes).unwrap_or_else(|problem| {
        lock(&log).line(&Line::error(problem.to_string()), Timestamp::now());
        if problem.is_experiments() { End::Invalid } else { End::Hindered }
    });
    Ok(codes.of(end))
}

fn experiment_with(arguments: &Run, mut session: Session, codes: &mut Codes) -> Result<End, Problem> {
    let read = session.settings()?;
    let has_settings = read.is_some();
    let settings = match read {
        Some(settings) => settings::as_object(settings, &session.settings_path)?,
        None => Object::default(),
    };
    *codes = strategies::codes(arguments.exit_codes, &settings)?;
    let overrides = variables::read(&arguments.var, &arguments.var_file, &mut session)?;
    let fetching = Fetching { no_verify_tls: arguments.no_verify_tls, settings: Some(&settings) };
    session.notices.open(&settings, "run", &session);
    let backstage = Backstage::open(&arguments.control_file, has_settings.then_some(&settings), &session)?;
    backstage.before_loading(&arguments.source, &session)?;
    let loaded = draft(&arguments.source, fetching, &session);
    let draft = backstage.after_loading(&arguments.source, loaded, &session)?;
    session.hide(&draft.document, &overrides);
    session.notices.experiment(Name::RunStarted, &draft.document);
    if !arguments.no_validation && !is_valid(&draft, &arguments.source, &overrides, &session)? {
        return Ok(End::Invalid);
    }
    let experiment = experiment(draft).map_err(Problem::of_the_experiment)?;
    say_what_is_not_declared(arguments, &experiment, &session);
    let options = options(arguments, &experiment, &settings, &session)?;
    let (configuration, secrets) = resolved(&experiment, &overrides, &session)?;
    journal::can_be_written(&arguments.journal_path)?;
    backstage.summon(&experiment, &session)?;
    let state = session.state()?;
    recover::mention(&session, &state);
    let run = machine::new_run();
    // From here on a signal is the run's, which a journal tells of.
    let (progress, heard) = Signals::listen(&run, codes.of(End::Cut), &session)?;
    session.before.is_over();
    let created = EventLog::create(&state, &run);
    let log = created.inspect_err(|_| progress.is_done(codes.of(End::Hindered)))?;
    let request = Request {
        experiment,
        configuration,
        secrets,
        options,
        source: shown(&arguments.source),
        journal: absolute(&arguments.journal_path).to_str().map(str::to_owned),
        run: run.clone(),
        program: machine::program(),
    };
    let path = log.path().to_owned();
    let journal = &arguments.journal_path;
    match bug::caught(|| play(request, log, journal, backstage, heard, &session)) {
        Some(played) => {
            let Played { ended, mut told, controls } = played?;
            let written = journal::write(journal, told.log.path(), &told.unwritten);
            if written.is_ok() {
                let settled = told.open == 0 && told.unwritten.is_empty();
                journal::mark(&mut told.log, &absolute(journal), settled);
                progress.is_done(codes.of(End::Ran(ended)));
            }
            // Only now: what an extension does at the end may hang, and nothing depends on it.
            controls.iter().for_each(|controls| controls.finish(session.screen.was_stopped()));
            session.notices.ran(journal::records(told.log.path(), &told.unwritten));
            written.map(|()| End::Ran(ended))
        }
        None => {
            session.screen.finish();
            recover::say_left(&session, &state, &run);
            let written = journal::write(journal, &path, &[]);
            session.notices.ran(journal::records(&path, &[]));
            written.map(|()| End::Bug)
        }
    }
}

/// The same path from everywhere. One that is not known cannot be written to either.
fn absolute(path: &Path) -> PathBuf {
    path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The experiment, if the document is one at all.
fn experiment(draft: Draft) -> Result<Experiment, Problem> {
    let kind = kind(&draft.document);
    let experiment = Experiment::new(draft.document)
        .ok_or_else(|| Problem::new(format!("an experiment must be an object, not {kind}")))?;
    // Without validation this is the one thing that a run cannot do without.
    match experiment.document.contains_key("title") {
        true => Ok(experiment),
        false => Err(Problem::new("experiment requires a title")),
    }
}

/// Says which `--var` the configuration does not have: often a slip, sometimes meant.
fn say_what_is_not_declared(arguments: &Run, experiment: &Experiment, session: &Session) {
    let declared = experiment.document.get("configuration").and_then(Value::as_object);
    for variable in &arguments.var {
        if declared.is_none_or(|declared| !declared.contains_key(&variable.name)) {
            let text = format!("--var {}: the configuration declares nothing of this name", variable.name);
            session.say(if session.screen.terminal { Line::warning(text) } else { Line::debug(text) });
        }
    }
}

fn options(
    arguments: &Run,
    experiment: &Experiment,
    settings: &Object,
    session: &Session,
) -> Result<Options, Problem> {
    let hypothesis =
        strategies::hypothesis(arguments.hypothesis_strategy.as_deref(), experiment, settings, session)?;
    let rollbacks = strategies::rollbacks(arguments.rollback_strategy.as_deref(), experiment, settings)?;
    Ok(Options {
        hypothesis,
        frequency: arguments.hypothesis_frequency,
        fail_fast: strategies::fail_fast(
            arguments.fail_fast,
            arguments.fail_fast_ratio,
            experiment,
            settings,
        )?,
        strict: strategies::strict(arguments.strict, experiment, settings)?,
        rollbacks,
        dry: strategies::dry(
            arguments.dry.map(|dry| match dry {
                arguments::Dry::Probes => Dry::Probes,
                arguments::Dry::Actions => Dry::Actions,
                arguments::Dry::Activities => Dry::Activities,
                arguments::Dry::Pause => Dry::Pause,
            }),
            experiment,
        ),
        undo: match arguments.undo {
            Some(Undo::Always) => UndoPolicy::Always,
            Some(Undo::Auto) => UndoPolicy::Auto,
            None => strategies::undo(experiment, settings)?,
        },
        seed: arguments.seed.unwrap_or_else(machine::new_seed),
    })
}

/// Configuration and secrets. Of several problems the first is the one at which the Toolkit stops.
fn resolved(
    experiment: &Experiment,
    overrides: &Overrides,
    session: &Session,
) -> Result<(Configuration, Object), Problem> {
    let environment = |name: &str| session.environment.get(name).map(str::to_owned);
    let declared = |section| experiment.document.get(section);
    session.say(Line::debug("Loading configuration..."));
    let configuration =
        resolve::configuration(declared("configuration"), &overrides.configuration, &environment);
    session.say(Line::debug("Loading secrets..."));
    let secrets = resolve::secrets(declared("secrets"), &overrides.secrets, &environment);
    match (configuration, secrets) {
        (Ok(configuration), Ok(secrets)) => {
            let known = configuration.known();
            session.redactor.configured(&known);
            let secrets = vault::filled(secrets, &known, true, session)?;
            session.say(Line::debug("Done loading secrets"));
            session.redactor.add(&Value::Object(secrets.clone()));
            Ok((configuration, secrets))
        }
        (configuration, secrets) => {
            let errors = configuration.err().into_iter().chain(secrets.err()).flatten();
            let mut problems = errors.map(|error| Problem::new(error.to_string()));
            let first = problems.next().unwrap_or_else(|| Problem::new("configuration cannot be resolved"));
            problems.for_each(|problem| session.say(Line::debug(problem.to_string())));
            Err(first)
        }
    }
}

/// A run that is over.
struct Played {
    ended: Ended,
    told: Told,
    controls: Option<Arc<Backstage>>,
}

/// Runs it, in view of console and log file, until it ended or a third signal came.
fn play(
    request: Request,
    log: EventLog,
    journal: &Path,
    backstage: Backstage,
    heard: mpsc::UnboundedReceiver<Signal>,
    session: &Session,
) -> Result<Played, Problem> {
    let screen = &session.screen;
    // What nobody calls shall cost nothing.
    let controls = backstage.of(&request.experiment, &request.options);
    let mut observers = vec![
        // First: whoever reads that it stops may count on the journal.
        journal::at_stops(journal.to_owned(), log.path().to_owned()),
        narrator(session.log.clone(), screen.terminal),
    ];
    observers.extend(screen.observers());
    if screen.terminal {
        observers = vec![in_turn(observers)];
    }
    observers.extend(controls.iter().map(Backstage::observer));
    let runtime = machine::runtime()?;
    let world = World {
        catalog: squall_drivers::CATALOG,
        environment: session.environment.clone(),
        handles: machine::handles(),
        clock: Clock::starting(Timestamp::now()),
        signals: heard,
        observers,
        veil: Some(Arc::new(Hiding(session.redactor.clone()))),
        controls: controls.clone().map(|controls| controls as Arc<dyn Controls>),
        foreign: Some(session.bridge()),
    };
    let (ended, told) = runtime.block_on(async {
        tokio::select! {
            ended = squall_engine::run::run(request, log, world) => ended,
            never = screen.keep_drawing() => match never {},
        }
    });
    screen.finish();
    Ok(Played { ended, told, controls })
}

/// What the session knows is hidden in every record, before it is written.
struct Hiding(Redactor);

impl Veil for Hiding {
    fn configured(&self, configuration: &Object) {
        self.0.configured(configuration);
    }
    fn secrets(&self, secrets: &Object) {
        self.0.secrets(secrets);
    }
    fn cover(&self, record: Record) -> Record {
        self.0.record(record)
    }
}

/// Those who write to one terminal see one record after the other, so that what they say of it stands together.
fn in_turn(mut observers: Vec<Observer>) -> Observer {
    Box::new(move |records| {
        for record in records {
            observers.iter_mut().for_each(|observer| observer(std::slice::from_ref(record)));
        }
    })
}

/// Shows each record as the Toolkit's lines; a person is told what was put back, too.
fn narrator(log: SharedLog, person: bool) -> Observer {
    let mut toolkit = Toolkit::new().for_a_person(person);
    Box::new(move |records| {
        let mut log = lock(&log);
        for record in records {
            for line in toolkit.lines(record) {
                log.add(&line, record.at);
            }
        }
        log.flush();
    })
}
