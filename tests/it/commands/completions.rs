//! The scripts of `completions`, as the shells read them, where they are installed.

use std::fs;

use super::*;

/// What a shell says to a script of one line that begins with our completions; none where there is no
/// such shell.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn completions_of(shell: &str, ask: &str) -> Option<String> {
    let env = CommandEnv::new();
    let ran = env.run(&["completions", shell]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let script = env.folder.path().join(shell);
    fs::write(&script, &ran.out).unwrap();
    let mut command = Command::new(shell);
    command.args(["-c", ask]).current_dir(env.folder.path());
    command.env("HOME", env.folder.path());
    let Ok(output) = command.output() else {
        eprintln!("skipped: {shell} is not installed here");
        return None;
    };
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && err.is_empty(), "{shell}: {err}\n{out}");
    Some(out.into_owned())
}

/// The states are completed, and what `--help` does not list is not.
fn assert_completes(shell: &str, ask: &str) {
    let Some(text) = completions_of(shell, ask) else { return };
    let words: Vec<&str> = text.split_whitespace().collect();
    for word in ["resolve", "fetch", "dismiss", "unresolved"] {
        assert!(words.contains(&word), "{shell}: {text}");
    }
    assert!(!words.contains(&"man"), "{shell}: {text}");
}

#[test]
fn bash_completes_commands_and_states() {
    assert_completes(
        "bash",
        "source ./bash; COMP_WORDS=(lipsyncd ''); COMP_CWORD=1; _lipsyncd lipsyncd '' lipsyncd; \
         echo \"${COMPREPLY[@]}\"; COMP_WORDS=(lipsyncd list --state ''); COMP_CWORD=3; \
         _lipsyncd lipsyncd '' --state; echo \"${COMPREPLY[@]}\"",
    );
}

#[test]
fn fish_completes_commands_and_states() {
    assert_completes(
        "fish",
        "source ./fish; complete -C 'lipsyncd ' | cut -f1; complete -C 'lipsyncd list --state '",
    );
}

#[test]
fn zsh_loads_its_script() {
    completions_of("zsh", "autoload -Uz compinit; compinit -u -D; source ./zsh; whence _lipsyncd");
}
