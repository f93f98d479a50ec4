//! What the demo tells on standard output, between the runs' own lines on standard error.
//!
//! Invariant: without a terminal it is plain text, in the order in which things happen.

use crate::problem::Problem;
use crate::stdout;
use anstyle::{AnsiColor, Style};
use std::path::Path;
use std::time::Duration;

/// Tells the story.
pub(super) struct Teller {
    colours: bool,
}

impl Teller {
    pub(super) fn new() -> Teller {
        Teller { colours: stdout::has_colours() }
    }

    fn styled(&self, style: Style, text: &str) -> String {
        match self.colours {
            true => format!("{style}{text}{style:#}"),
            false => text.to_owned(),
        }
    }

    pub(super) fn headline(&self) -> Result<(), Problem> {
        let title =
            self.styled(Style::new().bold(), "What happens to a shop when one of its Pods goes away?");
        stdout::print(&format!("{title}\nNothing of yours is touched; Ctrl-C ends it at any moment.\n"))
    }

    pub(super) fn chapter(&self, number: usize, title: &str) -> Result<(), Problem> {
        let style = Style::new().bold().fg_color(Some(AnsiColor::Cyan.into()));
        stdout::print(&format!("\n{}\n", self.styled(style, &format!("{number}. {title}"))))
    }

    /// A line of the story.
    pub(super) fn say(&self, text: &str) -> Result<(), Problem> {
        stdout::print(&format!("   {text}\n"))
    }

    /// What a person would type for what is done now.
    pub(super) fn typed(&self, command: &str) -> Result<(), Problem> {
        self.say(&self.styled(Style::new().dimmed(), &format!("$ {command}")))
    }

    pub(super) fn good(&self, text: &str) -> Result<(), Problem> {
        self.say(&self.styled(Style::new().bold().fg_color(Some(AnsiColor::Green.into())), text))
    }

    pub(super) fn bad(&self, text: &str) -> Result<(), Problem> {
        self.say(&self.styled(Style::new().bold().fg_color(Some(AnsiColor::Red.into())), text))
    }

    /// Sets off what others write.
    pub(super) fn gap(&self) -> Result<(), Problem> {
        stdout::print("\n")
    }

    pub(super) fn interrupted(&self) -> Result<(), Problem> {
        stdout::print("\nInterrupted: the playground is gone, and nothing else was touched.\n")
    }

    pub(super) fn end(&self, journals: &Path, took: Duration) -> Result<(), Problem> {
        let title = self.styled(Style::new().bold(), "What was learnt");
        let (journals, seconds) = (journals.display(), took.as_secs_f64());
        stdout::print(&format!(
            "\n{title}\n   \
             Kubernetes replaces a lost Pod by itself, but until the new one is ready, a single\n   \
             replica is an outage. Two are none. An experiment tells you before your customers do.\n   \
             Journals of both runs: {journals}/1-one-replica.json, 2-two-replicas.json\n   \
             The playground is gone again; it all took {seconds:.0} s.\n   \
             By hand, step by step:\n     \
             $ eval \"$(chaos playground up --detach)\"\n     \
             $ kubectl apply -f examples/demo/shop.yaml\n     \
             $ chaos run examples/demo/experiment.yaml\n     \
             $ chaos playground down\n"
        ))
    }
}
