//! The options of `playground` and `demo`.

use clap::{ArgAction, Parser, Subcommand};
use std::path::PathBuf;

/// Start and stop a Kubernetes cluster of its own on this machine: API server, controllers, nodes, ingress, in one process.
///
/// kubectl works on it. It runs the demo programs of its own, not containers.
#[derive(Parser, Debug)]
#[command(
    name = "playground",
    bin_name = "chaos playground",
    override_usage = "chaos playground [OPTIONS] COMMAND [ARGS]...",
    subcommand_value_name = "COMMAND",
    disable_help_subcommand = true,
    args_override_self = true
)]
pub(crate) struct Playground {
    #[command(subcommand)]
    pub(crate) command: PlaygroundCommand,
}

/// What is done with a playground.
#[derive(Subcommand, Debug)]
pub(crate) enum PlaygroundCommand {
    /// Start one, until Ctrl-C or `down`
    #[command(override_usage = "chaos playground up [OPTIONS]")]
    Up {
        /// Its name: several may run beside each other
        #[arg(long, value_name = "NAME", default_value = "default")]
        name: String,
        /// How many nodes it has
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=500))]
        nodes: u16,
        /// The port of its API server on 127.0.0.1 (default: a free one)
        #[arg(long, value_name = "P", default_value_t = 0, hide_default_value = true)]
        port: u16,
        /// Where its objects are kept, to be there again at the next start (default: memory)
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        /// Leave it in the background
        #[arg(long)]
        detach: bool,
        /// What `--detach` starts: it leaves the terminal's session
        #[arg(long, hide = true)]
        background: bool,
    },
    /// List those that run
    #[command(override_usage = "chaos playground status")]
    Status,
    /// Stop one
    #[command(override_usage = "chaos playground down [OPTIONS]")]
    Down {
        /// Which
        #[arg(long, value_name = "NAME", default_value = "default")]
        name: String,
    },
    /// Print what a shell needs to use one: `eval "$(chaos playground env)"`
    #[command(override_usage = "chaos playground env [OPTIONS]")]
    Env {
        /// Which
        #[arg(long, value_name = "NAME", default_value = "default")]
        name: String,
    },
    /// Write the demo programs as container images, for any cluster
    ///
    /// One docker archive with go-demo-8, its database and repeater under the names that the demo's manifests use:
    /// `docker load`, `kind load image-archive`, `minikube image load` and `ctr images import` take it.
    #[command(override_usage = "chaos playground image [OPTIONS] OUT.tar")]
    Image {
        /// Where the archive is written
        #[arg(value_name = "OUT.tar")]
        out: PathBuf,
        /// One more name for a program (go-demo-8, mongod or repeater): mongod=registry.example/mongodb:1 (repeatable)
        #[arg(long, value_name = "PROGRAM=IMAGE", action = ArgAction::Append, value_parser = image_name)]
        tag: Vec<(String, String)>,
    },
}

/// `PROGRAM=IMAGE`; an image without a tag would be `latest`, which no node takes from its disk alone.
fn image_name(text: &str) -> Result<(String, String), String> {
    let (program, image) = text.split_once('=').ok_or("it is PROGRAM=IMAGE")?;
    let tagged = image
        .rsplit('/')
        .next()
        .is_some_and(|last| last.split(':').filter(|part| !part.is_empty()).count() == 2);
    if !tagged || image.contains(char::is_whitespace) {
        return Err(format!("the image {image:?} needs a name and a tag: registry.example/mongodb:1"));
    }
    Ok((program.to_owned(), image.to_owned()))
}

/// Watch an experiment find a weakness in a small system, see it mended, and see it hold.
///
/// Nothing is needed and nothing of yours is touched: it starts a playground in this process, and everything but the
/// journals goes away with it. It takes less than a minute; Ctrl-C ends it at any moment.
#[derive(Parser, Debug)]
#[command(
    name = "demo",
    bin_name = "chaos demo",
    override_usage = "chaos demo [OPTIONS]",
    args_override_self = true
)]
pub(crate) struct Demo {
    /// Where the journals of its two runs are kept
    #[arg(long, value_name = "DIR", default_value = "demo-journals")]
    pub(crate) journals: PathBuf,
}
