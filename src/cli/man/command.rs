//! The page of a command, made from its definition: what `--help` says, as a man page.

use std::io;

use clap::{Arg, Command};
use clap_mangen::Man;

use super::{page::Page, program};

/// The page of the command, which has to be built (`Command::build`).
///
/// # Errors
/// Never: memory is written.
pub(super) fn page(command: &Command) -> io::Result<String> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    let man = Man::new(command.clone());
    let mut page = Page::new(&name, "1");
    page.by(|to| man.render_name_section(to))?;
    page.heading("SYNOPSIS");
    page.paragraph(&synopsis(command));
    page.heading("DESCRIPTION");
    // The first is what stands under NAME.
    let told = paragraphs(command.get_long_about().or_else(|| command.get_about()));
    for paragraph in told.iter().skip(usize::from(told.len() > 1)) {
        page.paragraph(paragraph);
    }
    page.by(|to| man.render_options_section(to))?;
    let is_program = command.has_subcommands();
    if is_program {
        page.by(|to| man.render_subcommands_section(to))?;
        program::before_examples(&mut page);
    }
    for paragraph in paragraphs(command.get_after_long_help().or_else(|| command.get_after_help()))
    {
        if let Some((_, examples)) = paragraph.split_once(":\n")
            && paragraph.starts_with("Example")
        {
            page.heading("EXAMPLES");
            page.example(examples);
        }
    }
    match exit_codes(command).filter(|_| !is_program) {
        Some(codes) => {
            page.heading("EXIT STATUS");
            for (code, meaning) in codes {
                page.item(&code, &meaning);
            }
        }
        None => program::exit_status(&mut page),
    }
    if is_program {
        program::ending(&mut page, command);
    } else {
        page.see_also(&["lipsyncd(1)", "lipsyncd.yaml(5)", "lipsyncd-manifest(5)"]);
    }
    Ok(page.finish())
}

/// Those that the command's `--help` ends with, where it has some of its own: a code, and a sentence.
fn exit_codes(command: &Command) -> Option<Vec<(String, String)>> {
    let help = command.get_after_long_help().or_else(|| command.get_after_help());
    let told = paragraphs(help).into_iter().find_map(|paragraph| {
        paragraph.strip_prefix("Exit codes: ").map(|codes| codes.replace('\n', " "))
    })?;
    let codes = told.split(", ").fold(Vec::new(), |mut codes: Vec<(String, String)>, part| {
        match (part.split_once(' '), codes.last_mut()) {
            (Some((code, meaning)), _) if code.parse::<u8>().is_ok() => {
                codes.push((code.to_owned(), meaning.to_owned()));
            }
            // A comma within a meaning.
            (_, Some((_, meaning))) => *meaning = format!("{meaning}, {part}"),
            _ => {}
        }
        codes
    });
    let sentence = |meaning: String| {
        let (first, rest) = meaning.split_at(meaning.chars().next().map_or(0, char::len_utf8));
        format!("{}{rest}.", first.to_uppercase())
    };
    Some(codes.into_iter().map(|(code, meaning)| (code, sentence(meaning))).collect())
}

fn paragraphs(text: Option<&clap::builder::StyledStr>) -> Vec<String> {
    let text = text.map(ToString::to_string).unwrap_or_default();
    text.split("\n\n")
        .map(str::trim_end)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
        .collect()
}

/// How the command is typed, with each option's value: `` `lipsyncd resolve` {`--task` ID | `--resend`} JOB ``.
fn synopsis(command: &Command) -> String {
    let groups: Vec<Vec<&Arg>> = command
        .get_groups()
        .filter(|group| group.is_required_set())
        .map(|group| {
            let members: Vec<_> = group.get_args().collect();
            let arguments = command.get_arguments();
            arguments.filter(|argument| members.contains(&argument.get_id())).collect()
        })
        .collect();
    let grouped = |id| groups.iter().flatten().any(|member| member.get_id() == id);
    let (positional, options): (Vec<&Arg>, Vec<&Arg>) = command
        .get_arguments()
        .filter(|argument| !argument.is_hide_set() && !is_common(argument))
        .filter(|argument| !grouped(argument.get_id()))
        .partition(|argument| argument.is_positional());
    let whole = |argument: &&Arg| {
        if argument.is_required_set() { spelt(argument) } else { format!("[{}]", spelt(argument)) }
    };
    let mut parts = vec![format!("`{}`", command.get_bin_name().unwrap_or("lipsyncd"))];
    parts.extend(options.iter().map(whole));
    for group in &groups {
        let members: Vec<String> = group.iter().map(|argument| spelt(argument)).collect();
        parts.push(format!("{{{}}}", members.join(" | ")));
    }
    parts.extend(positional.iter().map(whole));
    if command.has_subcommands() {
        parts.push("COMMAND".to_owned());
    }
    parts.join(" ")
}

/// Those that every command has are left to the list of options.
fn is_common(argument: &Arg) -> bool {
    ["help", "version"].contains(&argument.get_id().as_str())
}

/// An argument as it is typed: `` `--dir` DIR ``, `JOB…`.
fn spelt(argument: &Arg) -> String {
    let several = if matches!(argument.get_action(), clap::ArgAction::Append) { "…" } else { "" };
    let takes_value = argument.get_num_args().is_none_or(|count| count.takes_values());
    let value = argument.get_value_names().map(|names| names.join(" ")).unwrap_or_default();
    match argument.get_long() {
        Some(long) if takes_value => format!("`--{long}` {value}{several}"),
        Some(long) => format!("`--{long}`"),
        None if value.is_empty() => argument.get_id().as_str().to_uppercase() + several,
        None => value + several,
    }
}
