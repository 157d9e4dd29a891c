//! Access-log lines by seed: lines as S3 writes them with whatever a client sends, and damaged ones.

use std::collections::BTreeSet;

/// SplitMix64: small, and the same numbers on every machine.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0 to `end`, without `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn pick<'a>(&mut self, texts: &[&'a str]) -> &'a [u8] {
        texts[self.below(texts.len())].as_bytes()
    }

    /// Any byte but a newline.
    fn byte(&mut self) -> u8 {
        match self.below(256) as u8 {
            b'\n' => b'"',
            byte => byte,
        }
    }

    /// Any bytes but newlines.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.byte()).collect()
    }

    fn word(&mut self, alphabet: &[u8], length: usize) -> Vec<u8> {
        (0..length).map(|_| alphabet[self.below(alphabet.len())]).collect()
    }

    fn number(&mut self) -> Vec<u8> {
        match self.below(4) {
            0 => b"-".to_vec(),
            _ => (self.next() >> self.below(60)).to_string().into_bytes(),
        }
    }
}

/// A line and what S3 meant by it.
pub struct Written {
    pub line: Vec<u8>,
    /// `None` is `-`, or a field that the line does not have.
    pub fields: [Option<Vec<u8>>; 27],
    pub extra: Vec<Vec<u8>>,
    pub flags: BTreeSet<&'static str>,
}

const CAPITALS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const KEY: &[u8] = b"abcdefghijklmnopqrstuvwxyz/._-+*%250123456789";
const FORGED_TAIL: &str = " - FAKE= SigV2 FAKE QueryString evil.example TLSv1.0 - - eu-west-1";
const FORGED_LINE: &str = "79a5 b [06/Feb/2026:00:00:38 +0000] 192.0.2.3 - 3E57427F3EXAMPLE REST.GET.OBJECT evil \
                           \"GET /evil HTTP/1.1\" 200 - 10 10 5 4 \"-\" \"x\" - FAKE= SigV4 FAKE AuthHeader evil";

/// What a client may send: pieces of it are put together at random.
const HOSTILE: [&str; 24] = [
    "",
    "-",
    " ",
    "\"",
    "\"\"",
    "\" ",
    " \"",
    "\" \"",
    "\" \" \"",
    "\" -",
    "\"-\" \"-\"",
    "\\",
    "\\\"",
    "\\x22",
    "\t",
    "\r",
    "curl/8.0",
    "Mozilla/5.0 (Windows NT 10.0)",
    "https://example.com/?a=\"b\"",
    "\" 200 - 1 1 1 1 \"-\" \"",
    "\" 404 NoSuchKey - - 7 - -",
    " 200 - 1 1 1 1 \"",
    FORGED_TAIL,
    FORGED_LINE,
];

fn hostile(random: &mut Random) -> Vec<u8> {
    let mut text = Vec::new();
    for _ in 0..=random.below(4) {
        if random.once_in(4) {
            let length = random.below(12);
            text.extend(random.bytes(length));
        } else {
            text.extend(random.pick(&HOSTILE));
        }
    }
    text
}

/// The eight fields in front of the request-URI.
fn first_fields(random: &mut Random, operation: &[u8], flags: &mut BTreeSet<&'static str>) -> Vec<Vec<u8>> {
    let requesters = [
        "-",
        "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be",
        "arn:aws:iam::123456789012:user/alice",
        "arn:aws:sts::123456789012:assumed-role/role/name@example.com",
        "svc:delivery.logs.amazonaws.com",
        "AmazonS3",
        "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E2EXAMPLEID",
    ];
    let requester = random.pick(&requesters);
    if requester.contains(&b' ') {
        flags.insert("requester_spaces");
    }
    let key_length = 1 + random.below(40);
    let key = if random.once_in(5) { b"-".to_vec() } else { random.word(KEY, key_length) };
    vec![
        random.pick(&["7cd47ef2be", "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"]).to_vec(),
        random.pick(&["b", "amzn-s3-demo-bucket1", "my.bucket.example"]).to_vec(),
        random.pick(&["06/Feb/2019:00:00:38 +0000", "29/Feb/2024:23:59:59 +0000"]).to_vec(),
        random.pick(&["192.0.2.3", "-", "2001:db8::1", "::ffff:192.0.2.7"]).to_vec(),
        requester.to_vec(),
        random.word(CAPITALS, 16),
        operation.to_vec(),
        key,
    ]
}

/// How S3 writes a text of the client.
enum ClientText {
    Bare,
    Quoted(Vec<u8>),
}

impl ClientText {
    fn value(&self) -> &[u8] {
        match self {
            ClientText::Bare => b"-",
            ClientText::Quoted(text) => text,
        }
    }

    fn write(&self, line: &mut Vec<u8>) {
        match self {
            ClientText::Bare => line.push(b'-'),
            ClientText::Quoted(text) => line.extend([b"\"", &text[..], b"\""].concat()),
        }
    }
}

/// Request-URI, referer and user agent of an operation.
fn client_texts(random: &mut Random, operation: &[u8]) -> [ClientText; 3] {
    use ClientText::{Bare, Quoted};
    if operation.starts_with(b"BATCH.") || operation.ends_with(b"_GET") || operation.ends_with(b".CHECKSUM") {
        return [Bare, Bare, Bare];
    }
    if operation.starts_with(b"S3.") {
        return [(); 3].map(|()| Quoted(b"-".to_vec()));
    }
    // A target holds no space: HTTP ends it there.
    let mut target = if random.once_in(2) { hostile(random) } else { b"a.txt?versionId=1".to_vec() };
    target.retain(|byte| *byte != b' ');
    let version = random.pick(&[" HTTP/1.1", " HTTP/1.0", ""]);
    let uri = [random.pick(&["GET", "PUT", "HEAD"]), b" /", &target, version].concat();
    let referer = random.pick(&["-", "", "https://example.com/a b"]).to_vec();
    let user_agent = random.pick(&["-", "", "curl/8.0", "Mozilla/5.0 (X11; Linux x86_64)"]).to_vec();
    let referer = if random.once_in(2) { hostile(random) } else { referer };
    let user_agent = if random.once_in(2) { hostile(random) } else { user_agent };
    let referer = if random.once_in(30) { Bare } else { Quoted(referer) };
    [Quoted(uri), referer, Quoted(user_agent)]
}

/// The flags of what the client sent. The border of two quoted texts can be told only if `" "` is there once.
fn client_flags([uri, referer, user_agent]: &[ClientText; 3], flags: &mut BTreeSet<&'static str>) {
    match uri {
        ClientText::Bare => drop(flags.insert("bare_uri")),
        ClientText::Quoted(text) if text.contains(&b'"') => drop(flags.insert("quote_in_uri")),
        ClientText::Quoted(_) => (),
    }
    if [referer, user_agent].iter().any(|text| text.value().contains(&b'"')) {
        flags.insert("quote_in_ref_ua");
    }
    let (ClientText::Quoted(referer), ClientText::Quoted(user_agent)) = (referer, user_agent) else {
        flags.insert("bare_ref_ua");
        return;
    };
    let inside = [referer, &b"\" \""[..], user_agent].concat();
    if inside.windows(3).filter(|window| window == b"\" \"").count() > 1 {
        flags.insert("ambiguous_ref_ua");
    }
}

/// Version id and what was added over the years, `count` words.
fn tail(random: &mut Random, count: usize) -> Vec<Vec<u8>> {
    let host_id_length = [64, 76, 88][random.below(3)];
    let mut words = vec![
        random.pick(&["-", "yn5YAJiwT36Rv78jGYLM71GZumWL.QWn"]).to_vec(),
        random.word(BASE64, host_id_length),
        random.pick(&["SigV2", "SigV4", "-"]).to_vec(),
        random.pick(&["ECDHE-RSA-AES128-GCM-SHA256", "TLS_AES_128_GCM_SHA256", "-"]).to_vec(),
        random.pick(&["AuthHeader", "QueryString", "-"]).to_vec(),
        random.pick(&["b.s3.amazonaws.com", "s3.eu-central-1.amazonaws.com", "-"]).to_vec(),
        random.pick(&["TLSv1.2", "TLSV1.3", "-"]).to_vec(),
        random.pick(&["-", "arn:aws:s3:us-west-1:123456789012:accesspoint/example-AP"]).to_vec(),
        random.pick(&["-", "Yes"]).to_vec(),
        random.pick(&["-", "us-east-1"]).to_vec(),
    ];
    while words.len() < count {
        words.push(random.pick(&["-", "new", "Another"]).to_vec());
    }
    words.truncate(count);
    words
}

/// One line as S3 writes it, with the fields of one of the years.
pub fn written_by_s3(random: &mut Random) -> Written {
    let mut flags = BTreeSet::new();
    let operation = random.pick(&[
        "REST.GET.OBJECT",
        "REST.PUT.OBJECT",
        "REST.GET.BUCKET",
        "REST.HEAD.OBJECT",
        "WEBSITE.GET.OBJECT",
        "SOAP.PutObject",
        "BATCH.DELETE.OBJECT",
        "REST.COPY.OBJECT_GET",
        "S3.COMPUTE.OBJECT.CHECKSUM",
        "S3.EXPIRE.OBJECT",
    ]);
    let mut values = first_fields(random, operation, &mut flags);
    let clients = client_texts(random, operation);
    client_flags(&clients, &mut flags);
    let status = random.pick(&["200", "206", "304", "403", "404", "-"]).to_vec();
    let error_code = random.pick(&["-", "-", "AccessDenied", "NoSuchKey"]).to_vec();
    let numbers = [status, error_code, random.number(), random.number(), random.number(), random.number()];
    let count = [18, 24, 25, 26, 27, 27, 28, 31][random.below(8)];
    let tail = tail(random, count - 17);

    let mut line = Vec::new();
    for (number, value) in values.iter().enumerate() {
        match number {
            2 => line.extend([b"[", &value[..], b"]"].concat()),
            _ => line.extend(value),
        }
        // Lines of 2022 hold two spaces behind the address.
        line.extend(if number == 3 && random.once_in(20) { &b"  "[..] } else { b" " });
    }
    clients[0].write(&mut line);
    for number in &numbers {
        line.push(b' ');
        line.extend(number);
    }
    for client in &clients[1..] {
        line.push(b' ');
        client.write(&mut line);
    }
    for (number, word) in tail.iter().enumerate() {
        if number == 1 && random.once_in(30) {
            flags.insert("stray_principal_before_hostid");
            line.extend(b" AIDAISBTTLPGXGH6YFFAY");
        }
        line.push(b' ');
        line.extend(word);
    }
    if random.once_in(20) {
        line.push(b' ');
    }

    values.push(clients[0].value().to_vec());
    values.extend(numbers);
    values.extend(clients[1..].iter().map(|client| client.value().to_vec()));
    values.extend(tail);
    let extra = if values.len() > 27 { values.split_off(27) } else { Vec::new() };
    if !extra.is_empty() {
        flags.insert("extra_fields");
    }
    values.resize(27, b"-".to_vec());
    let mut values = values.into_iter();
    let fields = [(); 27].map(|()| values.next().filter(|value| value != b"-"));
    Written { line, fields, extra, flags }
}

/// Damages a line in one to three places. No newline gets in.
pub fn damage(random: &mut Random, line: &mut Vec<u8>) {
    for _ in 0..=random.below(3) {
        if line.is_empty() {
            return;
        }
        let place = random.below(line.len());
        let end = (place + 1 + random.below(30)).min(line.len());
        match random.below(9) {
            0 => drop(line.remove(place)),
            1 => line.insert(place, random.byte()),
            2 => line[place] = random.byte(),
            3 => line.insert(place, random.pick(&["\"", " ", "-", "[", "]", "\t", "\r", "\\", "\x0b"])[0]),
            4 => line[place] = random.pick(&["\"", " ", "-", "0", "A", "\x0c", "\r"])[0],
            5 => drop(line.drain(place..end)),
            6 => drop(line.splice(place..place, line[place..end].to_vec())),
            7 => line.truncate(place),
            _ => swap_words(random, line),
        }
    }
}

fn swap_words(random: &mut Random, line: &mut Vec<u8>) {
    let mut words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    let (one, other) = (random.below(words.len()), random.below(words.len()));
    words.swap(one, other);
    *line = words.join(&b' ');
}
