//! Where the gateway meets the network: TLS, trusted proxies, what browsers are told, how long and how many connections.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use system_tests::{Api, Cinema, Raw, on_shared_cinema, samples};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Another site.
const SITE: &str = "https://cinema.example";

#[test]
fn every_answer_tells_browsers_to_be_careful() {
    on_shared_cinema(async |cinema| {
        for path in ["/api/", "/api/swagger-ui.css", "/api/openapi.json", "/api/movies", "/api/nothing", "/"] {
            let answer = cinema.api.get(path).await;
            let policy = answer.header("content-security-policy");
            assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
            assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
            for (name, value) in [
                ("x-content-type-options", "nosniff"),
                ("x-frame-options", "DENY"),
                ("referrer-policy", "no-referrer"),
                ("cross-origin-resource-policy", "same-origin"),
            ] {
                assert_eq!(answer.header(name), value, "{path}");
            }
            assert!(!answer.headers.contains_key("strict-transport-security"), "this is not HTTPS");
        }
    });
}

#[test]
fn no_other_sites_page_may_ask_unless_it_was_named() {
    on_shared_cinema(async |cinema| {
        let preflight = cinema.api.request(Method::OPTIONS, "/api/users").header("origin", SITE);
        let answer = cinema.api.send(preflight.header("access-control-request-method", "POST")).await.expect(405);
        let simple = cinema.api.send(cinema.api.request(Method::GET, "/api/users").header("origin", SITE)).await;
        for headers in [answer.headers, simple.headers] {
            assert!(!headers.keys().any(|name| name.as_str().starts_with("access-control-")), "{headers:?}");
        }
    });
}

#[test]
fn what_is_too_long_or_no_http_is_answered_as_such() {
    on_shared_cinema(async |cinema| {
        let long = "x".repeat(17 * 1024);
        let many: String = (0..150).map(|number| format!("a{number}: 1\r\n")).collect();
        for (request, status) in [
            (format!("GET /api/movies HTTP/1.1\r\nhost: a\r\na: {long}\r\n\r\n"), "431"),
            (format!("GET /{long} HTTP/1.1\r\nhost: a\r\n\r\n"), "431"),
            (format!("GET /api/movies HTTP/1.1\r\nhost: a\r\n{many}\r\n"), "431"),
            ("nonsense\r\n\r\n".into(), "400"),
            ("GET /api/movies HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n".into(), "400"),
        ] {
            let mut raw = Raw::connect(&cinema.api).await;
            raw.send(request.as_bytes()).await;
            let answer = raw.read_to_end().await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        }
    });
}

/// How many bytes of memory a program has now.
async fn resident(name: &str, api: &Api) -> u64 {
    let port = api.base().rsplit(':').next().expect("a port");
    let listen = format!("--listen 127.0.0.1:{port}");
    let processes = Command::new("ps").args(["-eo", "rss,args"]).output().await.expect("ps").stdout;
    let processes = String::from_utf8_lossy(&processes).into_owned();
    let line = processes.lines().find(|line| line.contains(name) && line.contains(&listen)).expect("the gateway");
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).expect("a size") * 1024
}

async fn connections(cinema: &mut Cinema) {
    let api = cinema.add_gateway_with("narrow", &["--idle-timeout", "1", "--max-connections", "3"]).await;
    // Slowly: a byte now and then never makes a head.
    let mut slow = Raw::connect(&api).await;
    slow.send(b"GET /api/movies HTTP/1.1\r\n").await;
    let began = Instant::now();
    while slow.send(b"a: b\r\n").await && began.elapsed() < Duration::from_secs(10) {
        if timeout(Duration::from_millis(100), slow.read_to_end()).await.is_ok() {
            break;
        }
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());

    // Idle, after a request and before any.
    for request in ["GET /api/openapi.json HTTP/1.1\r\nhost: a\r\n\r\n", ""] {
        let began = Instant::now();
        let mut idle = Raw::connect(&api).await;
        idle.send(request.as_bytes()).await;
        let answer = idle.read_to_end().await;
        assert_eq!(answer.starts_with("HTTP/1.1 200 "), !request.is_empty(), "{answer}");
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }

    // Too many: who comes late waits until the idle ones are closed.
    let mut idle = Vec::new();
    for _ in 0..5 {
        idle.push(Raw::connect(&api).await);
    }
    let began = Instant::now();
    api.get("/api/movies").await.expect(200);
    assert!(began.elapsed() > Duration::from_millis(500), "there was room: {:?}", began.elapsed());
}

#[test]
fn bodies_are_bounded_in_time_and_size() {
    on_shared_cinema(async |cinema| bodies(&cinema.api).await);
}

/// 100 MB that come slowly, or are announced: an end in time and in bounded memory, while others are answered.
async fn bodies(api: &Api) {
    let head = |length: &str| {
        format!("POST /api/users HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n{length}\r\n\r\n")
    };
    let mut announced = Raw::connect(api).await;
    announced.send(head("content-length: 100000000").as_bytes()).await;
    let answer = announced.read_to_end().await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");

    let before = resident("gateway", api).await;
    let began = Instant::now();
    let slow = async {
        let mut slow = Raw::connect(api).await;
        slow.send(head("transfer-encoding: chunked").as_bytes()).await;
        loop {
            slow.send(b"400\r\n").await;
            slow.send(&[b' '; 0x400]).await;
            slow.send(b"\r\n").await;
            if let Ok(answer) = timeout(Duration::from_millis(50), slow.read_to_end()).await {
                return answer;
            }
        }
    };
    let fast = async {
        let mut fast = Raw::connect(api).await;
        fast.send(head("transfer-encoding: chunked").as_bytes()).await;
        for _ in 0..1000 {
            if !fast.send(b"10000\r\n").await || !fast.send(&[b' '; 0x10000]).await || !fast.send(b"\r\n").await {
                break;
            }
        }
        fast.read_to_end().await
    };
    let others = async {
        for _ in 0..20 {
            api.post("/api/users", &samples::user()).await.expect(201);
        }
    };
    let (slow, fast, ()) = tokio::join!(slow, fast, others);
    assert!(slow.starts_with("HTTP/1.1 408 ") && slow.contains("problem:request-timeout"), "{slow}");
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    assert!(fast.is_empty() || fast.starts_with("HTTP/1.1 413 "), "{fast}");
    let grown = resident("gateway", api).await.saturating_sub(before);
    assert!(grown < 32 << 20, "{grown} bytes more");
}

#[tokio::test]
async fn a_gateway_does_what_its_flags_say() {
    let mut cinema = Cinema::start().await;
    connections(&mut cinema).await;
    https(&mut cinema).await;
    other_sites(&mut cinema).await;
}

async fn https(cinema: &mut Cinema) {
    let folder = std::env::temp_dir().join(format!("marquee-tls-{}", uuid::Uuid::now_v7()));
    fs::create_dir(&folder).unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    fs::write(&cert, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let (cert, key) = (cert.to_str().unwrap(), key.to_str().unwrap());

    for (arguments, complaint) in [
        (["--tls-cert", cert].as_slice(), "--tls-key"),
        (["--tls-cert", key, "--tls-key", key].as_slice(), "key.pem: no certificate"),
        (["--tls-cert", cert, "--tls-key", cert].as_slice(), "cert.pem: no private key"),
        (["--tls-cert", "/nowhere", "--tls-key", key].as_slice(), "/nowhere"),
    ] {
        let program = marquee::services::programs().unwrap().join("gateway");
        let mut command = Command::new(program);
        command.args(arguments).args(["--listen", "127.0.0.1:0", "--token-secrets", &format!("1:{}", "0".repeat(64))]);
        let output = command.output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(complaint), "{said}");
    }

    let plain = cinema.add_gateway_with("https", &["--tls-cert", cert, "--tls-key", key]).await;
    let _still_shaking_hands = Raw::connect(&plain).await;
    let answer = get_over_tls(&plain, made.cert.der().clone()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains("\r\nstrict-transport-security: max-age=31536000\r\n"), "{answer}");
    assert!(plain.try_send(plain.request(Method::GET, "/api/movies")).await.is_err(), "HTTP where HTTPS is spoken");
    cinema.stop("https").await;
    fs::remove_dir_all(folder).unwrap();
}

/// GET of the movies from whoever has this certificate.
async fn get_over_tls(api: &Api, certificate: CertificateDer<'static>) -> String {
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(api.base().trim_start_matches("http://")).await.unwrap();
    let name = "localhost".try_into().unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    stream.write_all(b"GET /api/movies HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn other_sites(cinema: &mut Cinema) {
    let api = cinema.add_gateway_with("cors", &["--cors-origins", &format!("{SITE},http://localhost:3000")]).await;
    let preflight = api.request(Method::OPTIONS, "/api/users").header("access-control-request-method", "POST");
    let preflight = preflight.header("access-control-request-headers", "content-type,idempotency-key,if-match");
    let answer = api.send(preflight.try_clone().unwrap().header("origin", SITE)).await.expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), SITE);
    let allowed = answer.header("access-control-allow-headers");
    assert!(["authorization", "content-type", "idempotency-key", "if-match"].iter().all(|name| allowed.contains(name)));
    assert_eq!(answer.header("access-control-allow-methods"), "GET,POST,PUT,DELETE");
    let stranger = api.send(preflight.header("origin", "https://elsewhere.example")).await;
    assert!(!stranger.headers.contains_key("access-control-allow-origin"));
    for path in ["/api/movies", "/api/nothing"] {
        let answer = api.send(api.request(Method::GET, path).header("origin", SITE)).await;
        assert_eq!(answer.header("access-control-allow-origin"), SITE);
        assert!(answer.header("access-control-expose-headers").contains("marquee-position"));
        assert!(!answer.headers.contains_key("cross-origin-resource-policy"));
    }
}
