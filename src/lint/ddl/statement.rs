//! `CREATE EXTERNAL TABLE` statements, read leniently: what is not needed is passed over.

use super::hive::HiveType;
use std::collections::BTreeMap;

/// A statement that creates a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateTable {
    /// Without its database.
    pub name: String,
    /// Names and types, in order.
    pub columns: Vec<(String, HiveType)>,
    /// Names of the columns of `PARTITIONED BY`.
    pub partition_columns: Vec<String>,
    /// `LOCATION`.
    pub location: Option<String>,
    /// `TBLPROPERTIES`.
    pub properties: BTreeMap<String, String>,
}

/// Levels of nested types that are read: Glue's own limit of a type's text is reached before.
const DEPTH: u8 = 64;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// Bare, or in backticks or double quotes.
    Name(String),
    /// In single quotes.
    Text(String),
    Sign(char),
}

/// All statements of a text that create tables; others are passed over.
///
/// # Errors
/// What could not be understood, of the first statement of that kind.
pub fn parse(text: &str) -> Result<Vec<CreateTable>, String> {
    let tokens = tokens(text)?;
    let mut at = Parser { tokens: &tokens, next: 0 };
    let mut statements = Vec::new();
    while at.next < tokens.len() {
        if at.words(&["create", "external", "table"]) || at.words(&["create", "table"]) {
            statements.push(at.create()?);
        } else {
            at.next += 1;
        }
    }
    if statements.is_empty() { Err("no CREATE EXTERNAL TABLE in it".to_owned()) } else { Ok(statements) }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |char: char| char.is_alphanumeric() || char == '_';
        if let Some(comment) = rest.strip_prefix("--") {
            rest = comment.split_once('\n').map_or("", |(_, rest)| rest);
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").ok_or("a comment does not end")?.1;
        } else if matches!(first, '\'' | '"' | '`') {
            let (quoted, behind) = quoted(&rest[1..], first)?;
            tokens.push(if first == '\'' { Token::Text(quoted) } else { Token::Name(quoted) });
            rest = behind;
        } else if is_word(first) {
            let end = rest.find(|char| !is_word(char)).unwrap_or(rest.len());
            tokens.push(Token::Name(rest[..end].to_owned()));
            rest = &rest[end..];
        } else {
            if !first.is_whitespace() {
                tokens.push(Token::Sign(first));
            }
            rest = &rest[first.len_utf8()..];
        }
    }
    Ok(tokens)
}

/// The text up to a quote; a doubled quote or one behind a backslash is part of it.
fn quoted(text: &str, quote: char) -> Result<(String, &str), String> {
    let mut value = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((index, char)) = chars.next() {
        match char {
            '\\' if quote == '\'' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            _ if char != quote => value.push(char),
            _ if chars.peek().is_some_and(|(_, next)| *next == quote) => {
                value.push(quote);
                chars.next();
            }
            _ => return Ok((value, &text[index + 1..])),
        }
    }
    Err(format!("a quoted text does not end: {quote}{}", text.chars().take(40).collect::<String>()))
}

struct Parser<'a> {
    tokens: &'a [Token],
    next: usize,
}

impl Parser<'_> {
    /// Passes over these words if they come next.
    fn words(&mut self, words: &[&str]) -> bool {
        let found = self.tokens[self.next.min(self.tokens.len())..].iter();
        let same =
            |(token, word): (&Token, &&str)| matches!(token, Token::Name(name) if name.eq_ignore_ascii_case(word));
        let are_next = self.next + words.len() <= self.tokens.len() && found.zip(words).all(same);
        self.next += if are_next { words.len() } else { 0 };
        are_next
    }

    fn sign(&mut self, sign: char) -> bool {
        let is_next = self.tokens.get(self.next) == Some(&Token::Sign(sign));
        self.next += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, sign: char, place: &str) -> Result<(), String> {
        if self.sign(sign) { Ok(()) } else { Err(format!("{sign} expected {place}, found {}", self.found())) }
    }

    fn found(&self) -> String {
        match self.tokens.get(self.next) {
            Some(Token::Name(text) | Token::Text(text)) => format!("{text:?}"),
            Some(Token::Sign(sign)) => sign.to_string(),
            None => "the end".to_owned(),
        }
    }

    fn name(&mut self, what: &str) -> Result<String, String> {
        let Some(Token::Name(name)) = self.tokens.get(self.next) else {
            return Err(format!("{what} expected, found {}", self.found()));
        };
        self.next += 1;
        Ok(name.clone())
    }

    fn text(&mut self, what: &str) -> Result<String, String> {
        let Some(Token::Text(text)) = self.tokens.get(self.next) else {
            return Err(format!("{what} in single quotes expected, found {}", self.found()));
        };
        self.next += 1;
        Ok(text.clone())
    }

    /// Behind `CREATE EXTERNAL TABLE`.
    fn create(&mut self) -> Result<CreateTable, String> {
        self.words(&["if", "not", "exists"]);
        let mut table = CreateTable { name: self.name("the name of a table")?, ..CreateTable::default() };
        while self.sign('.') {
            table.name = self.name("the name of a table")?;
        }
        table.columns = self.columns(&format!("before the columns of {}", table.name))?;
        while self.next < self.tokens.len() && !self.sign(';') {
            if self.words(&["partitioned", "by"]) {
                let columns = self.columns("before the partition columns")?;
                table.partition_columns = columns.into_iter().map(|(name, _)| name).collect();
            } else if self.words(&["location"]) {
                table.location = Some(self.text("a location")?);
            } else if self.words(&["tblproperties"]) {
                self.properties(&mut table.properties)?;
            } else if self.words(&["create"]) {
                // The next statement begins without a semicolon behind this one.
                self.next -= 1;
                break;
            } else {
                self.next += 1;
            }
        }
        Ok(table)
    }

    fn columns(&mut self, place: &str) -> Result<Vec<(String, HiveType)>, String> {
        self.expect('(', place)?;
        let mut columns = Vec::new();
        loop {
            let name = self.name("the name of a column")?;
            let column_type = self.hive_type(DEPTH)?;
            columns.push((name, column_type));
            // A comment may follow.
            while !matches!(self.tokens.get(self.next), None | Some(Token::Sign(',' | ')'))) {
                self.next += 1;
            }
            if !self.sign(',') {
                self.expect(')', "behind the columns")?;
                return Ok(columns);
            }
        }
    }

    fn hive_type(&mut self, depth: u8) -> Result<HiveType, String> {
        let depth = depth.checked_sub(1).ok_or("types are nested too deep")?;
        let name = self.name("a type")?.to_lowercase();
        let (mut arguments, mut members) = (Vec::new(), Vec::new());
        if self.sign('(') {
            arguments.push(self.name("a number")?);
            while self.sign(',') {
                arguments.push(self.name("a number")?);
            }
            self.expect(')', "behind the numbers of a type")?;
        }
        if self.sign('<') {
            while !self.sign('>') {
                let member = if name == "struct" {
                    self.name("the name of a member")?.to_lowercase()
                } else {
                    String::new()
                };
                if name == "struct" {
                    self.expect(':', "behind the name of a member")?;
                }
                members.push((member, self.hive_type(depth)?));
                if self.words(&["comment"]) {
                    self.text("a comment")?;
                }
                if !self.sign(',') {
                    self.expect('>', "behind the members of a type")?;
                    break;
                }
            }
        }
        Ok(HiveType { name, arguments, members })
    }

    fn properties(&mut self, properties: &mut BTreeMap<String, String>) -> Result<(), String> {
        self.expect('(', "before the properties")?;
        while !self.sign(')') {
            let name = self.text("a property")?;
            self.expect('=', "behind the name of a property")?;
            properties.insert(name, self.text("the value of a property")?);
            if !self.sign(',') {
                self.expect(')', "behind the properties")?;
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_read_and_what_is_none_is_named() {
        let text = "-- a (note\nCREATE EXTERNAL TABLE IF NOT EXISTS `logs`.s3 (\n `time` timestamp COMMENT 'it''s, (so)',\n \
                    n decimal(10, 2), tags array<struct<`Key`:string,v:map<string,int>>>\n) /* ; */ PARTITIONED BY (`day` \
                    string, hour int)\nSTORED AS PARQUET LOCATION 's3://b/p/'\nTBLPROPERTIES ('a'='b', 'c' = 'd');\n\
                    ALTER TABLE s3 ADD PARTITION (day='x'); create table other (a int)";
        let statements = parse(text).unwrap();
        assert_eq!(statements.len(), 2);
        let types: Vec<String> =
            statements[0].columns.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
        assert_eq!(
            types,
            ["time timestamp", "n decimal(10,2)", "tags array<struct<key:string,v:map<string,int>>>"]
        );
        assert_eq!(statements[0].name, "s3");
        assert_eq!(statements[0].partition_columns, ["day", "hour"]);
        assert_eq!(statements[0].location.as_deref(), Some("s3://b/p/"));
        assert_eq!(statements[0].properties["c"], "d");
        assert_eq!(statements[1].columns.len(), 1);
        let deep = format!("CREATE EXTERNAL TABLE t (a {}int)", "array<".repeat(1000));
        for (bad, reason) in [
            ("SELECT 1", "no CREATE"),
            ("CREATE EXTERNAL TABLE t", "( expected"),
            ("CREATE EXTERNAL TABLE t (a", "a type expected"),
            ("CREATE EXTERNAL TABLE t (a int", ") expected"),
            ("CREATE EXTERNAL TABLE t (a int) LOCATION x", "a location"),
            ("CREATE EXTERNAL TABLE t (a struct<b int>)", ": expected"),
            ("CREATE EXTERNAL TABLE 't", "does not end"),
            (&deep, "too deep"),
        ] {
            let error = parse(bad).unwrap_err();
            assert!(error.contains(reason), "{bad}: {error}");
        }
    }
}
