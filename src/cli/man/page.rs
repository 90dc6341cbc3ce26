//! One man page as it is put together: headings, paragraphs, items and examples as roff.
//!
//! How it is spelt is here alone; what it says is its callers'. What stands between backticks is shown
//! in bold. No page holds a date, so that the same program always writes the same pages.

use std::io::{self, Write};

use clap_mangen::roff::{Inline, Roff, bold, roman};

/// A page under construction.
pub(super) struct Page {
    roff: Vec<u8>,
}

impl Page {
    /// The page `name`(`section`), empty.
    pub(super) fn new(name: &str, section: &str) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        // The third argument is the date. An empty one has to be spelt.
        // Names and keys are looked for as they are typed: no line breaks a word, none is stretched.
        let title =
            format!(".TH {name} {section} \"\" \"lipsyncd {version}\" \"lipsyncd\"\n.nh\n.ad l\n");
        Self { roff: title.into_bytes() }
    }

    pub(super) fn heading(&mut self, heading: &str) {
        self.add(|roff| _ = roff.control("SH", [heading]));
    }

    /// A line as `whatis` reads it.
    pub(super) fn name(&mut self, name: &str, what: &str) {
        self.heading("NAME");
        self.add(|roff| _ = roff.text([roman(format!("{name} - {what}"))]));
    }

    pub(super) fn paragraph(&mut self, text: &str) {
        self.add(|roff| _ = roff.control("PP", []).text(inlines(text)));
    }

    /// A term, and what it means under it, indented.
    pub(super) fn item(&mut self, term: &str, text: &str) {
        self.add(|roff| _ = roff.control("TP", []).text([bold(term)]).text(inlines(text)));
    }

    /// Lines as they are.
    pub(super) fn example(&mut self, text: &str) {
        self.add(|roff| {
            roff.control("PP", []).control("EX", []);
            for line in text.lines() {
                roff.text([roman(line)]);
            }
            roff.control("EE", []);
        });
    }

    /// The pages one reads next: names with their sections.
    pub(super) fn see_also(&mut self, pages: &[&str]) {
        self.heading("SEE ALSO");
        let mut line = Vec::new();
        for (at, page) in pages.iter().enumerate() {
            let (name, section) = page.split_once('(').unwrap_or((page, ""));
            let end = if at + 1 < pages.len() { ",\n" } else { "" };
            line.extend([bold(name), roman(format!("({section}{end}"))]);
        }
        self.add(|roff| _ = roff.text(line));
    }

    fn add(&mut self, fill: impl FnOnce(&mut Roff)) {
        let mut roff = Roff::new();
        fill(&mut roff);
        self.roff.extend(roff.render().into_bytes());
    }

    /// What another writer of roff has to say.
    ///
    /// # Errors
    /// The other's.
    pub(super) fn by(
        &mut self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        write(&mut self.roff)
    }

    /// The whole page.
    pub(super) fn finish(self) -> String {
        let text = String::from_utf8_lossy(&self.roff);
        let preamble = Roff::new().render();
        let preamble: Vec<&str> = preamble.lines().collect();
        let lines = text.lines().filter(|line| !preamble.contains(line)).map(typeset);
        preamble
            .iter()
            .map(|line| (*line).to_owned())
            .chain(lines)
            .map(|line| line + "\n")
            .collect()
    }
}

/// Text with what stands between backticks in bold.
fn inlines(text: &str) -> Vec<Inline> {
    let parts = text.split('`').enumerate().filter(|(_, part)| !part.is_empty());
    parts.map(|(at, part)| if at % 2 == 1 { bold(part) } else { roman(part) }).collect()
}

/// A line with the letters that roff would dress up left plain, and pairs of backticks as bold.
fn typeset(line: &str) -> String {
    let paired = line.matches('`').count().is_multiple_of(2);
    let mut bold = false;
    let mut set = String::with_capacity(line.len());
    for letter in line.chars() {
        match letter {
            '~' => set.push_str(r"\(ti"),
            '^' => set.push_str(r"\(ha"),
            '`' if paired => {
                bold = !bold;
                set.push_str(if bold { r"\fB" } else { r"\fR" });
            }
            '`' => set.push_str(r"\(ga"),
            letter => set.push(letter),
        }
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_set_as_it_is_typed() {
        assert_eq!(typeset("type `lipsyncd run` at ~"), r"type \fBlipsyncd run\fR at \(ti");
        assert_eq!(typeset("a lone ` and ^"), r"a lone \(ga and \(ha");
    }

    #[test]
    fn the_preamble_stands_once() {
        let mut page = Page::new("x", "1");
        page.name("x", "does it");
        page.paragraph("with `care`");
        let text = page.finish();
        assert_eq!(text.matches(".ie").count(), 1, "{text}");
        assert!(text.contains("with \\fBcare\\fR\n"), "{text}");
    }
}
