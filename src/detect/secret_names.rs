//! Objects that hold credentials, told by the end of their keys.

/// Ends of names behind the last full stop: keys, certificates with keys, password stores, remote access.
const EXTENSIONS: [&[u8]; 11] =
    [b"pem", b"ppk", b"key", b"pfx", b"p12", b"kdbx", b"ovpn", b"rdp", b"jks", b"tfstate", b"keytab"];

/// Whole names.
const NAMES: [&[u8]; 14] = [
    b"id_rsa",
    b"id_dsa",
    b"id_ecdsa",
    b"id_ed25519",
    b".npmrc",
    b".pgpass",
    b".netrc",
    b"wp-config.php",
    b"credentials.csv",
    b"rootkey.csv",
    b".dockercfg",
    b"kubeconfig",
    b"shadow",
    b"ntds.dit",
];

/// Names with the folder they lie in.
const PLACES: [[&[u8]; 2]; 3] = [[b".aws", b"credentials"], [b".git", b"config"], [b".docker", b"config.json"]];

/// All of these names, to be sought at the end of a key.
const ENDS: [&[u8]; EXTENSIONS.len() + NAMES.len() + PLACES.len()] = {
    let empty: &[u8] = b"";
    let mut ends = [empty; EXTENSIONS.len() + NAMES.len() + PLACES.len()];
    let mut at = 0;
    while at < ends.len() {
        ends[at] = if at < EXTENSIONS.len() {
            EXTENSIONS[at]
        } else if at < EXTENSIONS.len() + NAMES.len() {
            NAMES[at - EXTENSIONS.len()]
        } else {
            PLACES[at - EXTENSIONS.len() - NAMES.len()][1]
        };
        at += 1;
    }
    ends
};

/// By the last letter of a key, in either case, a bit for each of [`ENDS`] that ends so.
const BY_LAST: [u32; 256] = {
    let mut last = [0; 256];
    let mut at = 0;
    while at < ENDS.len() {
        let letter = ENDS[at][ENDS[at].len() - 1];
        last[letter.to_ascii_lowercase() as usize] |= 1 << at;
        last[letter.to_ascii_uppercase() as usize] |= 1 << at;
        at += 1;
    }
    last
};

/// Is it the key of a file that is made to hold credentials? Asked of every read, so most keys are told by their ends.
pub fn holds_credentials(key: &[u8]) -> bool {
    let Some(letter) = key.last() else { return false };
    let mut bits = BY_LAST[usize::from(*letter)];
    while bits != 0 {
        let end = ENDS[bits.trailing_zeros() as usize];
        let tail = key.len().checked_sub(end.len()).map(|at| &key[at..]);
        if tail.is_some_and(|tail| tail.eq_ignore_ascii_case(end)) {
            return has_name_of_credentials(key);
        }
        bits &= bits - 1;
    }
    // Only names that begin with `.env` end in any way.
    let name = memchr::memrchr(b'/', key).map_or(key, |at| &key[at + 1..]);
    name.first() == Some(&b'.') && has_name_of_credentials(key)
}

fn has_name_of_credentials(key: &[u8]) -> bool {
    let (folder, name) = match memchr::memrchr(b'/', key) {
        Some(at) => (&key[..at], &key[at + 1..]),
        None => (&key[..0], key),
    };
    if let Some(stop) = memchr::memrchr(b'.', name) {
        let extension = &name[stop + 1..];
        if EXTENSIONS.iter().any(|known| known.eq_ignore_ascii_case(extension)) && stop > 0 {
            return true;
        }
    }
    if name == b".env" || name.starts_with(b".env.") {
        return true;
    }
    let parent = || folder.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    NAMES.contains(&name) || PLACES.iter().any(|[place, known]| *known == name && parent() == *place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_credentials_are_told_from_others() {
        for key in [
            "server.pem",
            "a/b/id_rsa",
            "state/prod/terraform.tfstate",
            "home/.aws/credentials",
            ".git/config",
            "app/.env",
            "app/.env.production",
            "Backup.PFX",
        ] {
            assert!(holds_credentials(key.as_bytes()), "{key}");
        }
        for key in [
            "",
            "a/",
            "id_rsa.pub",
            "credentials",
            "aws/credentials",
            "config",
            "environment",
            ".pem",
            "key",
            "a.keys",
        ] {
            assert!(!holds_credentials(key.as_bytes()), "{key}");
        }
        for name in
            EXTENSIONS.map(|extension| [b"a.", extension].concat()).into_iter().chain(NAMES.map(<[u8]>::to_vec))
        {
            assert!(has_name_of_credentials(&name) && holds_credentials(&name), "{}", name.escape_ascii());
        }
    }
}
