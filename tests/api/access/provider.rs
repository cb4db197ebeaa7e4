//! Tokens of a real `OpenID` provider: rotation of its keys, its absence, and floods of unknown keys.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Lines, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::future::join_all;
use orders::infra::MemoryStore;
use serde_json::{Value, json};

use crate::{
    helpers::Api,
    support::{eventually, project, service::client},
};

use super::tokens::{AUDIENCE, settings};

/// The provider in a process of its own. The end of the test kills it.
struct Provider {
    process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    url: String,
}

impl Provider {
    fn start() -> Self {
        let modules = project().join("target/oidc/node_modules");
        assert!(modules.exists(), "the provider is in target/oidc; scripts/test installs it");
        let mut command = Command::new("node");
        command.arg(project().join("tests/api/access/provider.mjs")).arg(modules.parent().unwrap());
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
        let url = output.next().unwrap().unwrap();
        Self { input: process.stdin.take().unwrap(), process, output, url }
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
        assert_eq!(self.output.next().unwrap().unwrap(), "done");
    }

    async fn token(&self) -> String {
        let form = format!("grant_type=client_credentials&scope=orders%3Aread&aud={AUDIENCE}&tenant=acme&sub=ann");
        let request = client().post(format!("{}/token", self.url)).body(form);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        answer["access_token"].as_str().unwrap().to_owned()
    }

    /// How often the keys were requested.
    async fn requests(&self) -> usize {
        client().get(format!("{}/count", self.url)).send().await.unwrap().text().await.unwrap().parse().unwrap()
    }

    fn service(&self) -> Api {
        let access = settings(&format!("{}/jwks", self.url), &self.url);
        Api::builder().access(access).start_on(MemoryStore::default())
    }
}

impl Provider {
    /// A token with another key than this one: the provider takes its keys in turn.
    async fn newly_signed(&self, other: &str) -> String {
        for _ in 0..10 {
            let token = self.token().await;
            if kid(&token) != kid(other) {
                return token;
            }
        }
        panic!("the provider still signs with the same key");
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The id of the key that signed the token.
fn kid(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice::<Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_rotate_under_load_without_a_false_401() {
    let mut provider = Provider::start();
    let api = provider.service();
    let mut signers = BTreeSet::new();
    for rotation in 0..2 {
        if rotation > 0 {
            provider.tell("rotate");
        }
        let tokens = join_all((0..20).map(|_| provider.token())).await;
        signers.extend(tokens.iter().map(|token| kid(token)));
        let statuses =
            join_all(tokens.iter().map(async |token| api.with_credential(token).get("/orders").await.status.as_u16()))
                .await;
        assert_eq!(statuses, [200; 20], "rotation {rotation}");
    }
    assert_eq!(signers.len(), 2, "tokens of both keys were sent: {signers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_provider_is_away_the_known_keys_stay_good_and_new_ones_do_not_stop_the_service() {
    let mut provider = Provider::start();
    let api = provider.service();
    let known = provider.token().await;
    assert_eq!(api.with_credential(&known).get("/orders").await.status, 200);
    provider.tell("away");
    let other = provider.token().await;
    assert_ne!(known, other, "it was never verified before");
    assert_eq!(api.with_credential(&other).get("/orders").await.status, 200);
    // Signed with a key that only the provider has: nobody can say that the token is wrong.
    provider.tell("rotate");
    let new = provider.newly_signed(&other).await;
    for token in [new, forged(&other, "nobody")] {
        api.with_credential(&token).get("/orders").await.assert_problem(503, "issuer_unavailable");
    }
    assert_eq!(api.with_credential(&other).get("/orders").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn until_the_keys_were_read_for_the_first_time_callers_are_told_to_come_back() {
    let mut provider = Provider::start();
    provider.tell("away");
    let api = provider.service();
    let token = provider.token().await;
    let answer = api.with_credential(&token).get("/orders").await;
    answer.assert_problem(503, "issuer_unavailable");
    assert_eq!(answer.header("retry-after"), "1");
    provider.tell("back");
    eventually("the token is accepted", async || {
        (api.with_credential(&token).get("/orders").await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_unknown_keys_causes_one_request_and_valid_tokens_are_served_meanwhile() {
    let provider = Provider::start();
    let api = provider.service();
    let token = provider.token().await;
    assert_eq!(api.with_credential(&token).get("/orders").await.status, 200);
    let before = provider.requests().await;
    let flood = join_all((0..40).map(async |n| {
        let unknown = api.with_credential(&forged(&token, &format!("unknown-{n}"))).get("/orders").await.status;
        (unknown.as_u16(), api.with_credential(&token).get("/orders").await.status.as_u16())
    }));
    assert_eq!(flood.await, [(401, 200); 40]);
    // The key of the first token may have caused one just before.
    let asked = provider.requests().await - before;
    assert!(asked <= 1, "{asked} requests");
}

/// The same token under the id of another key.
fn forged(token: &str, kid: &str) -> String {
    let (_, rest) = token.split_once('.').unwrap();
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(json!({"alg": "RS256", "kid": kid}).to_string()))
}
