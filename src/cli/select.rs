//! SELECT: the arguments by which commands select jobs.

use std::ffi::OsStr;

use clap::{
    Arg, Command, ValueHint,
    builder::{PossibleValue, PossibleValuesParser, StringValueParser, TypedValueParser},
    error::{Error, ErrorKind},
};

use super::{CommandError, ExitCode, Result, suggestions::Suggestions, text::shell_word};
use crate::{
    actions::When,
    job::{State, Verdict, state::UnknownState},
    store::{ManifestGlob, Select},
};

/// Which jobs are meant. All conditions must hold; of several values of one condition, one is enough.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Which jobs")]
pub(super) struct SelectArgs {
    /// Keys of jobs, as `lipsyncd list` shows them
    #[arg(value_name = "JOB", value_hint = ValueHint::Other)]
    pub(super) jobs: Vec<String>,
    #[command(flatten)]
    origin: OriginArgs,
    /// Only jobs in this state
    ///
    /// One of waiting, queued, identified, creating, submitted, processing, downloading, succeeded,
    /// failed, cancelled, unresolved.
    #[arg(
        long = "state",
        value_name = "STATE",
        value_delimiter = ',',
        value_parser = StateParser,
        hide_possible_values = true
    )]
    pub(super) states: Vec<State>,
    /// Only failed or cancelled jobs with this error code, such as 1301
    #[arg(long = "code", value_name = "CODE", value_delimiter = ',')]
    pub(super) codes: Vec<String>,
    /// Only failed or cancelled jobs with this reason, as `lipsyncd failures` shows it
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
    /// Only succeeded jobs with this verdict of a person on their result; `none`: nobody has reviewed it
    #[arg(
        long = "verdict",
        value_name = "VERDICT",
        value_delimiter = ',',
        value_parser = PossibleValuesParser::new(Select::VERDICTS).map(|name| WantedVerdict(Verdict::named(&name)))
    )]
    verdicts: Vec<WantedVerdict>,
    /// Only jobs whose state changed since then: `2h`, `7d`, `today`, or a day such as `2026-11-01` (UTC)
    #[arg(long, value_name = "WHEN")]
    since: Option<When>,
}

/// A value of `--verdict`; clap gives a plain `Option` another meaning.
#[derive(Debug, Clone, Copy)]
struct WantedVerdict(Option<Verdict>);

/// Where jobs come from, which never changes.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Which jobs")]
pub(super) struct OriginArgs {
    /// Only jobs of these manifests: a path under jobs_dir, where `*` and `?` match within a folder and `**` in all
    #[arg(long = "manifest", value_name = "GLOB", value_hint = ValueHint::Other)]
    manifests: Vec<String>,
    /// Only jobs with this label
    #[arg(long = "label", value_name = "K=V", value_parser = label)]
    labels: Vec<(String, String)>,
}

impl OriginArgs {
    pub(super) fn select(&self) -> Select {
        Select {
            manifests: self.manifests.iter().map(ManifestGlob::new).collect(),
            labels: self.labels.clone(),
            ..Select::default()
        }
    }
}

impl SelectArgs {
    /// Returns what is selected at `now_ms` (Unix time).
    pub(super) fn select(&self, now_ms: i64) -> Select {
        Select {
            keys: self.jobs.clone(),
            states: self.states.clone(),
            codes: self.codes.clone(),
            reason: self.reason.clone(),
            verdicts: self.verdicts.iter().map(|wanted| wanted.0).collect(),
            since_ms: self.since.map(|since| since.period_ms(now_ms).start),
            ..self.origin.select()
        }
    }

    /// Returns the manifests, labels and the time as arguments again, for a command that selects of the same jobs.
    pub(super) fn as_arguments(&self) -> String {
        let manifests = self.origin.manifests.iter().map(|glob| ("manifest", glob.clone()));
        let labels =
            self.origin.labels.iter().map(|(name, value)| ("label", format!("{name}={value}")));
        let since = self.since.iter().map(|since| ("since", since.to_string()));
        let jobs = self.jobs.iter().map(|key| format!(" {}", shell_word(key)));
        let others = manifests.chain(labels).chain(since);
        let others = others.map(|(name, value)| format!(" --{name} {}", shell_word(&value)));
        jobs.chain(others).collect()
    }

    /// Whether the selected jobs stay selected, whatever happens to them.
    pub(super) fn is_lasting(&self) -> bool {
        let lasting = Select { keys: self.jobs.clone(), ..self.origin.select() };
        self.select(0) == lasting
    }

    /// Returns what is selected; fails if nothing says which jobs are meant.
    pub(super) fn required(&self, now_ms: i64) -> Result<Select> {
        let select = self.select(now_ms);
        if select == Select::all() {
            return Err(CommandError::new(ExitCode::Usage, "no jobs are selected")
                .hint("name jobs by their keys, or select them, for example with --manifest"));
        }
        Ok(select)
    }
}

fn label(text: &str) -> Result<(String, String), String> {
    Select::label_of(text)
        .ok_or_else(|| "allowed: `NAME=VALUE`, for example `language=en`".to_owned())
}

#[derive(Debug, Clone)]
struct StateParser;

impl TypedValueParser for StateParser {
    type Value = State;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<State, Error> {
        let name = StringValueParser::new().parse_ref(command, argument, value)?;
        let argument = argument.map(ToString::to_string).unwrap_or_default();
        state(&name).map_err(|error| {
            let text = format!("invalid value '{name}' for '{argument}': {error}\n");
            Error::raw(ErrorKind::ValueValidation, text).with_cmd(command)
        })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(State::ALL.into_iter().map(|state| PossibleValue::new(state.name()))))
    }
}

fn state(name: &str) -> Result<State, String> {
    name.parse().map_err(|unknown: UnknownState| {
        let all = State::ALL.map(State::name).join(", ");
        let mut suggestions = Suggestions::for_name(name);
        State::ALL.iter().for_each(|state| suggestions.consider(state.name()));
        let hint = suggestions.hint().map(|hint| format!("{hint} ")).unwrap_or_default();
        format!("{unknown}; {hint}allowed: {all}")
    })
}
