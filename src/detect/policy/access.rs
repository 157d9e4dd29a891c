//! What an action of S3 amounts to, and which actions a pattern stands for.

/// Kinds of access, as a set: read, list, write, delete and permissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Access(u8);

impl Access {
    /// The content of objects.
    pub const READ: Access = Access(1);
    /// Names, metadata and settings.
    pub const LIST: Access = Access(2);
    /// Objects are made or replaced, or settings that are no permissions.
    pub const WRITE: Access = Access(4);
    /// Objects, versions, buckets or settings are removed.
    pub const DELETE: Access = Access(8);
    /// Who may do what.
    pub const PERMISSIONS: Access = Access(16);
    /// All of it.
    pub const ALL: Access = Access(31);
    /// None of it.
    pub const NONE: Access = Access(0);
    /// What changes something.
    pub const CHANGES: Access = Access(4 | 8 | 16);

    const NAMES: [(Access, &'static str); 5] = [
        (Access::READ, "read"),
        (Access::LIST, "list"),
        (Access::WRITE, "write"),
        (Access::DELETE, "delete"),
        (Access::PERMISSIONS, "permissions"),
    ];

    /// None?
    pub fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Has both any kind?
    pub fn has_any(self, other: Access) -> bool {
        self.0 & other.0 != 0
    }

    /// What of it the other has not.
    pub fn without(self, other: Access) -> Access {
        Access(self.0 & !other.0)
    }

    /// Both.
    pub fn and(self, other: Access) -> Access {
        Access(self.0 | other.0)
    }

    /// `read+list`
    pub fn text(self) -> String {
        let names = Access::NAMES.iter().filter(|(kind, _)| self.has_any(*kind));
        names.map(|(_, name)| *name).collect::<Vec<_>>().join("+")
    }

    /// From [`Access::text`]; words that are none of it are left out.
    pub fn parse(text: &str) -> Access {
        let named = |word: &str| Access::NAMES.iter().find(|(_, name)| *name == word).map(|(kind, _)| *kind);
        text.split('+').filter_map(named).fold(Access::NONE, Access::and)
    }

    /// `read, list and write`
    pub fn in_words(self) -> String {
        let text = self.text().replace('+', ", ");
        match text.rsplit_once(", ") {
            Some((head, last)) => format!("{head} and {last}"),
            None => text,
        }
    }
}

/// Actions by kind, for patterns: those that matter, by the access levels of
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html>. The names without `s3:`.
const ACTIONS: [(Access, &[&str]); 5] = [
    (Access::READ, &["getobject", "getobjectversion", "getobjecttorrent"]),
    (
        Access::LIST,
        &[
            "listbucket",
            "listbucketversions",
            "listbucketmultipartuploads",
            "listmultipartuploadparts",
            "listallmybuckets",
            "getbucketacl",
            "getbucketlocation",
            "getbucketpolicy",
            "getobjectacl",
            "getobjectattributes",
            "getobjecttagging",
        ],
    ),
    (
        Access::WRITE,
        &[
            "putobject",
            "replicateobject",
            "restoreobject",
            "putobjecttagging",
            "abortmultipartupload",
            "putlifecycleconfiguration",
            "putreplicationconfiguration",
            "putencryptionconfiguration",
            "putbucketversioning",
            "putbucketlogging",
            "putbucketnotification",
            "putbucketwebsite",
            "putbucketcors",
        ],
    ),
    (
        Access::DELETE,
        &["deleteobject", "deleteobjectversion", "replicatedelete", "deletebucket", "deletebucketwebsite"],
    ),
    (
        Access::PERMISSIONS,
        &[
            "putbucketpolicy",
            "deletebucketpolicy",
            "putbucketacl",
            "putobjectacl",
            "putobjectversionacl",
            "putbucketpublicaccessblock",
            "putaccountpublicaccessblock",
            "putbucketownershipcontrols",
            "putaccesspointpolicy",
            "deleteaccesspointpolicy",
            "objectowneroverridetobucketowner",
            "bypassgovernanceretention",
        ],
    ),
];

/// No action of AWS has so long a name.
const MOST_PATTERN: usize = 64;

/// What an action pattern such as `s3:Get*` stands for. An action of S3 that is not listed is known by its verb.
pub fn of_pattern(pattern: &str) -> Access {
    if pattern.len() > MOST_PATTERN {
        return Access::NONE;
    }
    let pattern = pattern.trim().to_ascii_lowercase();
    let Some(name) = name_in_s3(&pattern) else { return Access::NONE };
    let matches = |(_, names): &&(Access, &[&str])| names.iter().any(|action| is_like(name, action));
    let found = ACTIONS.iter().filter(matches).fold(Access::NONE, |sum, (kind, _)| sum.and(*kind));
    if found.is_none() { by_verb(name) } else { found }
}

/// What is left of everything by patterns that are excepted: a kind is gone only if each of its actions is.
pub fn of_all_but<'a>(patterns: impl Iterator<Item = &'a str>) -> Access {
    let patterns: Vec<String> =
        patterns.filter(|it| it.len() <= MOST_PATTERN).take(256).map(str::to_ascii_lowercase).collect();
    let names: Vec<&str> = patterns.iter().filter_map(|pattern| name_in_s3(pattern.trim())).collect();
    let is_excepted = |action: &&str| names.iter().any(|name| is_like(name, action));
    let left = ACTIONS.iter().filter(|(_, actions)| !actions.iter().all(&is_excepted));
    left.fold(Access::NONE, |sum, (kind, _)| sum.and(*kind))
}

/// The part of a pattern behind the service, if the service can be S3.
fn name_in_s3(pattern: &str) -> Option<&str> {
    match pattern.split_once(':') {
        Some((service, name)) => is_like(service, "s3").then_some(name),
        None => (pattern == "*").then_some(pattern),
    }
}

fn by_verb(name: &str) -> Access {
    let verbs: [(&[&str], Access); 3] = [
        (&["get", "list", "describe", "head"], Access::LIST),
        (&["put", "create", "update", "replicate", "restore", "initiate", "tag", "untag"], Access::WRITE),
        (&["delete", "abort"], Access::DELETE),
    ];
    let beginning = name.split(['*', '?']).next().unwrap_or_default();
    let found = verbs.into_iter().find(|(verbs, _)| verbs.iter().any(|verb| beginning.starts_with(verb)));
    found.map_or(Access::NONE, |(_, kind)| kind)
}

/// Does a text match a pattern of `*` and `?`, both of the same case?
pub fn is_like(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut from) = (0, 0);
    // Where the last star stood, and what it has taken up to.
    let mut star: Option<(usize, usize)> = None;
    while from < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(byte) if *byte == b'?' || *byte == text[from] => {
                at += 1;
                from += 1;
            }
            _ => {
                let Some((place, taken)) = star else { return false };
                star = Some((place, taken + 1));
                (at, from) = (place + 1, taken + 1);
            }
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stand_for_what_they_match() {
        for (pattern, expected) in [
            ("s3:GetObject", "read"),
            ("S3:getobjectVersion", "read"),
            ("s3:Get*", "read+list"),
            ("s3:GetObject*", "read+list"),
            ("s3:List*", "list"),
            ("s3:ListBucket", "list"),
            ("s3:PutObject", "write"),
            ("s3:PutObject*", "write+permissions"),
            ("s3:Put*", "write+permissions"),
            ("s3:*Object", "read+write+delete"),
            ("s3:Delete*", "delete+permissions"),
            ("s3:PutBucketPolicy", "permissions"),
            ("s3:*", "read+list+write+delete+permissions"),
            ("*", "read+list+write+delete+permissions"),
            ("s3:?etObject", "read"),
            ("s*:GetObject", "read"),
            ("s3:GetBucketWebsite", "list"),
            ("s3:PutBucketTagging", "write"),
            ("s3:DeleteObjectTagging", "delete"),
            ("kms:Decrypt", ""),
            ("s3express:CreateSession", ""),
            ("GetObject", ""),
            ("", ""),
            ("s3:GetBucketW*", "list"),
            ("s3:Zzz*", ""),
        ] {
            assert_eq!(of_pattern(pattern).text(), expected, "{pattern}");
        }
        assert!(of_pattern(&format!("s3:{}", "*".repeat(1000))).is_none());
    }

    #[test]
    fn all_but_some_actions_leaves_the_rest() {
        for (patterns, expected) in [
            (&["s3:Delete*"][..], "read+list+write+delete+permissions"),
            (&["s3:*"], ""),
            (&["s3:GetObject*"], "list+write+delete+permissions"),
            (&["iam:*"], "read+list+write+delete+permissions"),
            (&["s3:Get*", "s3:List*"], "write+delete+permissions"),
        ] {
            assert_eq!(of_all_but(patterns.iter().copied()).text(), expected, "{patterns:?}");
        }
    }

    #[test]
    fn a_pattern_of_stars_is_matched_in_bounded_time() {
        let pattern = "*a".repeat(30);
        assert!(!is_like(&pattern, &"a".repeat(25)) && is_like("a*b?c*", "aXXbYc") && !is_like("a", "ab"));
        assert!(is_like("*", "") && is_like("", "") && !is_like("?", ""));
    }

    #[test]
    fn access_is_written_and_read_alike() {
        for bits in 0..=Access::ALL.0 {
            assert_eq!(Access::parse(&Access(bits).text()), Access(bits));
        }
        assert_eq!(Access::READ.and(Access::LIST).and(Access::DELETE).in_words(), "read, list and delete");
        assert_eq!(Access::READ.in_words(), "read");
    }
}
