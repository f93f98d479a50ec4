//! Serves the engine's foreign calls.

use super::{Bridge, Kind, Pending, Raised, Trouble};
use futures_util::future::BoxFuture;
use squall_engine::foreign::{Call, Foreign, Unreturned};
use squall_engine::stop::Signal;
use squall_engine::{Failure, Stop};
use squall_experiment::event::Blame;
use squall_experiment::{Object, Value};
use std::sync::Arc;

impl Foreign for Bridge {
    fn prefers(&self, module: &str) -> bool {
        self.program.is_ok() && self.preferred.covers(module)
    }

    fn call<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Value, Unreturned>> {
        Box::pin(self.called(call))
    }
}

impl Bridge {
    async fn called(&self, call: Call<'_>) -> Result<Value, Unreturned> {
        // What was told before is shown before anything that the function says.
        tokio::task::yield_now().await;
        let begun = self
            .free_interpreter()
            .await
            .and_then(|interpreter| Pending::begin(interpreter, "call", self.body(&call)));
        let (mut pending, mut answer) = begun.map_err(|trouble| unreturned(&call, trouble))?;
        let reply = match call.look.until(&mut answer).await {
            Ok(reply) => reply,
            Err(stop) => {
                pending.cancel();
                // Sooner or later there is one: whoever ignores this is killed.
                let _ = answer.await;
                return Err(stop.into());
            }
        };
        pending.answered(reply).map_err(|trouble| unreturned(&call, trouble))
    }

    /// The request. The configuration is sent when it is not the one that the interpreter has.
    fn body(&self, call: &Call<'_>) -> Object {
        let mut body = Object::default();
        let mut put = |key: &str, value: Value| body.insert(key.to_owned(), value);
        put("module", call.module.into());
        put("func", call.func.into());
        put("arguments", call.arguments.clone().into());
        if let Some(secrets) = call.secrets {
            put("secrets", secrets.clone().into());
        }
        if call.beside {
            put("beside", true.into());
        }
        if let Some(current) = &mut *self.current()
            && current.configuration.as_deref() != Some(call.look.configuration())
        {
            current.configuration = Some(Arc::new(call.look.configuration().clone()));
            put("configuration", call.look.configuration().clone().into());
        }
        body
    }
}

/// What an exception, or no answer at all, means for the activity.
fn unreturned(call: &Call<'_>, trouble: Trouble) -> Unreturned {
    let Call { module, func, activity, .. } = call;
    match trouble {
        Trouble::NoPython(why) => {
            let what = format!("could not call `{module}.{func}` in activity '{activity}': {why}");
            Stop::Fatal(Failure::environment(what)).into()
        }
        Trouble::Gone(why) => {
            let hint = "what its modules kept in memory is lost; the next call gets a new interpreter";
            Stop::Failed(Failure::target(format!("{why} (in `{module}.{func}`)")).hint(hint)).into()
        }
        Trouble::Raised(raised) => match raised.kind {
            Kind::Failed | Kind::Interrupt => Stop::Failed(failure(*raised)).into(),
            Kind::Fatal => Stop::Fatal(failure(*raised)).into(),
            Kind::Keyboard => Unreturned::Exit(Signal::Interrupt),
            Kind::Exit => Unreturned::Exit(match raised.code {
                Some(30) => Signal::User2,
                Some(20) => Signal::User1,
                other => Signal::Exit(other.unwrap_or_default()),
            }),
        },
    }
}

fn failure(raised: Raised) -> Failure {
    let usual = raised.shown == format!("{}: {}", raised.class, raised.message);
    let mut failure = if usual {
        Failure::new(Blame::Target, raised.message).class(raised.class)
    } else {
        Failure::new(Blame::Target, raised.shown).class("")
    };
    failure.traceback = raised.traceback;
    failure
}
