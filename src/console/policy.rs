//! The policy as a page: the file that decides, and a check of a changed one before it is put in place.

use maud::html;

use super::page::Frame;

/// The policy that answers, and what was found of a changed text.
#[derive(Debug)]
pub struct PolicyPage<'a> {
    /// The text shown: the one sent, or the file's.
    pub text: &'a str,
    /// What the check of the text sent found; none if nothing was sent.
    pub found: Option<Result<String, String>>,
    /// The version of the policy that answers.
    pub version: &'a str,
}

impl PolicyPage<'_> {
    /// The whole page.
    #[must_use]
    pub fn render(&self, frame: &Frame) -> String {
        let contents = html! {
            p { "Policy " code { (self.version) } " answers. It is the file " code { "policy.toml" } " of the project; a changed file is taken within a second, and kept out if it is wrong." }
            @match &self.found {
                Some(Ok(found)) => p.good role="status" { (found) },
                Some(Err(found)) => p.fault role="alert" { (found) },
                None => p.note { "Change the text and check it here; nothing is saved." },
            }
            form method="post" action="/policy" {
                label for="text" { "Text of a policy" }
                textarea id="text" name="text" spellcheck="false" { (self.text) }
                p { button { "Check" } }
            }
        };
        frame.page("Policy", &contents)
    }
}
