use reqwest::Response;
use serde_json::Value;

use crate::support::PATIENCE;

/// A client of server-sent events.
#[derive(Debug)]
pub(crate) struct Follower {
    response: Response,
    rest: String,
}

/// The lines between two empty lines of a stream: its fields, and its comments under an empty name.
pub(crate) type Block = Vec<(String, String)>;

impl Follower {
    pub(crate) fn new(response: Response) -> Self {
        Self { response, rest: String::new() }
    }

    /// The next block of any kind. `None` at the end of the stream.
    pub(crate) async fn block(&mut self) -> Option<Block> {
        loop {
            if let Some((block, rest)) = self.rest.split_once("\n\n") {
                let fields = block.lines().map(|line| line.split_once(": ").expect("a field or a comment"));
                let block = fields.map(|(name, value)| (name.trim_matches(':').to_owned(), value.to_owned())).collect();
                self.rest = rest.into();
                return Some(block);
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await;
            let chunk = chunk.expect("something comes within 30 s").ok()??;
            self.rest.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event: its id, its type and its data. `None` at the end of the stream.
    pub(crate) async fn event(&mut self) -> Option<(u64, String, Value)> {
        loop {
            let block = self.block().await?;
            let [(id, position), (event, kind), (data, json)] = block.as_slice() else { continue };
            if [id, event, data] == ["id", "event", "data"] {
                return Some((position.parse().unwrap(), kind.clone(), serde_json::from_str(json).unwrap()));
            }
        }
    }
}
