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

/// Is it the key of a file that is made to hold credentials?
pub fn holds_credentials(key: &[u8]) -> bool {
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
    }
}
