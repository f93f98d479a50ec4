//! Everything that can be done, everything that can be undone, and everything that can be told of it: one line each.

use crate::{controls, http, k8s, process};
use squall_engine::control::{ControlEntry, control};
use squall_engine::spec::{Catalog, Entry, UndoEntry, action, probe, undo};

/// The catalogue.
pub static CATALOG: Catalog = Catalog { entries: ENTRIES, undos: UNDOS, controls: CONTROLS };

static ENTRIES: &[Entry] = &[
    action::<http::Http>(),
    action::<k8s::deployment::scale::Scale>(),
    probe::<k8s::pod::all_healthy::AllHealthy>(),
    probe::<k8s::pod::all_healthy::AllMicroservicesHealthy>(),
    probe::<k8s::pod::count::Count>(),
    probe::<k8s::pod::count_min::CountMin>(),
    action::<k8s::pod::delete::Delete>(),
    probe::<k8s::pod::in_conditions::InConditions>(),
    probe::<k8s::pod::in_phase::InPhase>(),
    probe::<k8s::pod::is_not_available::IsNotAvailable>(),
    probe::<k8s::pod::logs::Logs>(),
    probe::<k8s::pod::logs_contain::LogsContain>(),
    probe::<k8s::pod::not_in_phase::NotInPhase>(),
    action::<k8s::pod::terminate::Terminate>(),
    action::<k8s::start::Start>(),
    action::<process::Process>(),
];

static CONTROLS: &[ControlEntry] =
    &[control::<controls::program::Program>(), control::<controls::webhook::Webhook>()];

static UNDOS: &[UndoEntry] = &[
    undo::<k8s::deployment::scale::ScaleBack>(),
    undo::<k8s::pod::recreate::RecreatePod>(),
    undo::<k8s::start::DeleteCreated>(),
];
