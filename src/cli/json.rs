//! `--json`: writes JSON that is safe on a terminal.

use std::io::Write;

use serde::Serialize;

use super::Result;
pub(super) fn write_pretty(out: &mut dyn Write, value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(std::io::Error::from)?;
    writeln!(out, "{}", escaped(&text))?;
    Ok(())
}

pub(super) fn line(value: &impl Serialize) -> Result<String> {
    Ok(escaped(&serde_json::to_string(value).map_err(std::io::Error::from)?))
}

/// Escapes what JSON allows and a terminal obeys: DEL and the C1 controls. They occur only inside strings.
fn escaped(json: &str) -> String {
    let obeyed = |character: &char| matches!(character, '\u{7f}'..='\u{9f}');
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if obeyed(&character) {
            text.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            text.push(character);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_controls_are_escaped_and_read_back_the_same() {
        let text = "a\u{1b}[31m\u{9b}2J\u{7f}ü";
        let json = line(&text).unwrap();
        assert!(!json.contains(|character: char| character.is_control()), "{json:?}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
