//! What the demo tells on standard output, between the runs' own lines on standard error.
//!
//! Invariant: without a terminal it is plain text, in the order in which things happen. On one that understands cursor
//! movements the row of customers grows below everything else; elsewhere a row is printed when it is full.

use super::shop::Answer;
use crate::problem::Problem;
use crate::stdout;
use anstyle::{AnsiColor, Style};
use squall_engine::Environment;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::time::Duration;

const LABEL: &str = "   customers ";
/// How many customers a printed row has: a second's.
const SECOND: usize = 10;
/// Erases the line that the cursor is in.
const ERASE: &str = "\r\x1b[K";

/// Tells the story.
pub(super) struct Teller {
    colours: bool,
    /// How many customers fit into a row that grows; `None` if rows cannot grow here.
    growing: Option<usize>,
    /// Whether what is not ASCII can be shown.
    unicode: bool,
    row: Vec<bool>,
}

impl Teller {
    pub(super) fn new(environment: &Environment) -> Teller {
        let set = |name| environment.get(name).filter(|value| !value.is_empty());
        let locale = set("LC_ALL").or(set("LC_CTYPE")).or(set("LANG")).unwrap_or_default().to_lowercase();
        let moves = io::stdout().is_terminal() && set("TERM").is_some_and(|term| term != "dumb");
        let columns = rustix::termios::tcgetwinsize(io::stdout()).map_or(80, |size| usize::from(size.ws_col));
        Teller {
            colours: stdout::has_colours(),
            growing: moves.then(|| fitting(columns)).flatten(),
            unicode: locale.contains("utf-8") || locale.contains("utf8"),
            row: Vec::new(),
        }
    }

    /// Whether the runs' lines may have colours.
    pub(super) fn has_coloured_logs(&self) -> bool {
        io::stderr().is_terminal()
            && anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never
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
        self.line(&format!("   {text}"))
    }

    /// What a person would type for what is done now.
    pub(super) fn typed(&self, command: &str) -> Result<(), Problem> {
        self.say(&self.styled(Style::new().bold(), &format!("$ {command}")))
    }

    pub(super) fn good(&self, text: &str) -> Result<(), Problem> {
        self.say(&self.styled(Style::new().bold().fg_color(Some(AnsiColor::Green.into())), text))
    }

    pub(super) fn bad(&self, text: &str) -> Result<(), Problem> {
        self.say(&self.styled(Style::new().bold().fg_color(Some(AnsiColor::Red.into())), text))
    }

    /// Something small that happened meanwhile.
    pub(super) fn aside(&self, text: &str) -> Result<(), Problem> {
        self.say(&self.styled(Style::new().dimmed(), text))
    }

    /// Sets off what others write.
    pub(super) fn gap(&self) -> Result<(), Problem> {
        self.line("")
    }

    /// A line that a run wrote, without its end.
    pub(super) fn log(&self, line: &[u8]) -> Result<(), Problem> {
        self.hide()?;
        // The run's journal has it all; a console that is gone stops nobody.
        let _ = io::stderr().write_all(&[line, b"\n"].concat());
        self.show()
    }

    /// One customer more.
    pub(super) fn customer(&mut self, answer: Answer) -> Result<(), Problem> {
        self.row.push(answer == Answer::Served);
        self.hide()?;
        self.show()?;
        match self.row.len() == self.growing.unwrap_or(SECOND) {
            true => self.end_row(),
            false => Ok(()),
        }
    }

    /// Ends the row of customers, full or not.
    pub(super) fn end_row(&mut self) -> Result<(), Problem> {
        if self.row.is_empty() {
            return Ok(());
        }
        let served = self.row.iter().filter(|served| **served).count();
        let ending = match self.growing {
            Some(_) => "\n".to_owned(),
            None => {
                format!("{}  {served} of {} answered\n", " ".repeat(SECOND - self.row.len()), self.row.len())
            }
        };
        self.hide()?;
        stdout::print(&(self.drawn() + &ending))?;
        self.row.clear();
        Ok(())
    }

    /// What the marks of the rows mean.
    pub(super) fn legend(&self) -> Result<(), Problem> {
        let (served, not) = (self.mark(true), self.mark(false));
        let indent = " ".repeat(LABEL.len());
        stdout::print(&format!("{indent}{served} answered  {not} turned away  (ten come in a second)\n"))
    }

    pub(super) fn interrupted(&mut self) -> Result<(), Problem> {
        self.end_row()?;
        stdout::print("\nInterrupted: the playground is gone, and nothing else was touched.\n")
    }

    pub(super) fn end(&self, journals: &Path, took: Duration) -> Result<(), Problem> {
        let title = self.styled(Style::new().bold(), "What was learnt");
        let (journals, seconds) = (journals.display(), took.as_secs_f64());
        stdout::print(&format!(
            "\n{title}\n   \
             Kubernetes replaces a lost Pod by itself. But until the new one is ready, a\n   \
             single replica is an outage; two are none. An experiment told us before the\n   \
             customers did.\n\n   \
             Journals of both runs, in {journals}:\n     \
             1-one-replica.json  2-two-replicas.json\n   \
             The playground is gone again; it all took {seconds:.0} s.\n\n   \
             By hand, in this repository, with `chaos` on the PATH:\n     \
             $ eval \"$(chaos playground up --detach)\"\n     \
             $ kubectl apply -f examples/demo/shop.yaml\n     \
             $ kubectl -n shop rollout status deployment/shop\n     \
             $ chaos run examples/demo/experiment.yaml\n     \
             $ kubectl -n shop scale deployment shop --replicas 2\n     \
             $ kubectl -n shop rollout status deployment/shop\n     \
             $ chaos run examples/demo/experiment.yaml\n     \
             $ chaos playground down\n"
        ))
    }

    fn styled(&self, style: Style, text: &str) -> String {
        match self.colours {
            true => format!("{style}{text}{style:#}"),
            false => text.to_owned(),
        }
    }

    /// A line above the row of customers.
    fn line(&self, text: &str) -> Result<(), Problem> {
        self.hide()?;
        stdout::print(&format!("{text}\n"))?;
        self.show()
    }

    fn hide(&self) -> Result<(), Problem> {
        match self.growing.is_some() && !self.row.is_empty() {
            true => stdout::print(ERASE),
            false => Ok(()),
        }
    }

    fn show(&self) -> Result<(), Problem> {
        match self.growing.is_some() && !self.row.is_empty() {
            true => stdout::print(&self.drawn()),
            false => Ok(()),
        }
    }

    fn drawn(&self) -> String {
        let mut text = LABEL.to_owned();
        for alike in self.row.chunk_by(|a, b| a == b) {
            let served = alike.first() == Some(&true);
            let colour = if served { AnsiColor::Green } else { AnsiColor::Red };
            let marks = self.mark(served).repeat(alike.len());
            text += &self.styled(Style::new().fg_color(Some(colour.into())), &marks);
        }
        text
    }

    fn mark(&self, served: bool) -> &'static str {
        match (self.unicode, served) {
            (true, true) => "█",
            (true, false) => "▁",
            (false, true) => "#",
            (false, false) => "_",
        }
    }
}

/// How many customers fit into a row: whole seconds, so that rows end alike. `None` if not even one does.
fn fitting(columns: usize) -> Option<usize> {
    let seconds = columns.saturating_sub(LABEL.len() + 1) / SECOND;
    (seconds > 0).then_some(seconds.min(12) * SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn teller(colours: bool, unicode: bool, row: &[bool]) -> Teller {
        Teller { colours, growing: None, unicode, row: row.to_vec() }
    }

    #[test]
    fn a_row_shows_who_was_answered() {
        let row = [true, true, false, true];
        assert_eq!(teller(false, false, &row).drawn(), "   customers ##_#");
        assert_eq!(teller(false, true, &row).drawn(), "   customers ██▁█");
        let coloured = "   customers \u{1b}[32m##\u{1b}[0m\u{1b}[31m_\u{1b}[0m\u{1b}[32m#\u{1b}[0m";
        assert_eq!(teller(true, false, &row).drawn(), coloured);
    }

    #[test]
    fn a_row_ends_before_the_terminal_does() {
        for (columns, expected) in [(200, Some(120)), (80, Some(60)), (24, Some(10)), (23, None), (0, None)] {
            assert_eq!(fitting(columns), expected, "{columns} columns");
        }
    }
}
