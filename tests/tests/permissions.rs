//! Who may do what on NATS: every user tries every class of subject on a server that has nothing else to do, and what
//! isn't granted is refused. And each service's account reaches its own database only.

use std::time::Duration;

use async_nats::jetstream;
use async_nats::{Client, Event};
use contracts::Service;
use diesel_async::{AsyncConnection, AsyncMysqlConnection, SimpleAsyncConnection};
use marquee::servers::{NatsUrls, PATIENCE};
use runtime::broker::sign_in;
use system_tests::NatsUser::{self, Gateway, Operator, Provisioner, Subscriber};
use system_tests::{BareNats, on_shared_cinema};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

/// A subject, and who may use it beside the provisioner, who may use all of them.
type Granted = (String, Vec<NatsUser>);

/// What nobody is granted: once it is refused, all that was tried before has been answered.
const REFUSED: &str = "not.granted";

fn service(service: Service) -> NatsUser {
    NatsUser::Service(service)
}

/// Who follows a service's events.
fn followers(of: Service) -> Vec<NatsUser> {
    let mut followers = vec![service(of), Gateway, Operator, Subscriber];
    if of != Service::Bookings {
        followers.push(service(Service::Bookings));
    }
    followers
}

/// Every class of subject that is published on.
fn publishing() -> Vec<Granted> {
    let (bookings, mut granted) = (service(Service::Bookings), Vec::new());
    let mut grant = |subject: String, to: &[NatsUser]| granted.push((subject, to.to_vec()));
    for of in Service::ALL {
        let own = service(of);
        let (commands, events) = (of.commands_stream(), of.events_stream());
        grant(of.command("batch"), &[own, Gateway]);
        // The gateway and the service itself only until a lone command goes as a batch, too.
        grant(of.command("place"), &[own, Gateway, Operator]);
        grant(of.ask("place"), &[Operator]);
        grant(of.query("list"), &[Gateway, Operator]);
        grant(of.query("operation"), &[own, Gateway, Operator]);
        let others = if of == Service::Bookings { vec![] } else { vec![bookings] };
        grant(of.rpc("check"), &others);
        let secrets = if of == Service::Users { vec![Gateway] } else { vec![] };
        grant(of.rpc("credentials"), &secrets);
        grant(of.rpc("api-key"), &secrets);
        grant(of.event(uuid::Uuid::nil(), "done"), &[own]);
        grant(of.dead_letters(), &[own]);

        for stream in [commands, events] {
            grant(format!("$JS.API.STREAM.CREATE.{stream}"), &[own]);
        }
        grant(format!("$JS.API.STREAM.INFO.{commands}"), &[own, Operator]);
        grant(format!("$JS.API.CONSUMER.CREATE.{commands}.decider"), &[own]);
        grant(format!("$JS.API.CONSUMER.CREATE.{commands}.other"), &[]);
        grant(format!("$JS.API.CONSUMER.CREATE.{commands}"), &[]);
        grant(format!("$JS.API.CONSUMER.DURABLE.CREATE.{commands}.other"), &[]);
        grant(format!("$JS.API.CONSUMER.INFO.{commands}.decider"), &[own, Operator]);
        grant(format!("$JS.API.CONSUMER.MSG.NEXT.{commands}.decider"), &[own]);
        grant(format!("$JS.ACK.{commands}.decider.1.1.1.1.1"), &[own]);
        for read in ["STREAM.MSG.GET", "DIRECT.GET"] {
            grant(format!("$JS.API.{read}.{commands}"), &[]);
            grant(format!("$JS.API.{read}.{events}"), &[Operator]);
        }

        let followers = followers(of);
        for api in [
            format!("STREAM.INFO.{events}"),
            format!("CONSUMER.CREATE.{events}"),
            format!("CONSUMER.CREATE.{events}.mine"),
            format!("CONSUMER.CREATE.{events}.mine.cinema.evt.x"),
            format!("CONSUMER.INFO.{events}.mine"),
            format!("CONSUMER.MSG.NEXT.{events}.mine"),
        ] {
            grant(format!("$JS.API.{api}"), &followers);
        }
        grant(format!("$JS.API.CONSUMER.DURABLE.CREATE.{events}.mine"), &[Subscriber]);
        grant(format!("$JS.ACK.{events}.mine.1.1.1.1.1"), &[Operator, Subscriber]);
    }
    let services = Service::ALL.map(service);
    grant("$JS.API.STREAM.CREATE.DEAD_LETTERS".into(), &services);
    grant("$JS.API.STREAM.MSG.GET.DEAD_LETTERS".into(), &[Operator]);
    grant("$JS.API.STREAM.CREATE.ANYTHING".into(), &[]);
    grant("$JS.API.STREAM.NAMES".into(), &[Operator, Subscriber]);
    grant("$JS.API.STREAM.LIST".into(), &[Operator, Subscriber]);
    grant("$SRV.PING".into(), &[Operator]);
    grant("$SYS.REQ.SERVER.PING".into(), &[]);
    for user in NatsUser::ALL {
        // Those who may ask all services, those who ask themselves only, and who asks nobody.
        let answering = match user {
            Gateway | Operator | Provisioner | NatsUser::Service(Service::Bookings) => services.to_vec(),
            NatsUser::Service(_) => vec![user],
            Subscriber => vec![],
        };
        grant(format!("_INBOX_{}.x", user.name()), &answering);
    }
    grant("_INBOX.x".into(), &[]);
    granted.extend(destroying().into_iter().map(|subject| (subject, vec![])));
    granted
}

/// What changes or throws away what is stored.
fn destroying() -> Vec<String> {
    let streams = Service::ALL.iter().flat_map(|of| [of.commands_stream(), of.events_stream()]).chain(["DEAD_LETTERS"]);
    let subjects = streams.flat_map(|stream| {
        let api = ["PURGE", "UPDATE", "MSG.DELETE", "SNAPSHOT", "RESTORE", "LEADER.STEPDOWN", "DELETE"];
        let consumer = ["DELETE", "PAUSE", "RESET"].map(|api| format!("$JS.API.CONSUMER.{api}.{stream}.decider"));
        api.map(|api| format!("$JS.API.STREAM.{api}.{stream}")).into_iter().chain(consumer)
    });
    subjects.collect()
}

/// Every class of subject that is subscribed to.
fn subscribing() -> Vec<Granted> {
    let mut granted: Vec<Granted> = Vec::new();
    for of in Service::ALL {
        let own = service(of);
        granted.push((of.all_commands(), vec![]));
        granted.push((of.command("batch"), vec![]));
        granted.push((of.ask(">"), vec![own]));
        granted.push((of.query(">"), vec![own]));
        granted.push((of.rpc(">"), vec![own]));
        granted.push((of.all_events(), vec![Operator, Subscriber]));
        granted.push((of.dead_letters(), vec![Operator]));
    }
    granted.push(("cinema.evt.>".into(), vec![Operator, Subscriber]));
    granted.push(("$SRV.>".into(), Service::ALL.map(service).to_vec()));
    granted.extend(NatsUser::ALL.map(|user| (format!("_INBOX_{}.>", user.name()), vec![user])));
    for everything in [">", "cinema.>", "*.>", "_INBOX.>", "$JS.>", "$JS.API.>", "$JS.ACK.>", "$KV.>", "$SYS.>"] {
        granted.push((everything.into(), vec![]));
    }
    granted
}

/// A connection that hears what is refused.
struct Trial {
    client: Client,
    refused: UnboundedReceiver<String>,
}

impl Trial {
    async fn of(urls: &NatsUrls, user: NatsUser) -> Self {
        let (heard, refused) = unbounded_channel();
        let (address, options) = sign_in(&urls[&user]).unwrap();
        let options = options.event_callback(move |event| {
            let heard = heard.clone();
            async move {
                if let Event::ServerError(error) = event {
                    heard.send(error.to_string()).unwrap();
                }
            }
        });
        Self { client: options.connect(address).await.unwrap(), refused }
    }

    /// Whether a publish is let through.
    async fn publish(&mut self, subject: &str) -> bool {
        self.client.publish(subject.to_owned(), "".into()).await.unwrap();
        self.was_granted(&format!("Publish to \"{subject}\"")).await
    }

    /// Whether a subscription is let through.
    async fn subscribe(&mut self, subject: &str) -> bool {
        let _kept = self.client.subscribe(subject.to_owned()).await.unwrap();
        self.was_granted(&format!("Subscription to \"{subject}\"")).await
    }

    /// What was tried last, and nothing else, is refused or not.
    async fn was_granted(&mut self, tried: &str) -> bool {
        self.client.publish(REFUSED, "".into()).await.unwrap();
        let mut granted = true;
        loop {
            let refused = timeout(PATIENCE, self.refused.recv()).await.expect("a refusal").unwrap();
            if refused.contains(REFUSED) {
                return granted;
            }
            assert!(refused.contains(tried), "{refused} instead of {tried}");
            granted = false;
        }
    }
}

#[tokio::test]
async fn every_user_may_do_what_is_granted_and_nothing_else() {
    let server = BareNats::start().await;
    let urls = server.nats.urls();
    let keeper = jetstream::new(connect(urls, Provisioner).await);
    let name = Service::Users.events_stream();
    let config = jetstream::stream::Config { name: name.into(), ..Default::default() };
    keeper.create_stream(config).await.unwrap();

    let mut wrong = Vec::new();
    for user in NatsUser::ALL.into_iter().filter(|user| *user != Provisioner) {
        let mut trial = Trial::of(urls, user).await;
        for (subject, users) in publishing() {
            let (expected, granted) = (users.contains(&user), trial.publish(&subject).await);
            if granted != expected {
                wrong.push(format!("{user:?} publish {subject}: granted {granted}, expected {expected}"));
            }
        }
        for (subject, users) in subscribing() {
            let (expected, granted) = (users.contains(&user), trial.subscribe(&subject).await);
            if granted != expected {
                wrong.push(format!("{user:?} subscribe {subject}: granted {granted}, expected {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    keeper.get_stream(name).await.expect("nobody could delete it");
}

#[tokio::test]
async fn the_provisioner_may_do_everything() {
    let server = BareNats::start().await;
    let Trial { client, mut refused } = Trial::of(server.nats.urls(), Provisioner).await;
    for (subject, _) in publishing() {
        client.publish(subject, "".into()).await.unwrap();
    }
    for (subject, _) in subscribing() {
        client.subscribe(subject).await.unwrap();
    }
    let jetstream = jetstream::new(client);
    let config = jetstream::stream::Config { name: "SCRATCH".into(), ..Default::default() };
    jetstream.create_stream(config.clone()).await.unwrap().purge().await.unwrap();
    jetstream.update_stream(config).await.unwrap();
    jetstream.delete_stream("SCRATCH").await.unwrap();
    assert!(refused.try_recv().is_err());
}

#[tokio::test]
async fn nobody_signs_in_without_the_right_password() {
    let server = BareNats::start().await;
    let urls = server.nats.urls();
    for user in NatsUser::ALL {
        let (secret, server) = urls[&user].split_once('@').unwrap();
        let name = user.name();
        connect(urls, user).await;
        for wrong in [
            format!("nats://{server}"),
            format!("nats://{name}@{server}"),
            format!("nats://{name}:wrong@{server}"),
            format!("{secret}x@{server}"),
            format!("nats://{}x:{}@{server}", name, secret.rsplit(':').next().unwrap()),
        ] {
            let (address, options) = sign_in(&wrong).unwrap();
            let error = options.connect(address).await.expect_err("no way in").to_string();
            assert!(error.contains("authorization"), "{wrong}: {error}");
        }
    }
}

#[test]
fn what_marquee_does_itself_is_never_refused() {
    on_shared_cinema(async |cinema| {
        cinema.seed().await;
        let log = cinema.log(marquee::servers::NATS);
        // Our programs name themselves; what other tests try is theirs.
        let ours = |line: &&str| line.contains("Violation") && line.contains(":marquee-");
        let refused: Vec<&str> = log.lines().filter(ours).collect();
        assert!(refused.is_empty(), "{refused:#?}");
        for url in cinema.nats_server.urls().values() {
            let password = url.split([':', '@']).nth(2).unwrap();
            for program in ["users", "movies", "bookings", "gateway", marquee::servers::NATS] {
                assert!(!cinema.log(program).contains(password), "a password in the log of {program}");
            }
        }
    });
}

#[test]
fn a_service_answers_on_inboxes_only() {
    on_shared_cinema(async |cinema| {
        let operator = cinema.broker().await;
        let before = operator.last_sequence(Service::Users).await;
        let event = Service::Users.event(uuid::Uuid::now_v7(), "user-registered");
        let question = Service::Users.query("users");
        operator.client.publish_with_reply(question, event.clone(), "{}".into()).await.unwrap();
        let mut headers = async_nats::HeaderMap::new();
        headers.insert(contracts::subjects::headers::REPLY_TO, event);
        let id = uuid::Uuid::now_v7();
        headers.insert(contracts::subjects::headers::MESSAGE_ID, id.to_string());
        let user = system_tests::samples::user().to_string();
        operator.publish(Service::Users, "register", user, headers).await;
        let outcome = operator.outcome(Service::Users, id).await;
        let events = operator.events(Service::Users, outcome.position).await;
        // Nothing but what the journal has: the relay would raise an alarm otherwise.
        assert!(events.len() as u64 > before && events.iter().all(|event| event.attributes.contains_key("id")));
    });
}

#[test]
fn contexts_let_the_nats_command_in() {
    on_shared_cinema(async |cinema| {
        use std::os::unix::fs::PermissionsExt;
        let folder = marquee::servers::cli_folder(cinema.folder());
        for user in ["operator", "subscriber", "provisioner"] {
            let file = folder.join(format!("nats/context/marquee-{user}.json"));
            assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let nats = async |context: &str, arguments: &[&str]| {
            let mut command = tokio::process::Command::new("nats");
            command.env("XDG_CONFIG_HOME", &folder).args(["--context", context]).args(arguments);
            timeout(Duration::from_secs(20), command.output()).await.expect("an end")
        };
        if nats("marquee-operator", &["--version"])
            .await
            .is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
        {
            eprintln!("the nats command is not on PATH: script/bootstrap --with-nats-cli builds it");
            return;
        }
        cinema.seed().await;
        for (context, arguments, expected) in [
            ("marquee-operator", &["micro", "ls"][..], "marquee-bookings"),
            ("marquee-operator", &["micro", "info", "marquee-users"], "cinema.ask.users.register"),
            ("marquee-operator", &["micro", "stats", "marquee-users"], "cinema-qry-users-user"),
            ("marquee-operator", &["stream", "ls"], "BOOKINGS_COMMANDS"),
            ("marquee-operator", &["stream", "get", "USERS_EVENTS", "1"], "user-registered"),
            ("marquee-operator", &["request", "cinema.qry.users.users", "{}"], "items"),
            (
                "marquee-operator",
                &["sub", "cinema.evt.>", "--stream", "USERS_EVENTS", "--all", "--count", "1"],
                "seq: 1",
            ),
            (
                "marquee-subscriber",
                &["sub", "cinema.evt.>", "--stream", "USERS_EVENTS", "--all", "--count", "1"],
                "seq: 1",
            ),
            ("marquee-subscriber", &["request", "cinema.qry.users.users", "{}", "--timeout", "1s"], "ermissions"),
        ] {
            let output = nats(context, arguments).await.unwrap();
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            assert!(said.contains(expected), "{context} {arguments:?}: {said}");
            assert!(expected == "ermissions" || !said.contains("ermissions"), "{context} {arguments:?}: {said}");
        }
    });
}

#[test]
fn each_account_reaches_its_own_database_only() {
    on_shared_cinema(async |cinema| {
        let urls = cinema.database.urls();
        for (own, url) in urls {
            let mut connection = AsyncMysqlConnection::establish(url).await.unwrap();
            let mut run = async |statement: String| connection.batch_execute(&statement).await;
            run("SELECT COUNT(*) FROM journal".into()).await.unwrap();
            run(format!("USE marquee_{own}")).await.unwrap();
            for other in urls.keys().filter(|other| *other != own) {
                for statement in [
                    format!("USE marquee_{other}"),
                    format!("SELECT COUNT(*) FROM marquee_{other}.journal"),
                    format!("DELETE FROM marquee_{other}.journal"),
                    format!("CREATE TABLE marquee_{other}.mine (id INT)"),
                    format!("GRANT ALL ON marquee_{other}.* TO CURRENT_USER"),
                ] {
                    let error = run(statement.clone()).await.expect_err(&statement).to_string();
                    assert!(error.contains("denied"), "{statement}: {error}");
                }
                let elsewhere = url.replace(&format!("/marquee_{own}"), &format!("/marquee_{other}"));
                assert_ne!(&elsewhere, url);
                assert!(AsyncMysqlConnection::establish(&elsewhere).await.is_err(), "{own} opens {other}'s database");
            }
            for statement in ["SELECT * FROM mysql.user", "CREATE DATABASE marquee_other", "CREATE USER mine"] {
                assert!(run(statement.into()).await.is_err(), "{own}: {statement}");
            }
        }
    });
}

async fn connect(urls: &NatsUrls, user: NatsUser) -> Client {
    let (address, options) = sign_in(&urls[&user]).unwrap();
    options.connect(address).await.unwrap()
}
