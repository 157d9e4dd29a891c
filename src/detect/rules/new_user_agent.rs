//! GET-007: a caller uses a program that it never used.

use super::marked_calls::{self, News, actions, caller, hit};
use crate::detect::alert::{Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Among, Codes};
use crate::detect::evidence::shortened;
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict};
use crate::detect::marks::Marks;
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared, Threshold};

/// GET-007 `new-user-agent`.
pub static RULE: Rule = Rule {
    id: "GET-007",
    name: "new-user-agent",
    title: "A caller used a program that is new for it",
    severity: Severity::Low,
    attack: &["T1078.004"],
    looks_for: "Requests that were not refused, in either log, with a family of user agents with which the baseline does not know \
        the caller, though it knows the caller for a number of days, or for a day with a number of requests. The family is \
        the program's name without its version, and the command of the AWS command line. There is one alert for a caller \
        and a program. The level is low. Without --baseline it is not evaluated.",
    why: "Who steals a credential brings tools along.",
    cannot_see: "User agents are what a client says: who knows the usual one can send it. Callers that the baseline does not know.",
    false_positives: "A new release that calls itself otherwise, a new tool, a person at the console for once.",
    next_steps: &["Ask the caller whether it uses the program.", "Look at address and actions of these requests."],
    thresholds: &[
        Threshold { name: "requests", default: 3, source: "detector catalogue, to be tuned on real data" },
        marked_calls::HISTORY_DAYS,
        marked_calls::HISTORY_REQUESTS,
    ],
    activity_columns: &["principal", "bucket_name", "remote_ip", "action", "request_id", "user_agent"],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents, Evidence::ManagementEvents],
    samples: &samples::SAMPLES,
    form: Form::Code(HitDetector::<NewUserAgent>::of),
};

mod samples;

struct NewUserAgent(News);

impl Pattern for NewUserAgent {
    const RULE: &'static Rule = &RULE;
    const BY_DAY: bool = false;
    const AMONG: Among = Among::Marked;

    fn new(config: &Config) -> Self {
        NewUserAgent(News::of(config, &RULE))
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        let is_hit = codes.marks[row].has(Marks::NEW_AGENT);
        is_hit.then(|| hit(batch, codes, row, false, cell(batch.text("user_agent"), row).map(program)))
    }

    fn judge(&self, group: &Group<'_>, shared: &Shared<'_>) -> Verdict {
        let program = group.entity[2].unwrap_or("none");
        let alert =
            self.0.alert((group, shared), Severity::Low, ("program", program), "and not with this program");
        let Some(mut alert) = alert else { return Verdict::Nothing };
        alert.summary = format!(
            "{} used {program}, a program new for it, for {} ({}).",
            caller(group),
            counted(group.count(), "request", "requests"),
            actions(group),
        );
        Verdict::Alert(alert)
    }
}

/// The name of the program: the text before the first slash.
fn program(agent: &str) -> &str {
    let agent = agent.trim_start_matches('[').trim_end_matches(']');
    shortened(agent.split('/').next().unwrap_or(agent).trim(), MOST_PROGRAM)
}

/// Bytes of a name that an alert shows.
const MOST_PROGRAM: usize = 64;
