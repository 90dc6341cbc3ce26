//! Which jobs a page is about, as its address says: the same conditions as those of the commands.

use maud::{Markup, html};
use url::form_urlencoded;

use super::{address, error::PageError, now::now_ms};
use crate::{
    actions::When,
    job::State,
    store::{ManifestGlob, Select},
};

/// The conditions, in the order of the address.
const NAMES: [&str; 10] = [
    "job",
    "state",
    "manifest",
    "label",
    "code",
    "reason",
    "since",
    "verdict",
    "changed",
    "dismissed",
];

/// A condition of many values, such as a list of keys, has no more.
const VALUES_MAX: usize = 1_000;

/// The conditions of an address or a form, and the jobs that they mean. Empty values count as absent, because a form sends
/// all of its fields.
#[derive(Debug, Clone, Default)]
pub(super) struct Selection {
    pairs: Vec<(&'static str, String)>,
    pub(super) select: Select,
}

impl Selection {
    /// Reads the conditions of a query, and leaves other fields out.
    pub(super) fn parse(query: &str) -> Result<Self, PageError> {
        let mut selection = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let known = NAMES.into_iter().find(|known| *known == name);
            let Some(known) = known.filter(|_| !value.is_empty()) else { continue };
            if selection.pairs.len() >= VALUES_MAX {
                return Err(PageError::Invalid(
                    "the address selects by too many values".to_owned(),
                ));
            }
            selection.add(known, &value)?;
            selection.pairs.push((known, value.into_owned()));
        }
        Ok(selection)
    }

    /// Selects one job.
    pub(super) fn of_job(key: &str) -> Self {
        let select = Select { keys: vec![key.to_owned()], ..Select::default() };
        Self { pairs: vec![("job", key.to_owned())], select }
    }

    fn add(&mut self, name: &str, value: &str) -> Result<(), PageError> {
        let invalid = |why: String| PageError::Invalid(format!("`{name}` {why}"));
        let select = &mut self.select;
        match name {
            "job" => select.keys.push(value.to_owned()),
            "manifest" => select.manifests.push(ManifestGlob::new(value)),
            "code" => select.codes.extend(value.split(',').map(str::to_owned)),
            "reason" => select.reason = Some(value.to_owned()),
            "state" => {
                for name in value.split(',') {
                    let state = State::named(name);
                    select.states.push(
                        state.ok_or_else(|| invalid(format!("is `{name}`, which is no state")))?,
                    );
                }
            }
            "label" => {
                let label = Select::label_of(value);
                let why = || invalid("must be written as NAME=VALUE".to_owned());
                select.labels.push(label.ok_or_else(why)?);
            }
            "verdict" => {
                let verdict = Select::verdict_named(value);
                let why = || invalid("must be approved, rejected or none".to_owned());
                select.verdicts.push(verdict.ok_or_else(why)?);
            }
            "since" => {
                let when: When =
                    value.parse().map_err(|allowed| invalid(format!("is wrong; {allowed}")))?;
                select.since_ms = Some(when.period_ms(now_ms()).start);
            }
            _ => {
                let wanted = Some(match value {
                    "yes" => true,
                    "no" => false,
                    _ => return Err(invalid("must be yes or no".to_owned())),
                });
                match name {
                    "changed" => select.changed = wanted,
                    _ => select.dismissed = wanted,
                }
            }
        }
        Ok(())
    }

    /// Whether all jobs are meant.
    pub(super) fn is_everything(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Returns the value of a condition; empty: it has none.
    pub(super) fn value(&self, name: &str) -> &str {
        let pair = self.pairs.iter().find(|(known, _)| *known == name);
        pair.map_or("", |(_, value)| value)
    }

    /// Returns the address of a page about these jobs.
    pub(super) fn address<'a>(
        &'a self,
        path: &str,
        more: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> String {
        let own = self.pairs.iter().map(|(name, value)| (*name, value.as_str()));
        address::with_query(path, own.chain(more))
    }

    /// Returns hidden fields of a form about these jobs.
    pub(super) fn fields(&self) -> Markup {
        html! {
            @for (name, value) in &self.pairs { input type="hidden" name=(name) value=(value); }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_selects_as_a_command_does() {
        let query = "state=failed,cancelled&manifest=a%2F*.yaml&label=language%3Dfr&code=1301&reason=x+y&verdict=none\
                     &dismissed=no&job=a%2Fb&sort=key&code=";
        let selection = Selection::parse(query).unwrap();
        let select = Select {
            keys: vec!["a/b".to_owned()],
            manifests: vec![ManifestGlob::new("a/*.yaml")],
            labels: vec![("language".to_owned(), "fr".to_owned())],
            states: vec![State::Failed, State::Cancelled],
            codes: vec!["1301".to_owned()],
            reason: Some("x y".to_owned()),
            verdicts: vec![None],
            dismissed: Some(false),
            ..Select::default()
        };
        assert_eq!(selection.select, select);
        let again = selection.address("/jobs", [("sort", "key")]);
        assert_eq!(Selection::parse(again.split_once('?').unwrap().1).unwrap().select, select);
        assert!(again.ends_with("&sort=key") && !again.contains("code=&"), "{again}");
        assert!(Selection::parse("sort=key").unwrap().is_everything());
        let lately = Selection::parse("since=today&changed=yes").unwrap().select;
        assert!(lately.since_ms.is_some_and(|at_ms| at_ms % 86_400_000 == 0));
        assert_eq!(lately.changed, Some(true));
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        for (query, why) in [
            ("state=done", "`state` is `done`, which is no state"),
            ("label=fr", "`label` must be written as NAME=VALUE"),
            ("verdict=good", "`verdict` must be approved"),
            ("dismissed=1", "`dismissed` must be yes or no"),
            ("changed=1", "`changed` must be yes or no"),
            ("since=soon", "`since` is wrong; allowed: "),
        ] {
            let error = Selection::parse(query).unwrap_err().to_string();
            assert!(error.starts_with(why), "{error}");
        }
        let many = "job=x&".repeat(VALUES_MAX + 1);
        assert!(Selection::parse(&many).is_err());
    }
}
