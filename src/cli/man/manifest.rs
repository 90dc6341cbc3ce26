//! `lipsyncd-manifest(5)`: what a manifest may say.

use super::page::Page;

/// Every key of a job: its name, what it may be, what holds when it is left out, what it means.
const KEYS: [(&str, &str, &str, &str); 17] = [
    (
        "id",
        "1 to 64 letters, digits, `.`, `_` or `-`, not beginning with `.`",
        "required in a batch, not allowed elsewhere",
        "Names the job; unique in its batch.",
    ),
    (
        "video",
        "a URL, a path, or `{url: …}`, `{file: …}`, `{id: …}`",
        "required",
        "What is dubbed: `.mp4` or `.mov`. A file is fetched by the API under `media.public_base_url`. An \
         id is that of a video which Kling made.",
    ),
    (
        "audio",
        "a URL, a path, or `{url: …}`, `{file: …}`, `{id: …}`",
        "required",
        "What is spoken. A file (`.mp3`, `.wav`, `.m4a`, `.aac`; at most 5 MB, 2 to 60 s) is sent along. \
         An id needs `sound_end_time`, for its length cannot be known.",
    ),
    (
        "face",
        "`longest`, `first`, `only`, `{index: N}`, `{id: …}`",
        "`longest`",
        "Which face speaks: the one seen longest, the first to appear, the one there is (several fail the \
         job), the one at that place of the list from 0, or the one the API calls so.",
    ),
    (
        "sound_start_time",
        "milliseconds, or a duration such as `1.5s`",
        "0",
        "Where the audio is cropped from.",
    ),
    (
        "sound_end_time",
        "likewise",
        "as much of the audio as fits",
        "Where the crop ends, at least 2 s after its start. When it is left out, lipsyncd fetches a remote \
         audio once, to measure it.",
    ),
    (
        "sound_insert_time",
        "likewise",
        "where the chosen face appears",
        "Where in the video the audio goes.",
    ),
    ("sound_volume", "0 to 2", "1", "How loud the audio is."),
    (
        "original_audio_volume",
        "0 to 2",
        "1",
        "How loud the video's own audio stays; 0 silences it.",
    ),
    (
        "watermark",
        "`true` or `false`",
        "`false`",
        "Whether the watermarked result is fetched, too.",
    ),
    ("callback_url", "a URL", "none", "Kling reports changes of the task there."),
    (
        "external_task_id",
        "1 to 128 visible ASCII characters, none of / \\ ? # %, not beginning with `.`",
        "made from the account and what the job asks",
        "The task's own name in the account; unique there. Each `lipsyncd retry` appends -2, -3, …",
    ),
    (
        "take",
        "1 to 99",
        "1, or the newest take that has not failed",
        "Which take of the same request is wanted. Jobs that ask for the same request and take share one \
         task, which is paid once; each other take is paid again.",
    ),
    (
        "output",
        "a relative path that ends in `.mp4`",
        "the job's key with `.mp4`",
        "Where the result goes under `output_dir`; never out of it.",
    ),
    (
        "priority",
        "-100 to 100",
        "0",
        "Higher goes first. Within one priority, manifests take turns.",
    ),
    ("not_before", "an RFC 3339 time", "at once", "The job waits until then."),
    ("labels", "a mapping of names to texts", "none", "Kept with the job and in its metadata."),
];

/// The page.
pub(super) fn page() -> String {
    let mut page = Page::new("lipsyncd-manifest", "5");
    page.name("lipsyncd-manifest", "what lipsyncd is to dub, as YAML files in a folder");
    page.heading("DESCRIPTION");
    page.paragraph(
        "A manifest is any `*.yaml` or `*.yml` in `jobs_dir` or a folder under it. Hidden files and \
         folders, names that end in `~`, `.tmp`, `.part` or `.swp`, and folders called `@eaDir` are \
         passed over. A manifest is either one job (a mapping with `video` and `audio`), or a batch: \
         `jobs`, a list, and perhaps `defaults`, which holds any key but `id` for all of them.",
    );
    page.paragraph(
        "A job's key is the manifest's path under `jobs_dir` without its ending, for a job of a batch \
         followed by `/` and its `id`: `promo.yaml` with `id: en` is `promo/en`, `single.yml` is \
         `single`.",
    );
    page.paragraph(
        "A path is looked up beside the manifest, then in each of `media.dirs`. Links are resolved \
         first: the file must lie in `jobs_dir` or one of `media.dirs`.",
    );
    page.paragraph(
        "All faults of a manifest are told at once, each with its place, what is wrong and what is \
         allowed. No job of a faulty manifest starts. `lipsyncd check` tells them, or the plan of each \
         job, without running anything.",
    );
    page.paragraph(
        "The folder is only ever read. Touching, renaming or moving a manifest runs nothing again. A job \
         that was sent goes on as sent when its manifest changes; `lipsyncd retry` runs it as it stands \
         now, and pays for it. A job that is taken out is cancelled if it was not sent.",
    );
    page.heading("KEYS OF A BATCH");
    page.item(
        "defaults",
        "Any keys of a job but `id`; a job's own key wins, and `null` undoes it.",
    );
    page.item("jobs", "A list of jobs.");
    page.heading("KEYS OF A JOB");
    for (key, allowed, default, meaning) in KEYS {
        page.item(key, &format!("{meaning} Allowed: {allowed}. When left out: {default}."));
    }
    page.heading("EXAMPLES");
    page.paragraph("A single job:");
    page.example("video: https://cdn.example.com/welcome.mp4\naudio: audio/welcome-fr.mp3");
    page.paragraph("A batch:");
    page.example(
        "defaults:\n  video: https://cdn.example.com/welcome.mp4\n  original_audio_volume: 0\n\
         jobs:\n  - id: en\n    audio: audio/welcome-en.mp3\n  - id: fr\n    \
         audio: audio/welcome-fr.mp3\n    sound_insert_time: 1.5s\n    face: first",
    );
    page.see_also(&["lipsyncd(1)", "lipsyncd-check(1)", "lipsyncd-retry(1)", "lipsyncd.yaml(5)"]);
    page.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_a_job_is_told() {
        assert_eq!(KEYS.map(|(key, ..)| key), crate::manifest::KEYS);
    }
}
