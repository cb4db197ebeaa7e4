//! The files that are made of `src/config.rs` are current: `.env.example`, and the table of settings in README.md.
//!
//! With `UPDATE=1` in the environment the tests write the files instead; `scripts/prepare` runs them so.

use std::{fmt::Write as _, fs};

use clap::{CommandFactory, Parser};
use orders::config::{Config, RUST_LOG};

use crate::support::project;

const EXAMPLE_HEAD: &str = "\
# Every setting with its default. scripts/prepare makes this file from src/config.rs.
#
# The service reads its environment, not this file. Copy the file, remove the # of each setting that
# you change, and pass the copy on, e.g. with `docker run --env-file` or EnvironmentFile= of systemd.
# A bad value stops the start with an error message that names the setting and the allowed values.
";

const TABLE_BEGIN: &str = "<!-- settings -->\n";
const TABLE_END: &str = "<!-- /settings -->\n";

const LINE_WIDTH: usize = 100;

struct Setting {
    name: String,
    default: String,
    /// One sentence.
    summary: String,
    details: String,
}

fn settings() -> Vec<Setting> {
    let command = Config::command();
    let arguments = command.get_arguments().filter_map(|argument| {
        let name = argument.get_env()?.to_str()?.to_owned();
        let help = argument.get_long_help().unwrap_or_else(|| panic!("{name} needs a summary and details")).to_string();
        let (summary, details) = help.split_once("\n\n").unwrap();
        let default = match argument.get_default_values() {
            // A flag without a value is off until it is set.
            [] if !argument.get_action().takes_values() => "false",
            [] => "",
            [default, ..] => default.to_str()?,
        };
        Some(Setting { name, default: default.into(), summary: summary.into(), details: details.into() })
    });
    let [name, default, summary, details] = RUST_LOG.map(str::to_owned);
    arguments.chain([Setting { name, default, summary, details }]).collect()
}

#[test]
fn the_environment_example_is_current() {
    let mut example = EXAMPLE_HEAD.to_owned();
    for Setting { name, default, summary, details } in settings() {
        example.push('\n');
        for line in wrapped(&summary).into_iter().chain(wrapped(&details)) {
            writeln!(example, "# {line}").unwrap();
        }
        writeln!(example, "#{name}={default}").unwrap();
    }
    compare_or_write(".env.example", &example);
}

#[test]
fn the_table_of_settings_in_the_readme_is_current() {
    let mut table = "| variable | default | meaning |\n| --- | --- | --- |\n".to_owned();
    for Setting { name, default, summary, .. } in settings() {
        let default = if default.is_empty() { default } else { format!("`{default}`") };
        writeln!(table, "| `{name}` | {default} | {} |", summary.trim_end_matches('.').replace('|', "\\|")).unwrap();
    }
    let readme = fs::read_to_string(project().join("README.md")).unwrap();
    let (before, rest) = readme.split_once(TABLE_BEGIN).expect("README.md has the marker of the table's begin");
    let (_, after) = rest.split_once(TABLE_END).expect("README.md has the marker of the table's end");
    compare_or_write("README.md", &format!("{before}{TABLE_BEGIN}\n{table}\n{TABLE_END}{after}"));
}

/// The range stands in the summary for readers and in the parser for the service. 0 is outside of every range.
#[test]
fn every_summary_has_the_range_that_the_parser_accepts() {
    let mut ranges = 0;
    for argument in Config::command().get_arguments() {
        let Some(flag) = argument.get_long() else { continue };
        let Err(error) = Config::try_parse_from(["orders", &format!("--{flag}"), "0"]) else { continue };
        let message = error.to_string();
        let Some((_, range)) = message.split_once("0 is not in ") else { continue };
        let (low, high) = range.lines().next().unwrap().split_once("..=").unwrap();
        let summary = argument.get_help().unwrap().to_string();
        assert!(summary.ends_with(&format!(", {low} to {high}")), "--{flag} accepts {low} to {high}: {summary}");
        ranges += 1;
    }
    assert!(ranges > 5);
}

fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().unwrap();
        // Each line begins with a number sign and a space.
        if line.is_empty() {
            line.push_str(word);
        } else if line.len() + word.len() + 3 <= LINE_WIDTH {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

fn compare_or_write(name: &str, expected: &str) {
    let path = project().join(name);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path, expected).unwrap();
        return;
    }
    assert!(fs::read_to_string(path).unwrap() == expected, "{name} is not current: run scripts/prepare");
}
