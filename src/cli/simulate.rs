//! `lipsyncd simulate`: runs the simulator alone, to try manifests without paying.

use std::{io::Write, net::SocketAddr, path::PathBuf, time::Duration};

use clap::ValueHint;

use super::{CommandError, ExitCode, Result, log, open, signals};
use crate::{
    config::LogFormat,
    sim::{
        Ledger, OddAnswers, Payment, RandomFaults, ShownPacks, SimConfig, SimServer, UnknownTask,
    },
};

/// Run the simulated API alone, to try manifests without paying
///
/// Answers the four calls of the lip-sync API by its documented rules, as strictly as the real API, until
/// Ctrl-C. Then it prints what was paid, and forgets all tasks. Set `kling.base_url` to its address. Put local
/// videos into the folder of --media; it serves them under /media/.
///
/// Videos and audio files at other URLs are simulated, with properties from the URL:
/// ?duration_ms=12000&faces=2&width=1280&height=720&fail=reason. Ids work likewise: sim-video-2faces-12000ms,
/// sim-audio-8000ms. A remote audio file must exist, because lipsyncd measures it, unless the manifest gives
/// `sound_end_time`. A video behind a signed link to this machine, of a bucket or of `media.serve`,
/// is downloaded, as Kling downloads it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    lipsyncd simulate\n  \
    lipsyncd simulate --media media --task-time 2m..4m --concurrency 3\n  \
    lipsyncd simulate --faults 0.05         one call in twenty fails\n  \
    curl http://127.0.0.1:8787/sim/ledger   what was paid so far")]
pub(super) struct Args {
    /// The address to listen on; port 0 takes any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8787")]
    listen: SocketAddr,
    /// Folder of videos and audio files to serve under /media/
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    media: Option<PathBuf>,
    /// How many tasks run at once
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    concurrency: u32,
    /// How long a task takes: one time, or the shortest and the longest
    #[arg(long, value_name = "TIME", default_value = "3s..8s", value_parser = task_time)]
    task_time: (i64, i64),
    /// The share of calls that fail: lost or cut answers, dropped requests, HTML, 5xx or 1302
    #[arg(long, value_name = "0..1", default_value_t = 0.0, value_parser = probability)]
    faults: f64,
    /// Answer no lookups by external_task_id
    #[arg(long)]
    no_lookups: bool,
    /// Accept a second task with an external_task_id that exists
    #[arg(long)]
    accept_known_names: bool,
    /// Answer in other types and words than the API's page, and an empty success for an unknown name
    #[arg(long)]
    odd_answers: bool,
    /// Let the account pay from a balance: answers report money and 0 units, and it has no resource pack
    #[arg(long)]
    balance: bool,
    /// How long a new task is hidden from all queries
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = time_ms)]
    visible_after: i64,
    /// Seed of the random numbers
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

pub(super) fn run(arguments: &Args, out: &mut dyn Write, err: &mut dyn Write) -> Result {
    log::init(LogFormat::Auto);
    if let Some(folder) = arguments.media.as_ref().filter(|folder| !folder.is_dir()) {
        let error = format!("--media: {} is not a folder", folder.display());
        return Err(CommandError::new(ExitCode::Usage, error));
    }
    open::block_on(async {
        let listen = arguments.listen;
        let server = SimServer::start(config(arguments), listen).await.map_err(|error| {
            CommandError::new(ExitCode::CannotRun, format!("cannot listen on {listen}: {error}"))
                .hint("choose another port; --listen 127.0.0.1:0 takes a free one")
        })?;
        print_settings(&server, arguments, out)?;
        signals::stopped().await?;
        let ledger = server.ledger();
        server.shutdown().await;
        print_summary(&ledger, err)?;
        Ok(ExitCode::Done)
    })
}

fn config(arguments: &Args) -> SimConfig {
    // Six kinds of faults share it.
    let chance = arguments.faults / 6.0;
    SimConfig {
        concurrency: usize::try_from(arguments.concurrency).unwrap_or(usize::MAX),
        task_ms: arguments.task_time,
        answers_external_lookups: !arguments.no_lookups,
        unique_external_ids: !arguments.accept_known_names,
        odd_answers: match arguments.odd_answers {
            true => OddAnswers::ALL,
            false => OddAnswers::default(),
        },
        unknown_task: match arguments.odd_answers {
            true => UnknownTask::EmptyList,
            false => UnknownTask::default(),
        },
        payment: match arguments.balance {
            true => Payment::Balance,
            false => Payment::Units,
        },
        shown_packs: match arguments.balance {
            true => ShownPacks::None,
            false => ShownPacks::One,
        },
        visibility_lag_ms: arguments.visible_after,
        media_dir: arguments.media.clone(),
        ids_from: open::now_ms().unsigned_abs(),
        seed: arguments.seed,
        random_faults: RandomFaults {
            lose_answer: chance,
            drop_request: chance,
            cut_body: chance,
            html: chance,
            server_error: chance,
            too_fast: chance,
        },
        ..SimConfig::default()
    }
}

fn print_settings(server: &SimServer, arguments: &Args, out: &mut dyn Write) -> Result<()> {
    let (url, defaults) = (server.base_url(), SimConfig::default());
    writeln!(out, "The simulator answers at {url} until Ctrl-C.\n")?;
    writeln!(out, "In lipsyncd.yaml:")?;
    writeln!(out, "  kling: {{ base_url: {url} }}")?;
    if let Some(media) = &arguments.media {
        // Quoted as in JSON, which YAML also reads.
        let folder = serde_json::Value::from(media.to_string_lossy());
        writeln!(out, "  media: {{ dirs: [{folder}], public_base_url: {url}/media }}")?;
    }
    writeln!(out, "\nIn the shell of `lipsyncd run`:")?;
    writeln!(out, "  export KLING_ACCESS_KEY={}", defaults.access_key)?;
    writeln!(out, "  export KLING_SECRET_KEY={}", defaults.secret_key)?;
    Ok(out.flush()?)
}

fn print_summary(ledger: &Ledger, err: &mut dyn Write) -> Result<()> {
    writeln!(
        err,
        "\n{} tasks were paid, at most {} at once; {} of them twice under the same name",
        ledger.tasks.len(),
        ledger.at_once_max,
        ledger.paid_twice.external_task_ids.len()
    )?;
    Ok(())
}

fn task_time(text: &str) -> Result<(i64, i64), String> {
    let (shortest, longest) = text.split_once("..").unwrap_or((text, text));
    let (shortest, longest) = (time_ms(shortest)?, time_ms(longest)?);
    if shortest > longest {
        return Err("the shortest time comes first, as in 3s..8s".to_owned());
    }
    Ok((shortest, longest))
}

fn time_ms(text: &str) -> Result<i64, String> {
    let time: jiff::SignedDuration =
        text.trim().parse().map_err(|_| format!("`{text}` is not a time such as 3s or 2m"))?;
    let time = Duration::try_from(time).map_err(|_| format!("`{text}` is negative"))?;
    i64::try_from(time.as_millis()).map_err(|_| format!("`{text}` is too long"))
}

fn probability(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(chance) if (0.0..=1.0).contains(&chance) => Ok(chance),
        _ => Err("must be a number from 0 to 1".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct TestCli {
        #[command(flatten)]
        arguments: Args,
    }

    fn config_of(line: &[&str]) -> SimConfig {
        let line = ["simulate"].iter().chain(line);
        config(&TestCli::try_parse_from(line).unwrap().arguments)
    }

    #[test]
    fn flags_configure_the_simulator() {
        let (config, defaults) = (config_of(&[]), SimConfig::default());
        assert!(config.answers_external_lookups && config.unique_external_ids);
        assert_eq!(config.visibility_lag_ms, defaults.visibility_lag_ms);
        let config =
            config_of(&["--no-lookups", "--accept-known-names", "--visible-after", "1m 30s"]);
        assert!(!config.answers_external_lookups && !config.unique_external_ids);
        assert_eq!(config.visibility_lag_ms, 90_000);
        assert_eq!(config.odd_answers, OddAnswers::default());
        assert_eq!(config.payment, Payment::Units);
        let balance = config_of(&["--balance"]);
        assert_eq!((balance.payment, balance.shown_packs), (Payment::Balance, ShownPacks::None));
        let config = config_of(&["--odd-answers"]);
        assert_eq!(
            (config.odd_answers, config.unknown_task),
            (OddAnswers::ALL, UnknownTask::EmptyList)
        );
    }
}
