//! What a user would notice of the timing: defaults, refusals in words, and no plan that the API
//! would refuse, whatever comes in.

use proptest::prelude::*;

use super::*;
use crate::job::Source;

fn spec() -> JobSpec {
    let video = Source::Url("https://cdn.example.com/welcome.mp4".into());
    JobSpec::new("promo/en", video, Source::File("welcome-en.mp3".into()))
}

fn face(face_id: &str, start_ms: i64, end_ms: i64) -> FaceSpan {
    FaceSpan { face_id: face_id.into(), start_ms, end_ms }
}

fn chosen(choice: FaceChoice, faces: &[FaceSpan]) -> Result<(String, i64), &'static str> {
    choose_face(&choice, faces)
        .map(|face| (face.face_id.clone(), face.start_ms))
        .map_err(|error| error.code())
}

#[test]
fn each_choice_picks_its_face() {
    let faces = [face("a", 3_000, 6_000), face("b", 500, 3_500), face("c", 1_000, 5_000)];
    assert_eq!(chosen(FaceChoice::Longest, &faces), Ok(("c".into(), 1_000)));
    assert_eq!(chosen(FaceChoice::Longest, &faces[..2]), Ok(("b".into(), 500)));
    assert_eq!(chosen(FaceChoice::First, &faces), Ok(("b".into(), 500)));
    assert_eq!(chosen(FaceChoice::Index(0), &faces), Ok(("a".into(), 3_000)));
    assert_eq!(chosen(FaceChoice::Id("c".into()), &faces), Ok(("c".into(), 1_000)));
    assert_eq!(chosen(FaceChoice::Only, &faces[..1]), Ok(("a".into(), 3_000)));
}

#[test]
fn a_choice_that_fits_no_face_is_refused() {
    let faces = [face("a", 0, 6_000), face("b", 0, 6_000)];
    assert_eq!(chosen(FaceChoice::Longest, &[]), Err("no_face"));
    assert_eq!(chosen(FaceChoice::Index(0), &[]), Err("no_face"));
    assert_eq!(chosen(FaceChoice::Only, &faces), Err("several_faces"));
    assert_eq!(chosen(FaceChoice::Index(2), &faces), Err("face_not_found"));
    let error = choose_face(&FaceChoice::Id("z".into()), &faces).unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no face `z` in the video, only `a`, `b`; change `face`"
    );
}

#[test]
fn an_id_listed_twice_is_one_face_at_its_longest() {
    let faces = [face("a", 0, 2_500), face("a", 4_000, 9_000)];
    assert_eq!(chosen(FaceChoice::Only, &faces), Ok(("a".into(), 4_000)));
    assert_eq!(chosen(FaceChoice::Id("a".into()), &faces), Ok(("a".into(), 4_000)));
}

fn times(spec: &JobSpec, audio: Option<i64>, video: Option<i64>) -> Result<[i64; 3], TimingError> {
    let plan = plan(spec, &[face("0", 1_000, 5_200)], audio, video)?;
    Ok([plan.sound_start_ms, plan.sound_end_ms, plan.sound_insert_ms])
}

#[test]
fn defaults_take_as_much_of_the_audio_as_fits_from_where_the_face_appears() {
    assert_eq!(times(&spec(), Some(3_000), Some(6_000)), Ok([0, 3_000, 1_000]));
    assert_eq!(times(&spec(), Some(9_000), Some(6_000)), Ok([0, 5_000, 1_000]));
    // The video's length is unknown: the face is seen until 5.2 s, so that much is sure.
    assert_eq!(times(&spec(), Some(9_000), None), Ok([0, 4_200, 1_000]));
    // A minute of speech whose last frame ends later.
    let seen = [face("0", 0, 60_000)];
    assert_eq!(plan(&spec(), &seen, Some(60_050), Some(60_000)).unwrap().sound_end_ms, 60_000);
    let late = JobSpec { sound_start_ms: 500, sound_insert_ms: Some(2_000), ..spec() };
    assert_eq!(times(&late, Some(9_000), Some(6_000)), Ok([500, 4_500, 2_000]));
}

#[test]
fn given_times_may_pass_the_last_seen_face_when_the_length_is_unknown() {
    let long = JobSpec { sound_end_ms: Some(20_000), ..spec() };
    assert_eq!(times(&long, Some(20_000), None), Ok([0, 20_000, 1_000]));
    assert_eq!(times(&long, None, None), Ok([0, 20_000, 1_000]));
    assert_eq!(times(&long, Some(20_000), Some(20_999)).unwrap_err().code(), "past_video_end");
}

#[test]
fn every_broken_rule_is_told_with_its_figures_and_its_key() {
    let with = |change: fn(&mut JobSpec)| {
        let mut spec = spec();
        change(&mut spec);
        spec
    };
    let message = |spec: &JobSpec, audio, video| {
        let error = times(spec, audio, video).unwrap_err();
        format!("{}: {error}", error.code())
    };
    insta::assert_snapshot!(
        [
            message(&spec(), Some(1_200), Some(6_000)),
            message(&spec(), None, Some(6_000)),
            message(&spec(), Some(3_000), Some(2_900)),
            message(&with(|s| s.sound_start_ms = -1), Some(3_000), Some(6_000)),
            message(&with(|s| s.sound_end_ms = Some(1_999)), Some(3_000), Some(6_000)),
            message(&with(|s| s.sound_end_ms = Some(60_001)), Some(70_000), Some(60_000)),
            message(&with(|s| s.sound_end_ms = Some(3_001)), Some(3_000), Some(6_000)),
            message(&with(|s| (s.sound_start_ms, s.sound_end_ms) = (9_000, Some(61_000))), None, None),
            message(&with(|s| s.sound_insert_ms = Some(-5)), Some(3_000), Some(6_000)),
            message(
                &with(|s| (s.sound_insert_ms, s.sound_end_ms) = (Some(3_500), Some(3_000))),
                Some(3_000),
                Some(6_000)
            ),
            message(
                &with(|s| (s.sound_insert_ms, s.sound_end_ms) = (Some(57_500), Some(3_000))),
                Some(3_000),
                None
            ),
            message(&with(|s| s.sound_insert_ms = Some(3_250)), Some(3_000), Some(8_000)),
        ]
        .join("\n"),
        @r"
        audio_too_short: the audio lasts 1.2 s and is cropped from 0 s; at least 2 s must be left, so change `sound_start_time` or use longer audio
        sound_end_needed: the length of audio given by id is unknown: set `sound_end_time`
        no_room: the audio goes in at 1 s, and there is room until 2.9 s; at least 2 s are needed, so change `sound_insert_time` or `face`
        negative_time: `sound_start_time` is -0.001 s; it must not be negative
        crop_too_short: the crop from 0 s to 1.999 s is too short: `sound_end_time` must be at least 2 s after `sound_start_time`
        crop_too_long: the crop from 0 s to 60.001 s is too long: `sound_end_time` must be at most 60 s after `sound_start_time`
        past_audio_end: `sound_end_time` is 3.001 s, but the audio lasts 3 s; choose an earlier time
        past_audio_end: `sound_end_time` is 61 s, but an audio file may last at most 60 s; choose an earlier time
        negative_time: `sound_insert_time` is -0.005 s; it must not be negative
        past_video_end: 3 s of audio inserted at 3.5 s would run past the end of the video: it lasts 6 s; choose an earlier `sound_insert_time` or `sound_end_time`
        past_video_end: 3 s of audio inserted at 57.5 s would run past the end of the video: its length is not known, and a video may last at most 60 s; choose an earlier `sound_insert_time` or `sound_end_time`
        no_overlap: the audio runs from 3.25 s to 6.25 s and face `0` is seen from 1 s to 5.2 s: they overlap for 1.95 s, at least 2 s are needed; change `sound_insert_time` or `face`
        "
    );
    let brief = plan(&spec(), &[face("0", 0, 1_500)], Some(3_000), Some(6_000)).unwrap_err();
    assert_eq!(
        brief.to_string(),
        "face `0` is seen for 1.5 s; at least 2 s are needed, so choose another `face`"
    );
}

/// Any integer at all, but mostly ones that a video could have.
fn any_ms() -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => 0..70_000_i64,
        1 => -5_000..0_i64,
        1 => prop::sample::select(vec![i64::MIN, i64::MAX, i64::MAX - 1]),
    ]
}

fn any_faces() -> impl Strategy<Value = Vec<FaceSpan>> {
    prop::collection::vec((0..3_u8, any_ms(), any_ms()), 0..5).prop_map(|spans| {
        spans.into_iter().map(|(id, start, end)| face(&id.to_string(), start, end)).collect()
    })
}

fn any_choice() -> impl Strategy<Value = FaceChoice> {
    prop_oneof![
        Just(FaceChoice::Longest),
        Just(FaceChoice::First),
        Just(FaceChoice::Only),
        (0..6_usize).prop_map(FaceChoice::Index),
        (0..4_u8).prop_map(|id| FaceChoice::Id(id.to_string())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_plan_breaks_a_rule(
        choice in any_choice(),
        faces in any_faces(),
        start in any_ms(),
        end in prop::option::of(any_ms()),
        insert in prop::option::of(any_ms()),
        audio in prop::option::of(any_ms()),
        video in prop::option::of(any_ms()),
    ) {
        let spec = JobSpec {
            face: choice, sound_start_ms: start, sound_end_ms: end, sound_insert_ms: insert, ..spec()
        };
        match plan(&spec, &faces, audio, video) {
            Err(error) => prop_assert!(!error.to_string().is_empty() && !error.code().is_empty()),
            Ok(plan) => {
                let crop = plan.sound_end_ms - plan.sound_start_ms;
                let stop = plan.sound_insert_ms + crop;
                prop_assert!(plan.sound_start_ms >= 0 && plan.sound_insert_ms >= 0);
                prop_assert!((2_000..=60_000).contains(&crop));
                prop_assert!(plan.sound_end_ms <= audio.unwrap_or(60_000));
                prop_assert!(stop <= video.unwrap_or(60_000));
                prop_assert!(faces.iter().any(|face| face.face_id == plan.face_id
                    && stop.min(face.end_ms).saturating_sub(plan.sound_insert_ms.max(face.start_ms)) >= 2_000));
                prop_assert!(end.is_none_or(|end| end == plan.sound_end_ms));
                prop_assert!(insert.is_none_or(|insert| insert == plan.sound_insert_ms));
            }
        }
    }

    /// With everything left to the defaults, a plan is found whenever face, audio and video have
    /// two seconds in common to give.
    #[test]
    fn defaults_find_a_plan_where_there_is_one(
        seen in 0..58_000_i64, shown in 2_000..60_000_i64, more in 0..10_000_i64,
        audio in 2_000..200_000_i64, known: bool,
    ) {
        let gone = (seen + shown).min(60_000);
        let video = known.then_some((gone + more).min(60_000));
        let plan = plan(&spec(), &[face("0", seen, gone)], Some(audio), video);
        prop_assert!(plan.is_ok(), "{plan:?}");
    }
}
