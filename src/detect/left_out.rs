//! What a catalogue of detections for S3 would have and this one has not, with the reason.

/// A detector that there is none of.
#[derive(Clone, Copy, Debug)]
pub struct LeftOut {
    /// The number that is kept free for it.
    pub id: &'static str,
    /// What it would find.
    pub what: &'static str,
    /// Why there is none.
    pub why: &'static str,
}

const fn left_out(id: &'static str, what: &'static str, why: &'static str) -> LeftOut {
    LeftOut { id, what, why }
}

/// Each, in the order of the numbers.
pub static LEFT_OUT: [LeftOut; 46] = [
    left_out(
        "DEL-011",
        "Keys that were there are not found any more",
        "The keys of every successful read would have to be kept to know them again; DEL-001 and `recover` start from the deletes instead.",
    ),
    left_out(
        "DEL-014",
        "Many multipart uploads aborted",
        "It destroys nothing but unfinished uploads, and flaky clients do it all day.",
    ),
    left_out(
        "DEL-016",
        "Objects are tagged, and a lifecycle rule removes what has the tag",
        "RAN-013 raises the lifecycle rule, and DEL-012 what it removes; which keys have the tag no log tells.",
    ),
    left_out(
        "DEL-017",
        "Many overwrites in a bucket without versioning",
        "A write is an overwrite only if the key was there before, which logs that begin today do not show; `recover` tells it where they do.",
    ),
    left_out(
        "DSC-004",
        "GetCallerIdentity, then ListBuckets",
        "Programs do so whenever they start; DSC-005 and DSC-006 find the enumeration that follows.",
    ),
    left_out(
        "DSC-007",
        "ListBuckets with a long-lived key by a new caller",
        "A single call that scripts make every day: GET-008 raises it against a baseline.",
    ),
    left_out(
        "DSC-009",
        "Many different actions refused",
        "DSC-002 counts refusals of a caller; which share of actions is privileged needs a list of all services of AWS.",
    ),
    left_out(
        "DSC-010",
        "An error code that is rare in a bucket",
        "Releases bring new error codes; there is nothing to do about most of them.",
    ),
    left_out(
        "DSC-011",
        "Versions of objects listed by a new caller",
        "Backup tools do it; SEQ-005 and DEL-004 take the lists as a step before deletes.",
    ),
    left_out(
        "DSC-012",
        "A leaked key is tried out",
        "What the tools that do it call themselves changes; GET-006 and GET-007 raise a new network or program of a caller, and SEQ-002 what comes after.",
    ),
    left_out(
        "DSC-013",
        "A role finds out an account id by conditions on it",
        "The requests differ from any other refusals only in a policy of the caller's, which no log shows; DSC-002 counts them.",
    ),
    left_out(
        "DSC-014",
        "Paths of websites are tried out",
        "The noise of the internet on every site; DSC-003 and DSC-015 count what is tried out, and GET-013 raises a file of credentials that was there.",
    ),
    left_out(
        "DSC-017",
        "Logs are queried with Athena by a new caller",
        "The queries of CloudTrail do not name the buckets they read; OPS-004 counts reads of the logs themselves.",
    ),
    left_out(
        "ENC-004",
        "A weak cipher",
        "S3 takes none of those that count as weak, and ENC-002 raises old versions of TLS.",
    ),
    left_out(
        "ENC-005",
        "Requests that an ACL let through",
        "It is a list to work through and no alert: `export` has `acl_required`.",
    ),
    left_out(
        "ENC-006",
        "A write without the encryption that the bucket expects",
        "Which encryption is usual needs a count at every everyday write, and from a sample single writes would be missed; ENC-007 raises what a policy refuses.",
    ),
    left_out(
        "ENC-008",
        "The wrong KMS key for a bucket",
        "It needs a list of keys by bucket and prefix, which nobody has offline; RAN-006 raises keys of other accounts.",
    ),
    left_out(
        "ENC-010",
        "The bucket key was turned off",
        "It costs money and endangers nothing; KMS-002 tells when the quota of KMS comes near.",
    ),
    left_out(
        "ENC-012",
        "Credentials in a URL",
        "The alert would spread what it warns of; all commands for people redact them, and GET-022 raises URLs that many use.",
    ),
    left_out(
        "EXP-017",
        "A caller of the owner's uses a bucket that somebody else took the name of",
        "Access logs of other accounts' buckets are not the owner's, and CloudTrail names the account only at times.",
    ),
    left_out("EXP-018", "Event notifications to another account", "Planned as a rule as data."),
    left_out(
        "EXP-019",
        "A script of a website is replaced",
        "Every deployment does it, and which callers deploy is not known offline; GET-008 raises it against a baseline.",
    ),
    left_out("EXP-020", "Requester pays or acceleration switched", "It changes who pays and lets nobody in."),
    left_out(
        "EXP-021",
        "Objects of other accounts without control by the owner",
        "Since 2023 new buckets own what is written into them; ACLs that are enabled again are EXP-009.",
    ),
    left_out("GET-011", "Large objects read", "One large object is no alert; GET-001 counts bytes."),
    left_out(
        "GET-020",
        "A user agent of a system for attackers",
        "Anybody changes it at will; a rule as data can look for it (`docs/rules.md`).",
    ),
    left_out(
        "GET-021",
        "A user agent of a tool for attackers",
        "As GET-020; GET-007 raises programs that are new for a caller.",
    ),
    left_out(
        "GET-023",
        "Presigned URLs that have expired are used",
        "Stale links everywhere; DSC-008 counts signatures that do not fit.",
    ),
    left_out(
        "GET-027",
        "Many objects restored from an archive",
        "Planned; the reads that follow are GET-001 and GET-002.",
    ),
    left_out(
        "GET-028",
        "Inventories, batch jobs and exports of databases to other accounts",
        "Most of these calls are of other services than S3; users' rules can name them.",
    ),
    left_out(
        "GET-029",
        "So many reads that they cost money",
        "Content delivery networks do so by design; `report` shows the busiest addresses.",
    ),
    left_out(
        "GET-030",
        "An object read slowly, range by range",
        "Players of video do the same; `exposure` unites the ranges of each object.",
    ),
    left_out(
        "GET-031",
        "A VPC endpoint used by another account's caller",
        "CloudTrail gives such calls to the owner of the endpoint as network activity events, which are read but not yet looked at.",
    ),
    left_out(
        "KMS-014",
        "A data key of S3 decrypted by somebody else than S3",
        "Planned as a rule as data, once records of it are at hand.",
    ),
    left_out(
        "KMS-017",
        "A key used from outside the VPC",
        "It needs a list of keys; VPC-only buckets are watched (`vpc_only_buckets`).",
    ),
    left_out(
        "KMS-018",
        "A caller of another account uses up the quota",
        "KMS-001 names the callers; whose quota it is CloudTrail tells only in that account.",
    ),
    left_out(
        "LOG-019",
        "The chain of digests is broken",
        "It is not in the records: `s3sleuth verify` holds files against digests.",
    ),
    left_out(
        "LOG-022",
        "A trail into a bucket of another account",
        "Whose bucket it is no record tells; LOG-009 and LOG-012 raise where logs are sent elsewhere.",
    ),
    left_out(
        "LOG-024",
        "One log shows what the other does not",
        "It is a fact about the evidence and no alert: `coverage` tells it.",
    ),
    left_out(
        "OPS-007",
        "Replication or batch jobs fail",
        "OPS-001 counts errors of the server, and the failures themselves are in CloudWatch.",
    ),
    left_out(
        "OPS-008",
        "Refused requests that cost money",
        "AWS has not charged for them since 2024 (<https://aws.amazon.com/about-aws/whats-new/2024/05/amazon-s3-no-charge-http-error-codes/>).",
    ),
    left_out(
        "OPS-009",
        "Records of a form that is not known",
        "It is a fact about the evidence: parse flags and the summary of every run tell it.",
    ),
    left_out(
        "OPS-010",
        "A region that was never used",
        "Buckets are in one region each, so it is a new bucket first; SCPs do it better.",
    ),
    left_out(
        "OPS-011",
        "Logs that come late, twice or out of order",
        "It is a fact about the evidence: `coverage` tells it.",
    ),
    left_out(
        "RAN-016",
        "Objects cannot be read any more",
        "It needs the keys of every successful read; what S3 refuses because of a key is KMS-010.",
    ),
    left_out(
        "RAN-018",
        "Many objects overwritten by some of nearly the same size",
        "The size of every object that was read would have to be kept; RAN-001, 005 and 017 find the encryption by what the call says.",
    ),
];

/// The part of the manual about them, in Markdown.
pub(super) fn page() -> String {
    let lines = LEFT_OUT.iter().map(|it| format!("| {} | {} | {} |\n", it.id, it.what, it.why));
    format!(
        "## What is left out\n\nNumbers that are kept free, and why there is no detector.\n\n| Number | What it would find | \
         Why there is none |\n|---|---|---|\n{}",
        lines.collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::RULES;

    #[test]
    fn what_is_left_out_is_not_there_and_each_stands_once() {
        assert!(LEFT_OUT.is_sorted_by(|left, right| left.id < right.id));
        for left_out in LEFT_OUT {
            assert!(RULES.iter().all(|rule| rule.id != left_out.id), "{} is there", left_out.id);
        }
    }
}
