//! Tables as people have them.

use super::*;

fn converted(table: &str) -> Vec<manifest::ManifestJob> {
    let text = convert(table.as_bytes()).unwrap_or_else(|errors| panic!("{errors:?}"));
    manifest::read(text.as_bytes(), "t.yaml").unwrap().jobs
}

#[track_caller]
fn errors(table: &[u8]) -> Vec<String> {
    convert(table).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn a_table_of_each_kind_becomes_jobs() {
    let rows = "id,video,audio\n007,https://e.com/v.mp4,\"a, \"\"b\"\".mp3\"\nno,v.mp4,b.mp3\n";
    let tables = [
        rows.to_owned(),
        format!("\u{feff}{}", rows.replace('\n', "\r\n")),
        "id;video;audio\n007;https://e.com/v.mp4;\"a, \"\"b\"\".mp3\"\n\nno;v.mp4;b.mp3".to_owned(),
        "id\tvideo\taudio\n 007 \thttps://e.com/v.mp4\t\"a, \"\"b\"\".mp3\"\nno\tv.mp4\tb.mp3\n"
            .to_owned(),
    ];
    for table in tables {
        let jobs = converted(&table);
        let ids: Vec<_> = jobs.iter().map(|job| job.spec.id.as_deref()).collect();
        assert_eq!(ids, [Some("007"), Some("no")], "{table}");
        assert_eq!(jobs[0].spec.audio, crate::job::Source::File("a, \"b\".mp3".to_owned()));
    }
}

#[test]
fn what_spreadsheets_write_is_read() {
    let rows = "id\tvideo\taudio\t\t\r\n007\tv.mp4\té.mp3\t\t\r\n\u{a0}8\tv.mp4\tb.mp3\t\t\t\r\n";
    let utf16 = |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        "\u{feff}".encode_utf16().chain(rows.encode_utf16()).flat_map(bytes).collect()
    };
    let comma = rows.replace('\t', ",");
    for table in [
        utf16(u16::to_le_bytes),
        utf16(u16::to_be_bytes),
        comma.clone().into_bytes(),
        format!("sep=,\r\n{comma}").into_bytes(),
    ] {
        let text = convert(&table).unwrap_or_else(|errors| panic!("{errors:?}"));
        let jobs = manifest::read(text.as_bytes(), "t.yaml").unwrap().jobs;
        let ids: Vec<_> = jobs.iter().map(|job| job.spec.id.as_deref()).collect();
        assert_eq!(ids, [Some("007"), Some("8")]);
        assert_eq!(jobs[0].spec.audio, crate::job::Source::File("é.mp3".to_owned()));
    }
    // Rows are counted with the line of `sep=`.
    let row = "1,v.mp4,a.mp3\n";
    let again = errors(format!("sep=,\nid,video,audio\n{row}{row}").as_bytes());
    assert!(again[0].starts_with("4: column 1 (id)"), "{again:?}");
}

#[test]
fn a_large_table_is_split_by_the_user() {
    let row = |number: u32| {
        format!("{number:06},https://e.com/v{number}.mp4,https://e.com/a{number}.mp3\n")
    };
    let table = |rows: u32| "id,video,audio\n".to_owned() + &(0..rows).map(row).collect::<String>();
    let whole = errors(table(100_000).as_bytes());
    let expected = "1: the manifest would be larger than 8 MiB, which is the limit: split the table into files of at most \
                    50000 rows";
    assert_eq!(whole, [expected]);
    assert_eq!(converted(&table(50_000)).len(), 50_000);
}

#[test]
fn each_value_has_its_type() {
    let jobs = converted(
        "id,video,audio,watermark,take,sound_volume,sound_end_time,face.index,labels.lang,labels.nr,priority,x-note\n\
         1,https://e.com/v.mp4,https://e.com/a.mp3,TRUE,2,0.5,4s,1,no,007,-5,hello\n\
         2,https://e.com/v.mp4,https://e.com/a.mp3,,,,4000,,,,,\n",
    );
    let [first, second] = &jobs[..] else { panic!("{jobs:?}") };
    assert!(first.spec.watermark && first.spec.take == Some(2) && first.spec.priority == -5);
    assert_eq!(first.spec.face, crate::job::FaceChoice::Index(1));
    assert_eq!(first.spec.labels["lang"], "no");
    assert_eq!(first.spec.labels["nr"], "007");
    assert_eq!(first.spec.sound_end_ms, second.spec.sound_end_ms);
    assert!(second.spec.labels.is_empty());
}

#[test]
fn errors_name_row_and_column() {
    for (table, expected) in [
        (
            "",
            &["1: the table is empty: its first row names manifest keys, such as id,video,audio"][..],
        ),
        ("id,video,audio\n", &["1: the table has no rows below its header"]),
        (
            "id,vidoe,audio\n1,v.mp4,a.mp3\n",
            &["1: column 2: unknown key `vidoe`; did you mean `video`?"],
        ),
        ("id,video,video\n1,v.mp4,a.mp3\n", &["1: column 3: the key `video` is repeated"]),
        (
            "id,video,video.id\n1,v.mp4,a.mp3\n",
            &["1: column 3: `video` and `video.id` cannot both be columns"],
        ),
        ("id,,audio\n1,v.mp4,a.mp3\n", &["1: column 2: the column has no name"]),
        (
            "id,video,audio\n1,v.mp4\n2,v.mp4,a.mp3\n3,v.mp4,a.mp3,b\n",
            &[
                "2: the row has 2 fields, and the header has 3; a text with the delimiter in it needs quotation marks",
                "4: the row has 4 fields, and the header has 3; a text with the delimiter in it needs quotation marks",
            ],
        ),
        (
            "id,video,audio,labels.note\n1,v.mp4,a.mp3,\"x\n2,v.mp4,a.mp3,y\n",
            &[
                "2: a quotation mark (\") in this row is not closed: the rest of the table is one cell",
            ],
        ),
        (
            "id,video,audio\n1,v.mp4,\"a.mp3\n2,v.mp4,\"b.mp3\n",
            &[
                "2: column 3 (audio): the cell has several lines; a quotation mark (\") may be missing",
            ],
        ),
        (
            "id,video,audio,external_task_id\n1,v.mp4,a.mp3,1.23E+15\n",
            &[
                "2: column 4 (external_task_id): the spreadsheet shortened a number to `1.23E+15`; format the column as text",
            ],
        ),
        (
            "i\0d\0\n\0",
            &["1: the file is no text in UTF-8 or UTF-16; save the table as \"CSV UTF-8\""],
        ),
        ("PK\x03\x04 \n ", &["1: this is a workbook; save the table as \"CSV UTF-8\""]),
        (
            "id,video,audio\r1,v.mp4,a.mp3\r1,v.mp4,a.mp3",
            &[
                "3: column 1 (id): two jobs have the `id` `1` (the first is in line 2; it names the job)",
            ],
        ),
    ] {
        assert_eq!(errors(table.as_bytes()), expected, "{table}");
    }
    let all = errors(
        "id;video;audio;sound_volume\n1;v.mp4;a.mp3;0,5\n\"2\n\";v.mp4;a.mp3;\n3;v.avi;a.mp3;9\n1;v.mp4;;\n".as_bytes(),
    );
    for (place, what) in [
        ("2: column 4 (sound_volume): ", "0,5"),
        ("5: column 2 (video): ", ".mp4 .mov"),
        ("5: column 4 (sound_volume): ", "2"),
        ("6: column 1 (id): ", "the first is in line 2"),
        ("6: ", "audio"),
    ] {
        assert!(
            all.iter().any(|error| error.starts_with(place) && error.contains(what)),
            "{place}{what}: {all:#?}"
        );
    }
    let latin1 = errors(b"id,video,audio\n1,v.mp4,caf\xe9.mp3\n");
    assert_eq!(
        latin1,
        ["2: column 3 (audio): the text is not UTF-8; save the table as \"CSV UTF-8\""]
    );
}

#[test]
fn lines_are_those_of_the_file() {
    for end in ["\n", "\r\n"] {
        let rows = [
            "id,video,audio",
            "",
            "1,v.mp4,a.mp3",
            "",
            "\"2",
            "\",v.mp4,a.mp3",
            "1,v.mp4,a.mp3",
            "",
        ];
        let expected = "7: column 1 (id): two jobs have the `id` `1` (the first is in line 3; it names the job)";
        assert_eq!(errors(rows.join(end).as_bytes()), [expected]);
    }
}
