//! The queries as they stand on the page.

use std::{fs, path::Path};

/// Stands before a query that has nothing to find in most databases.
const MAY_FIND_NOTHING: &str = "<!-- may find nothing -->";

/// A query of the page.
#[derive(Debug)]
pub struct Query {
    /// The heading it stands under.
    pub heading: String,
    pub sql: String,
    pub may_find_nothing: bool,
}

/// Every block of SQL, in the order of the page.
pub fn queries() -> Vec<Query> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/state-database.md");
    let page = fs::read_to_string(path).unwrap();
    let (mut queries, mut heading, mut may_find_nothing) = (Vec::new(), String::new(), false);
    let mut block: Option<String> = None;
    for line in page.lines() {
        match &mut block {
            Some(sql) if line == "```" => {
                queries.push(Query {
                    heading: heading.clone(),
                    sql: sql.clone(),
                    may_find_nothing,
                });
                (block, may_find_nothing) = (None, false);
            }
            Some(sql) => *sql += &format!("{line}\n"),
            None if line == "```sql" => block = Some(String::new()),
            None if line == MAY_FIND_NOTHING => may_find_nothing = true,
            None => {
                if let Some(of) = line.strip_prefix("## ") {
                    of.clone_into(&mut heading);
                }
            }
        }
    }
    queries
}

#[test]
fn every_block_of_the_page_is_found() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/state-database.md");
    let page = fs::read_to_string(path).unwrap();
    let queries = queries();
    assert_eq!(queries.len(), page.matches("```sql").count());
    assert!(queries.len() > 20);
    assert_eq!(
        queries.iter().filter(|query| query.may_find_nothing).count(),
        page.matches(MAY_FIND_NOTHING).count()
    );
    // Each heading that asks has an answer.
    for line in page.lines().filter(|line| line.starts_with("## ") && line.ends_with('?')) {
        assert!(queries.iter().any(|query| line.ends_with(&query.heading)), "{line}");
    }
}
