//! What tasks and Identify Face calls are expected to cost, learned from what the account was charged.

use super::{Cost, JobSpec, Media, Plan, Task, timing::LONGEST_MS};

/// Kling charges for each started 5 s.
const STEP_MS: i64 = 5_000;

/// The lengths that may decide what a task costs, in started 5 s; none: unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Length {
    /// Of the part of the audio that is used.
    pub audio_steps: Option<i64>,
    /// Of the video.
    pub video_steps: Option<i64>,
}

impl Length {
    /// Returns the lengths of a task, as far as they are known. Before the face is known, the audio is taken to start
    /// with the video.
    pub fn of(spec: &JobSpec, media: &Media, plan: Option<&Plan>) -> Self {
        let used_ms = match plan {
            Some(plan) => Some(plan.sound_end_ms.saturating_sub(plan.sound_start_ms)),
            None => expected_ms(spec, media),
        };
        Self::of_ms(used_ms, media.video_ms)
    }

    /// Returns these lengths, in ms, as started 5 s.
    pub fn of_ms(audio_ms: Option<i64>, video_ms: Option<i64>) -> Self {
        Self { audio_steps: audio_ms.map(steps), video_steps: video_ms.map(steps) }
    }

    /// Returns the lengths of a task.
    pub fn of_task(task: &Task) -> Self {
        Self::of(&task.spec, &task.media, task.plan.as_ref())
    }
}

/// The part of the audio that a task will use, in ms. `used_audio_ms` of the store computes the same in SQL.
fn expected_ms(spec: &JobSpec, media: &Media) -> Option<i64> {
    let end_ms = spec.sound_end_ms.or(media.audio_ms)?;
    let room_ms = media.video_ms.unwrap_or(LONGEST_MS).min(LONGEST_MS);
    Some(end_ms.saturating_sub(spec.sound_start_ms).min(room_ms))
}

fn steps(ms: i64) -> i64 {
    ms.clamp(1, 2 * LONGEST_MS).saturating_add(STEP_MS - 1) / STEP_MS
}

/// What the last task of these lengths cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObservedPrice {
    /// The lengths of the task.
    pub length: Length,
    /// What Kling charged for it.
    pub cost: Cost,
}

/// A charge from which later prices are learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observation {
    /// An Identify Face call.
    Identify(Cost),
    /// A task that succeeded.
    Task(ObservedPrice),
}

/// Prices that a person assumes (`prices` in the configuration), in millionths of a unit. Money is never assumed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AssumedPrices {
    /// One Identify Face call.
    pub identify_micro: Option<i64>,
    /// Each started 5 s of a task's video, or of its audio if the video's length is unknown.
    pub per_step_micro: Option<i64>,
}

/// An expected cost. A part is none while it is unknown: unknown is not 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Price {
    /// In millionths of a unit.
    pub units_micro: Option<i64>,
    /// In millionths of the account's money.
    pub money_micro: Option<i64>,
    /// A person assumed it; the account was not charged like this yet.
    pub is_assumed: bool,
    /// The most that it may be, where the price is a guess; none: it is no guess.
    pub most: Option<Cost>,
}

impl Price {
    /// Nothing is known.
    pub const UNKNOWN: Self =
        Self { units_micro: None, money_micro: None, is_assumed: false, most: None };

    const fn learned(Cost { units_micro, money_micro }: Cost) -> Self {
        let (units_micro, money_micro) = (Some(units_micro), Some(money_micro));
        Self { units_micro, money_micro, ..Self::UNKNOWN }
    }

    fn assumed(units_micro: Option<i64>) -> Self {
        Self { units_micro, is_assumed: units_micro.is_some(), ..Self::UNKNOWN }
    }

    /// Returns the most that this may cost; none: nobody knows.
    pub fn at_most(&self) -> Option<Cost> {
        self.most.or_else(|| {
            let (units_micro, money_micro) = self.units_micro.zip(self.money_micro)?;
            Some(Cost { units_micro, money_micro })
        })
    }

    /// Whether nothing is known.
    pub const fn is_unknown(&self) -> bool {
        self.units_micro.is_none() && self.money_micro.is_none()
    }

    /// Returns the sum of both. What is unknown of one is unknown of the sum.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let sum = |a: Option<i64>, b: Option<i64>| Some(a?.saturating_add(b?));
        let most = self.at_most().zip(other.at_most()).map(|(a, b)| a.plus(b));
        Self {
            units_micro: sum(self.units_micro, other.units_micro),
            money_micro: sum(self.money_micro, other.money_micro),
            is_assumed: self.is_assumed || other.is_assumed,
            most: most.filter(|_| self.most.is_some() || other.most.is_some()),
        }
    }

    /// Returns the price of `count` things of this price.
    #[must_use]
    pub fn times(self, count: i64) -> Self {
        let times = |one: Option<i64>| one.map(|one| one.saturating_mul(count));
        let most = self.most.map(|most| most.times(count));
        let (units_micro, money_micro) = (times(self.units_micro), times(self.money_micro));
        Self { units_micro, money_micro, most, ..self }
    }
}

/// All that is known about the prices of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PriceList {
    /// What tasks cost, by length.
    pub observed: Vec<ObservedPrice>,
    /// What the last Identify Face call cost.
    pub identify: Option<Cost>,
    /// What the configuration assumes where nothing was learned.
    pub assumed: AssumedPrices,
}

impl PriceList {
    /// Returns the price of one Identify Face call.
    pub fn identify(&self) -> Price {
        match self.identify {
            Some(cost) => Price::learned(cost),
            None => Price::assumed(self.assumed.identify_micro),
        }
    }

    /// Returns the price of a task, without its Identify Face call: the last price of a task of these lengths, else the
    /// price by the rule that explains all tasks. If two rules do and differ, the price is unknown.
    ///
    /// The length of a video at a URL is unknown before its task has ended. While the video may decide, the highest
    /// price of a task with this audio is a guess.
    pub fn task(&self, length: Length) -> Price {
        let exact = self.observed.iter().find(|seen| seen.length == length);
        let (mut known, mut guess) = (exact.map(|seen| seen.cost), None);
        if known.is_none() {
            let has_this_audio = |seen: Length| seen.audio_steps == length.audio_steps;
            let by_audio = self.by_rule(length, |length| length.audio_steps);
            let by_video = self.by_rule(length, |length| length.video_steps);
            match (by_audio, by_video) {
                (Rule::Price(audio), Rule::Price(video)) if audio == video => known = Some(audio),
                (Rule::Price(cost), Rule::Wrong) | (Rule::Wrong, Rule::Price(cost)) => {
                    known = Some(cost);
                }
                (Rule::Wrong, Rule::LengthUnknown) => {
                    guess = self.highest(has_this_audio).or_else(|| self.highest(|_| true));
                }
                _ if length.video_steps.is_none() => guess = self.highest(has_this_audio),
                _ => {}
            }
        }
        if let Some(cost) = known {
            return Price::learned(cost);
        }
        if let Some(cost) = guess {
            return Price { most: self.most(length), ..Price::learned(cost) };
        }
        let steps = length.video_steps.or(length.audio_steps);
        let per_step = self.assumed.per_step_micro;
        Price::assumed(steps.zip(per_step).map(|(steps, price)| price.saturating_mul(steps)))
    }

    /// Returns what a task costs whose video is as long as Kling accepts.
    fn most(&self, length: Length) -> Option<Cost> {
        let longest = steps(LONGEST_MS);
        let length = Length { video_steps: Some(longest), ..length };
        match self.by_rule(length, |length| length.video_steps) {
            Rule::Price(cost) => Some(cost),
            // No rule is known: not even the shortest task that was seen can cost more for each step.
            _ => self.highest(|_| true).map(|cost| cost.times(longest)),
        }
    }

    /// Returns the highest price of the tasks of such lengths.
    fn highest(&self, is_such: impl Fn(Length) -> bool) -> Option<Cost> {
        let alike = self.observed.iter().filter(|seen| is_such(seen.length));
        alike.map(|seen| seen.cost).max_by_key(|cost| (cost.units_micro, cost.money_micro))
    }

    /// Applies the rule that a length decides alone: the same price for each step.
    fn by_rule(&self, length: Length, steps_of: impl Fn(Length) -> Option<i64>) -> Rule {
        let Some(first) = self.observed.first() else { return Rule::Wrong };
        let Some(first_steps) = steps_of(first.length) else { return Rule::Wrong };
        let is_explained = |seen: &ObservedPrice| {
            steps_of(seen.length)
                .is_some_and(|steps| seen.cost.times(first_steps) == first.cost.times(steps))
        };
        if !self.observed.iter().all(is_explained) {
            return Rule::Wrong;
        }
        let Some(steps) = steps_of(length) else { return Rule::LengthUnknown };
        let scaled = |micro: i64| {
            let all = micro.saturating_mul(steps).saturating_add(first_steps - 1);
            all / first_steps
        };
        Rule::Price(Cost {
            units_micro: scaled(first.cost.units_micro),
            money_micro: scaled(first.cost.money_micro),
        })
    }
}

enum Rule {
    /// The rule does not explain what was charged, or nothing was charged.
    Wrong,
    /// The rule may be right, and the length that it needs is unknown.
    LengthUnknown,
    Price(Cost),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(audio: i64, video: impl Into<Option<i64>>) -> Length {
        Length { audio_steps: Some(audio), video_steps: video.into() }
    }

    fn list(seen: &[(i64, Option<i64>, i64)]) -> PriceList {
        let observed = seen.iter().map(|(audio, video, units)| ObservedPrice {
            length: length(*audio, *video),
            cost: Cost::units(*units),
        });
        PriceList { observed: observed.collect(), ..PriceList::default() }
    }

    #[test]
    fn the_length_that_explains_all_charges_decides() {
        let by_video = list(&[(1, Some(2), 10), (2, Some(2), 10)]);
        assert_eq!(by_video.task(length(1, 4)).units_micro, Some(20));
        let guess = by_video.task(length(3, None));
        assert_eq!((guess.units_micro, guess.most), (Some(10), Some(Cost::units(60))));
        let by_audio = list(&[(1, Some(2), 5), (1, Some(3), 5)]);
        assert_eq!(by_audio.task(length(3, 3)).units_micro, Some(15));
        let known = by_audio.task(length(3, None));
        assert_eq!((known.units_micro, known.most), (Some(15), None));
        // The lengths of videos are unknown: only the audio can explain anything.
        let by_audio = list(&[(1, None, 5), (2, None, 10)]);
        assert_eq!(by_audio.task(length(3, 1)).units_micro, Some(15));
    }

    #[test]
    fn a_price_that_two_rules_see_differently_is_unknown() {
        let one = list(&[(1, Some(2), 10)]);
        assert_eq!(one.task(length(1, 2)).units_micro, Some(10), "seen");
        assert_eq!(one.task(length(2, 4)).units_micro, Some(20), "both rules agree");
        assert_eq!(one.task(length(2, 2)), Price::UNKNOWN);
        let guess = one.task(length(1, None));
        assert_eq!((guess.units_micro, guess.most), (Some(10), Some(Cost::units(60))));
        let call = Price { units_micro: Some(1), money_micro: Some(0), ..Price::UNKNOWN };
        assert_eq!(guess.plus(call).most, Some(Cost::units(61)));
        assert_eq!(guess.plus(Price::UNKNOWN).most, None);
        assert_eq!(one.task(length(2, None)), Price::UNKNOWN, "the video may decide");
        let neither = list(&[(1, Some(2), 10), (2, Some(2), 13), (1, Some(3), 11)]);
        assert_eq!(neither.task(length(2, 2)).units_micro, Some(13), "seen");
        assert_eq!(neither.task(length(2, 4)), Price::UNKNOWN);
    }

    #[test]
    fn money_and_units_are_learned_together() {
        let cost = Cost { units_micro: 0, money_micro: 7 };
        let list = PriceList {
            observed: vec![ObservedPrice { length: length(1, 1), cost }],
            ..PriceList::default()
        };
        let price = list.task(length(2, 2));
        assert_eq!((price.units_micro, price.money_micro), (Some(0), Some(14)));
    }

    #[test]
    fn assumed_prices_count_until_something_is_learned() {
        let assumed = AssumedPrices { identify_micro: Some(50), per_step_micro: Some(500) };
        let mut list = PriceList { assumed, ..PriceList::default() };
        let price = list.task(length(1, 3));
        assert_eq!(
            (price.units_micro, price.money_micro, price.is_assumed),
            (Some(1_500), None, true)
        );
        assert_eq!(list.task(length(2, None)).units_micro, Some(1_000));
        assert_eq!(list.task(Length::default()), Price::UNKNOWN, "no length is known");
        assert_eq!(list.identify().units_micro, Some(50));
        list.identify = Some(Cost::units(40));
        assert_eq!(list.identify(), Price::learned(Cost::units(40)));
        list.observed = vec![ObservedPrice { length: length(1, 3), cost: Cost::units(900) }];
        assert_eq!(list.task(length(1, 3)), Price::learned(Cost::units(900)));
        assert_eq!(list.task(length(2, 3)).units_micro, Some(1_500), "neither rule: assumed again");
        assert_eq!(PriceList::default().task(length(1, 1)), Price::UNKNOWN);
    }

    #[test]
    fn lengths_are_started_steps() {
        for (ms, count) in
            [(i64::MIN, 1), (0, 1), (5_000, 1), (5_001, 2), (60_000, 12), (i64::MAX, 24)]
        {
            assert_eq!(steps(ms), count, "{ms}");
        }
    }
}
