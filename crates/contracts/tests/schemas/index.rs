//! `README.md`: what there is, for people.

use std::fmt::{Result, Write};

use contracts::Service;
use contracts::catalogue::{Catalogue, common_queries};
use contracts::message::MessageSpec;

use crate::documents::{Documents, Told, event_subject};

const INTRODUCTION: &str = "# What travels

Everything that can be asked of Marquee on NATS, and everything that it tells, with the JSON Schema (2020-12) of each
message. All of it is made from the types in [crates/contracts](../crates/contracts/src/lib.rs), this page included;
`UPDATE_SCHEMAS=1 cargo test -p contracts --test schemas` writes it anew.

- [asyncapi.json](asyncapi.json) has the same in one document, with headers, for tools (AsyncAPI 3.0);
  [openapi.json](openapi.json) describes REST.
- A command can be sent in two ways: durable on `cinema.cmd.…`, and answered with its outcome on `cinema.ask.…`.
- Events are CloudEvents 1.0; [docs/events.md](../docs/events.md) tells how to follow them.
- What is [released](released.json) stays readable: a change that would break who uses it fails the tests. Events that
  were stored once are read for ever, as the [golden files](golden) show.
";

/// The page.
pub(crate) fn page(documents: &Documents, cases: &[Told]) -> std::result::Result<String, std::fmt::Error> {
    let mut page = INTRODUCTION.to_owned();
    for service in Service::ALL {
        of_service(&mut page, service)?;
    }
    page += "\n## Common to all\n\n| schema | |\n|---|---|\n";
    for (path, document) in documents.iter().filter(|(path, _)| path.starts_with("common/")) {
        let title = document.schema["description"].as_str().or(document.schema["title"].as_str()).unwrap_or_default();
        let name = path.trim_start_matches("common/");
        writeln!(page, "| [{name}]({path}.json) | {} |", title.lines().next().unwrap_or_default())?;
    }
    page += "\n## Problems\n\nThe `type` of a problem is `urn:marquee:problem:` and one of these names; the status is REST's \
        and the\n`Nats-Service-Error-Code`. More may come.\n\n| name | status | title | meaning |\n|---|---|---|---|\n";
    for Told { case, meaning } in cases {
        writeln!(page, "| `{}` | {} | {} | {meaning} |", case.name(), case.status(), case.title())?;
    }
    Ok(page)
}

fn of_service(page: &mut String, service: Service) -> Result {
    let Catalogue { commands, events, queries, methods, .. } = Catalogue::of(service);
    writeln!(page, "\n## The {service} service\n\n### Commands\n")?;
    writeln!(page, "`{}` and `{}`.\n", service.command("<command>"), service.ask("<command>"))?;
    *page += "| command | | schema | answer |\n|---|---|---|---|\n";
    for spec in commands {
        asked(page, "commands", &format!("{service}.{}", spec.name), spec.name, &spec)?;
    }
    let (stream, live) = (service.events_stream(), service.live());
    writeln!(
        page,
        "\n### Events\n\nIn the stream `{stream}`; for gateways, [several in one message](common/live.json) on `{live}`.\n"
    )?;
    *page += "| event | | subject | schema |\n|---|---|---|---|\n";
    for spec in events {
        let (name, description, subject) = (spec.name, spec.description, event_subject(service, &spec));
        writeln!(page, "| `{name}` | {description} | `{subject}` | [data](events/{service}.{name}.json) |")?;
    }
    *page += "\n### Queries\n\n| subject | | schema | answer |\n|---|---|---|---|\n";
    for spec in queries {
        asked(page, "queries", &format!("{service}.{}", spec.name), &service.query(spec.name), &spec)?;
    }
    for spec in common_queries() {
        asked(page, "common", spec.name, &service.query(spec.name), &spec)?;
    }
    if methods.is_empty() {
        return Ok(());
    }
    *page += "\n### For other services\n\n| subject | | schema | answer |\n|---|---|---|---|\n";
    for spec in methods {
        asked(page, "rpc", &format!("{service}.{}", spec.name), &service.rpc(spec.name), &spec)?;
    }
    Ok(())
}

fn asked(page: &mut String, folder: &str, file: &str, name: &str, spec: &MessageSpec) -> Result {
    let (path, description) = (format!("{folder}/{file}"), spec.description);
    writeln!(page, "| `{name}` | {description} | [request]({path}.json) | [answer]({path}.reply.json) |")
}
