//! Parses the states of `--state`, with suggestions for unknown names and values for completions.

use std::ffi::OsStr;

use clap::{
    Arg, Command,
    builder::{PossibleValue, StringValueParser, TypedValueParser},
    error::{Error, ErrorKind},
};

use crate::{cli::suggestions::Suggestions, job::State};

#[derive(Debug, Clone)]
pub(super) struct StateParser;

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
    name.parse().map_err(|unknown: crate::job::state::UnknownState| {
        let all = State::ALL.map(State::name).join(", ");
        let mut suggestions = Suggestions::for_name(name);
        State::ALL.iter().for_each(|state| suggestions.consider(state.name()));
        let hint = suggestions.hint().map(|hint| format!("{hint} ")).unwrap_or_default();
        format!("{unknown}; {hint}The states are {all}")
    })
}
