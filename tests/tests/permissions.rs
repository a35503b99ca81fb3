//! Who may do what on NATS: every user tries every class of subject on a server that has nothing else to do, and what
//! isn't granted is refused.

use async_nats::jetstream;
use async_nats::{Client, Event};
use contracts::Service;
use marquee::servers::{NatsUrls, PATIENCE, SUBSCRIBERS_API};
use runtime::broker::sign_in;
use system_tests::BareNats;
use system_tests::NatsUser::{self, Gateway, Operator, Provisioner, Subscriber};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;
use uuid::Uuid;

/// A subject, and who may use it beside the provisioner, who may use all of them.
type Granted = (String, Vec<NatsUser>);

/// What nobody is granted: once it is refused, all that was tried before has been answered.
const REFUSED: &str = "not.granted";

/// The one way in which somebody but the provisioner removes something that is stored.
const ERASING: &str = "$JS.API.STREAM.MSG.DELETE.DEAD_LETTERS";

fn service(service: Service) -> NatsUser {
    NatsUser::Service(service)
}

/// Who follows a service's events.
fn followers(of: Service) -> Vec<NatsUser> {
    let mut followers = vec![service(of), Gateway, Operator];
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
        grant(of.command("place"), &[Operator]);
        grant(of.ask("place"), &[Operator]);
        grant(of.query("list"), &[Gateway, Operator]);
        grant(of.query("operation"), &[own, Gateway, Operator]);
        grant(of.query("audit"), &[Gateway, Operator]);
        let others = if of == Service::Bookings { vec![] } else { vec![bookings] };
        grant(of.rpc("check"), &others);
        let secrets = if of == Service::Users { vec![Gateway] } else { vec![] };
        grant(of.rpc("credentials"), &secrets);
        grant(of.rpc("api-key"), &secrets);
        grant(of.rpc("account"), &secrets);
        grant(of.event(Uuid::nil(), "done"), &[own]);
        grant(of.live(), &[own]);
        grant(of.dead_letters(), &[own]);

        for stream in [commands, events] {
            grant(format!("$JS.API.STREAM.CREATE.{stream}"), &[own]);
        }
        grant(format!("$JS.API.STREAM.INFO.{commands}"), &[own, Operator]);
        grant(format!("$JS.API.CONSUMER.CREATE.{commands}.decider"), &[own]);
        grant(format!("$JS.API.CONSUMER.CREATE.{commands}.other"), &[]);
        grant(format!("$JS.API.CONSUMER.DELETE.{commands}.other"), &[]);
        grant(format!("$JS.API.CONSUMER.DELETE.{events}.other"), &[]);
        grant(format!("$JS.API.CONSUMER.CREATE.{commands}"), &[]);
        grant(format!("$JS.API.CONSUMER.DURABLE.CREATE.{commands}.other"), &[]);
        grant(format!("$JS.API.CONSUMER.INFO.{commands}.decider"), &[own, Operator]);
        grant(format!("$JS.API.CONSUMER.MSG.NEXT.{commands}.decider"), &[own]);
        // It makes it anew when it delivers nothing any more.
        grant(format!("$JS.API.CONSUMER.DELETE.{commands}.decider"), &[own]);
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
            grant(format!("{SUBSCRIBERS_API}.{api}"), &[Subscriber]);
        }
        grant(format!("$JS.API.CONSUMER.DURABLE.CREATE.{events}.mine"), &[]);
        grant(format!("{SUBSCRIBERS_API}.CONSUMER.DURABLE.CREATE.{events}.mine"), &[Subscriber]);
        grant(format!("{SUBSCRIBERS_API}.CONSUMER.CREATE.{commands}.mine"), &[]);
        grant(format!("{SUBSCRIBERS_API}.STREAM.MSG.GET.{events}"), &[]);
        grant(format!("{SUBSCRIBERS_API}.CONSUMER.DELETE.{events}.mine"), &[]);
        grant(format!("$JS.ACK.{events}.mine.1.1.1.1.1"), &[Operator, Subscriber]);
    }
    let services = Service::ALL.map(service);
    grant("$JS.API.STREAM.CREATE.DEAD_LETTERS".into(), &services);
    // Each service tells how many it has.
    let counting = [service(Service::Users), service(Service::Movies), service(Service::Bookings), Operator];
    grant("$JS.API.STREAM.INFO.DEAD_LETTERS".into(), &counting);
    // Who is erased goes from the dead letters, too; and admins send them again or drop them.
    grant("$JS.API.STREAM.MSG.GET.DEAD_LETTERS".into(), &[service(Service::Users), Gateway, Operator]);
    grant(ERASING.into(), &[service(Service::Users), Gateway]);
    grant("$JS.API.STREAM.CREATE.ANYTHING".into(), &[]);
    for api in ["STREAM.NAMES", "STREAM.LIST"] {
        grant(format!("$JS.API.{api}"), &[Operator]);
        grant(format!("{SUBSCRIBERS_API}.{api}"), &[Subscriber]);
    }
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
        let consumer = ["PAUSE", "RESET"].map(|api| format!("$JS.API.CONSUMER.{api}.{stream}.decider"));
        let subscriber = api.map(|api| format!("{SUBSCRIBERS_API}.STREAM.{api}.{stream}"));
        api.map(|api| format!("$JS.API.STREAM.{api}.{stream}")).into_iter().chain(consumer).chain(subscriber)
    });
    subjects.filter(|subject| subject != ERASING).collect()
}

/// Every class of subject that is subscribed to.
fn subscribing() -> Vec<Granted> {
    let mut granted: Vec<Granted> = Vec::new();
    for of in Service::ALL {
        let own = service(of);
        granted.push((of.all_commands(), vec![]));
        granted.push((of.command("batch"), vec![own]));
        granted.push((of.ask(">"), vec![own]));
        granted.push((of.query(">"), vec![own]));
        granted.push((of.rpc(">"), vec![own]));
        granted.push((of.all_events(), vec![Operator, Subscriber]));
        granted.push((of.live(), vec![Gateway]));
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

async fn connect(urls: &NatsUrls, user: NatsUser) -> Client {
    let (address, options) = sign_in(&urls[&user]).unwrap();
    options.connect(address).await.unwrap()
}
