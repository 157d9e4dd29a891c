//! Texts that run, load or hide something where they are taken for more than text, and logs that are full of them.

use serde_json::json;
use std::fmt::Write as _;
use std::path::Path;

/// What a script that runs would leave in the title.
pub const MARK: &str = "PWNED";

/// At least two hundred of them; addresses lead to that port of this machine.
pub fn payloads(port: u16) -> Vec<String> {
    let script = format!("document.title='{MARK}'");
    let url = format!("http://127.0.0.1:{port}/x");
    let plain = [
        format!("<script>{script}</script>"),
        format!("<img src=x onerror={script}>"),
        format!("<img src={url}>"),
        format!("<svg onload={script}>"),
        format!("<svg><script>{script}</script></svg>"),
        format!("<svg><image href={url} /></svg>"),
        format!("<svg><use href={url}#a /></svg>"),
        format!("<svg><animate onbegin={script} attributeName=x dur=1s></svg>"),
        format!("<svg><foreignObject><iframe src={url}></iframe></foreignObject></svg>"),
        format!("</title><script>{script}</script>"),
        format!("</style><script>{script}</script>"),
        format!("</svg><script>{script}</script>"),
        format!("</text></svg><img src={url}>"),
        format!("--><script>{script}</script>"),
        format!("<!--<script>{script}</script>"),
        format!("<![CDATA[<script>{script}</script>]]>"),
        format!("]]><script>{script}</script>"),
        format!("<?xml version=1?><script>{script}</script>"),
        format!("javascript:{script}"),
        format!("<a href=javascript:{script}>"),
        format!("data:text/html,<script>{script}</script>"),
        format!("<iframe src={url}>"),
        format!("<iframe srcdoc=<script>{script}</script>>"),
        format!("<object data={url}>"),
        format!("<embed src={url}>"),
        format!("<link rel=stylesheet href={url}>"),
        format!("<link rel=prefetch href={url}>"),
        format!("<meta http-equiv=refresh content=0;url={url}>"),
        format!("<base href={url}>"),
        format!("<form action={url}><button autofocus onfocus={script}>"),
        format!("<details open ontoggle={script}>"),
        format!("<input autofocus onfocus={script}>"),
        format!("<video src={url} onerror={script}>"),
        format!("<audio src={url} autoplay>"),
        format!("<style>@import url({url})</style>"),
        format!("x{{background:url({url})}}"),
        format!("<b style=background:url({url})>"),
        format!("<math><mtext><script>{script}</script>"),
        format!("<noscript><p title=</noscript><img src=x onerror={script}>>"),
        format!("<template><script>{script}</script></template>"),
        "<xmp>".to_owned(),
        "<plaintext>".to_owned(),
        "<textarea><select>".to_owned(),
        format!("&lt;script&gt;{script}&lt;/script&gt;"),
        format!("&#60;script&#62;{script}&#60;/script&#62;"),
        format!("%3Cscript%3E{script}%3C/script%3E"),
        format!("{{{{constructor.constructor('{script}')()}}}}"),
        format!("${{{script}}}"),
        format!("\u{202e}{script}\u{202c}"),
        format!("\u{1b}]0;{MARK}\u{7}"),
        format!("\0<script>{script}</script>"),
        format!("\u{feff}\u{200b}\u{2028}<script>{script}</script>"),
        format!("＜script＞{script}"),
    ];
    let variants: [fn(&str) -> String; 4] = [
        str::to_owned,
        |text| format!("\" '>{text}"),
        |text| text.replace("<script", "<ScRiPt").replace("<img", "<IMG").replace(' ', "/"),
        |text| format!("' autofocus onfocus=`x` {text}<"),
    ];
    let payloads: Vec<String> =
        plain.iter().flat_map(|text| variants.iter().map(move |variant| variant(text))).collect();
    assert!(payloads.len() >= 200);
    payloads
}

/// Writes a file of each log for every payload, which stands in every text that can hold it, and in the name of the file.
pub fn write_logs(folder: &Path, payloads: &[String]) {
    for (number, payload) in payloads.iter().enumerate() {
        let name: String = payload.chars().filter(|character| !matches!(character, '/' | '\0')).take(60).collect();
        let trail = event(number, payload).to_string();
        std::fs::write(folder.join(format!("{number}-{name}.json")), trail).expect("written");
        std::fs::write(folder.join(format!("{number}-{name}.log")), line(number, payload)).expect("written");
    }
}

/// A trail is stopped, which always is an alert of its own for the caller.
fn event(number: usize, payload: &str) -> serde_json::Value {
    json!({"Records": [{
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser", "principalId": payload, "arn": format!("arn:aws:iam::111122223333:user/{payload}"),
            "accountId": "111122223333", "accessKeyId": payload, "userName": payload
        },
        "eventTime": format!("2026-03-04T{:02}:{:02}:03Z", number / 60 % 24, number % 60),
        "eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging", "awsRegion": payload,
        "sourceIPAddress": payload, "userAgent": payload, "requestParameters": {"name": payload},
        "responseElements": null, "requestID": payload, "eventID": format!("{number}-{payload}"), "readOnly": false,
        "eventType": "AwsApiCall", "managementEvent": true, "recipientAccountId": "111122223333",
        "eventCategory": "Management", "vpcEndpointId": payload, "tlsDetails": {"clientProvidedHostHeader": payload}
    }]})
}

/// An object is read without credentials.
fn line(number: usize, payload: &str) -> String {
    let word: String = payload.chars().map(|character| if character <= ' ' { '_' } else { character }).collect();
    let mut key = String::new();
    for byte in payload.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => key.push(char::from(byte)),
            _ => {
                let _ = write!(key, "%{byte:02X}");
            }
        }
    }
    let time = format!("04/Mar/2026:{:02}:{:02}:00 +0000", number / 60 % 24, number % 60);
    format!(
        "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be bucket-{word} [{time}] 198.51.100.7 - \
         REQ{number:013} REST.GET.OBJECT {key} \"GET /{word} HTTP/1.1\" 200 - 113 113 7 5 \"{payload}\" \"{payload}\" \
         - s9lzHYrFp76ZVxRcpX9= - TLS_AES_128_GCM_SHA256 - {word}.s3.us-east-1.amazonaws.com TLSv1.3 - -\n"
    )
}
