#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::BufReader;

use super::*;
use crate::proto::GroupType;

fn tape(text: &[u8], buffer: usize) -> Tape<'_> {
    Tape::new(Box::new(BufReader::with_capacity(buffer, text)))
}

fn read(text: &str, buffer: usize) -> Vec<(u64, Result<Group, String>)> {
    let mut tape = tape(text.as_bytes(), buffer);
    let mut table = Table::open(&mut tape).unwrap();
    let mut found = Vec::new();
    while let Some(line) = table.advance(&mut tape).unwrap() {
        found.push((line, table.parse()));
    }
    found
}

fn header_fault(text: &str) -> String {
    Table::open(&mut tape(text.as_bytes(), 64)).err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn cells_become_fields_and_empty_cells_are_left_out() {
    let text = "\u{feff}Type,Name,MaxMemberCount,AppDefinedData.color,CreateTime,SupportTopic\r\n\
                Work,\"a \"\"b\"\", c\",200,red,1700000000,\r\n\
                Community,d,,,,1\r\n";
    for buffer in [3, 5, 8192] {
        let rows = read(text, buffer);
        let first = rows[0].1.as_ref().unwrap();
        assert_eq!((rows[0].0, first.r#type(), first.name.as_str()), (2, GroupType::Private, "a \"b\", c"));
        assert_eq!((first.max_member_count, first.support_topic), (Some(200), None));
        assert_eq!(
            (first.app_defined_data[0].key.as_str(), first.app_defined_data[0].value.as_str()),
            ("color", "red")
        );
        let second = rows[1].1.as_ref().unwrap();
        assert_eq!((rows[1].0, second.support_topic, second.max_member_count), (3, Some(true), None));
        assert!(second.app_defined_data.is_empty() && second.create_time.is_none());
    }
}

#[test]
fn a_record_over_several_lines_has_the_number_of_its_first() {
    let text = "Type,Introduction\n\nPublic,\"one\ntwo\r\n\nfour\"\n\n,\nPublic,x\nPublic,y";
    for buffer in [1, 2, 3, 8192] {
        let lines: Vec<_> = read(text, buffer).iter().map(|row| row.0).collect();
        assert_eq!(lines, [3, 9, 10], "blank lines and rows of empty cells are no records");
    }
}

#[test]
fn no_two_records_have_one_number_whatever_ends_their_lines() {
    for (text, expected) in [
        ("Type,Name\rPublic,a\rPublic,b\r\rPublic,c", [2, 3, 5]),
        ("Type,Name\r\nPublic,a\r\nPublic,b\r\n\r\nPublic,c\r\n", [2, 3, 5]),
        ("\rType,Name\n\rPublic,a\r\nPublic,b\rPublic,\"\r\n\"", [4, 5, 6]),
    ] {
        for buffer in [1, 2, 3, 8192] {
            let rows = read(text, buffer);
            let lines: Vec<_> = rows.iter().map(|row| row.0).collect();
            assert_eq!(lines, expected, "{text:?} by {buffer}");
            assert!(rows.iter().all(|row| row.1.is_ok()));
        }
    }
}

#[test]
fn faults_name_the_column() {
    let rows = read("Type,MaxMemberCount,CreateTime\npublic,many,1.5\nPublic,5\n", 64);
    assert_eq!(
        rows[0].1.as_ref().unwrap_err(),
        "Type: unknown value \"public\", did you mean Public?; MaxMemberCount: expected an integer, found \"many\"; \
         CreateTime: expected an integer, found \"1.5\""
    );
    assert_eq!(rows[1].1.as_ref().unwrap_err(), "2 cells where the header has 3");
}

#[test]
fn a_header_is_refused_with_all_its_faults() {
    assert_eq!(
        header_fault("Type,MaxMemberNum,name,Type,AppDefinedData,\n"),
        "line 1: the header: MaxMemberNum: is called MaxMemberCount in import_group; \
         name: unknown field, did you mean Name?; Type: stands twice; \
         AppDefinedData: a column for each custom field, named AppDefinedData.KEY; column 6 has no name"
    );
    assert!(header_fault("Type;Name\n").contains("by commas"));
    assert_eq!(header_fault(""), "", "an empty file has no groups, and that is all");
}

#[test]
fn a_quote_that_is_never_closed_takes_neither_memory_nor_the_command_down() {
    let endless = format!("Type,Name\nPublic,\"{}", "x,\n".repeat(LONGEST));
    let rows = read(&endless, 8192);
    assert_eq!((rows.len(), rows[0].0), (1, 2));
    assert!(rows[0].1.as_ref().unwrap_err().starts_with("longer than 1048576 bytes"));
    let rows = read("Type,Name\nPublic,\"x\nPublic,y\n", 64);
    assert_eq!(rows[0].1.as_ref().unwrap_err(), "a quote is opened and never closed");
}

#[test]
fn a_record_of_too_many_cells_fails_alone() {
    let rows = read(&format!("Type,Name\n{}\nPublic,b\n", ",".repeat(1000)), 64);
    assert_eq!(rows[0].1.as_ref().unwrap_err(), "more than 256 cells");
    assert!(rows[1].1.is_ok());
}
